"""What is known of one event's labels, how it changes when more is said, and the lesson that it makes."""

from __future__ import annotations

import hashlib
from typing import NamedTuple, Self

from drift.core import Vector
from learners.core import Prediction
from learners.uncertainty import Confidence
from stream.records import Labelled

DIGEST = 16
"""Bytes of a digest."""
NO_RECORD = bytes(DIGEST)
"""Fingerprint of what comes from no record, as in an evaluation."""


class KnownLabels(NamedTuple):
    """What is known of one event's labels. Of what is said twice of a label, the last counts.

    Parameters
    ----------
    labels
        Those it has, each once, in the order they were named.
    negative
        Those it does not have; None: every other label.

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
        """Return what an event or a feedback says; a label named both ways is one it has."""
        labels = tuple(dict.fromkeys(said.labels or ()))
        negative = said.negative
        return cls(labels, None if negative is None else _without(dict.fromkeys(negative), labels))

    @property
    def characters(self) -> int:
        """How much text this is."""
        return sum(map(len, self.labels)) + sum(map(len, self.negative or ()))

    def updated(self, later: KnownLabels) -> KnownLabels:
        """Return what is known when this was known and that is said: complete labels overrule everything."""
        if later.negative is None:
            return later
        labels = (*_without(self.labels, later.negative), *_without(later.labels, self.labels))
        if self.negative is None:
            return KnownLabels(labels, None)
        negative = (*_without(self.negative, later.labels), *_without(later.negative, self.negative))
        return KnownLabels(labels, negative)

    def contradicts(self, later: KnownLabels) -> bool:
        """Whether a label that was known turns out otherwise, once that is said too."""
        updated = set(self.updated(later).labels)
        known = set(self.labels)
        lost, won = known - updated, updated - known
        return bool(lost or (won if self.negative is None else won.intersection(self.negative)))

    def same(self, other: KnownLabels) -> bool:
        """Whether two say the same, in whatever order."""
        return set(self.labels) == set(other.labels) and (
            self.negative is other.negative is None
            or (
                (None not in (self.negative, other.negative))
                and set(self.negative or ()) == set(other.negative or ())
            )
        )


class Lesson(NamedTuple):
    """What there is to learn.

    Parameters
    ----------
    x
        The event's vector, as it was when it was predicted.
    prediction
        What was predicted then, to be scored; None where that is done.
    known
        All that is known of the event's labels.
    fingerprint
        Stands for all records that this comes from.
    delay
        Events predicted since this one was.
    confidence
        What was said with the prediction of how sure it is; None likewise, or where nothing was.
    text
        The event's text, for whom an alarm is explained to; None where it was not kept.
    """

    x: Vector
    prediction: Prediction | None
    known: KnownLabels
    fingerprint: bytes
    delay: int = 0
    confidence: Confidence | None = None
    text: str | None = None


def hash_chain(*parts: bytes) -> bytes:
    """Return a digest that stands for some bytes in their order."""
    running = hashlib.blake2b(digest_size=DIGEST)
    for part in parts:
        running.update(len(part).to_bytes(8, "little"))
        running.update(part)
    return running.digest()


def _without(names: tuple[str, ...] | dict[str, None], those: tuple[str, ...]) -> tuple[str, ...]:
    left_out = set(those)
    return tuple(name for name in names if name not in left_out)
