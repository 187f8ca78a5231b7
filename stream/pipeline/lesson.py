"""The known labels of one event, how more of them are merged in, and the lesson that they make."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple, Self

from drift.core import Vector
from learners.core import Prediction
from learners.uncertainty import Confidence
from stream.records import Labelled

DIGEST = 16
"""Length of a digest in bytes."""
NO_RECORD = bytes(DIGEST)
"""Fingerprint of events that have no record, as in an evaluation."""


class KnownLabels(NamedTuple):
    """The known labels of one event. Of two statements about a label, the later one counts.

    Parameters
    ----------
    labels
        Those it has, each once, in the order in which they were named.
    negative
        Those it does not have; None means every other label.

    Examples
    --------
    >>> partial = KnownLabels(("wheat",), ("oil",))
    >>> partial.updated(KnownLabels((), ("wheat",)))
    KnownLabels(labels=(), negative=('oil', 'wheat'))
    >>> partial.contradicts(KnownLabels((), ("wheat",))), partial.contradicts(KnownLabels(("corn",), ()))
    (True, False)
    """

    labels: tuple[str, ...]
    negative: tuple[str, ...] | None

    @classmethod
    def of(cls, said: Labelled) -> Self:
        """Return what an event or a feedback states; a label that is named both ways is positive."""
        labels = tuple(dict.fromkeys(said.labels or ()))
        negative = said.negative
        return cls(labels, None if negative is None else _without(dict.fromkeys(negative), labels))

    def named(self, present_name: Callable[[str], str]) -> Self:
        """Return these with each label under its present name; one that is named both ways is positive."""
        labels = tuple(dict.fromkeys(map(present_name, self.labels)))
        if self.negative is None:
            return type(self)(labels, None)
        return type(self)(labels, _without(dict.fromkeys(map(present_name, self.negative)), labels))

    @property
    def characters(self) -> int:
        """Number of characters of all names."""
        return sum(map(len, self.labels)) + sum(map(len, self.negative or ()))

    def updated(self, later: KnownLabels) -> KnownLabels:
        """Return this updated by later labels; complete labels replace everything."""
        if later.negative is None:
            return later
        labels = (*_without(self.labels, later.negative), *_without(later.labels, self.labels))
        if self.negative is None:
            return KnownLabels(labels, None)
        negative = (*_without(self.negative, later.labels), *_without(later.negative, self.negative))
        return KnownLabels(labels, negative)

    def contradicts(self, later: KnownLabels) -> bool:
        """Return whether later labels change one that was known."""
        updated = set(self.updated(later).labels)
        known = set(self.labels)
        lost, won = known - updated, updated - known
        return bool(lost or (won if self.negative is None else won.intersection(self.negative)))

    def same(self, other: KnownLabels) -> bool:
        """Return whether two are equal, in any order."""
        return set(self.labels) == set(other.labels) and (
            self.negative is other.negative is None
            or (
                (None not in (self.negative, other.negative))
                and set(self.negative or ()) == set(other.negative or ())
            )
        )


class Lesson(NamedTuple):
    """One event's vector and labels, from which a model learns.

    Parameters
    ----------
    x
        The event's vector, as it was predicted.
    prediction
        What was predicted then, to be scored; None if it has been scored already.
    known
        All known labels of the event.
    fingerprint
        Hash chain over all records that it comes from.
    delay
        Number of events predicted since this one.
    confidence
        The prediction's confidence; None where `prediction` is, or if there was none.
    text
        The event's text, to explain alarms with; None where it was not kept.
    """

    x: Vector
    prediction: Prediction | None
    known: KnownLabels
    fingerprint: bytes
    delay: int = 0
    confidence: Confidence | None = None
    text: str | None = None


def hash_chain(*parts: bytes) -> bytes:
    """Return a digest of some byte strings in their order."""
    measured = b"".join([each for part in parts for each in (len(part).to_bytes(8, "little"), part)])
    return hashlib.blake2b(measured, digest_size=DIGEST).digest()


def _without(names: tuple[str, ...] | dict[str, None], those: tuple[str, ...]) -> tuple[str, ...]:
    left_out = set(those)
    return tuple(name for name in names if name not in left_out)
