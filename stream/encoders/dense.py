"""Events that consist of numbers: a vector, named features, or both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drift.core import Parts, Stateful, Values, check_number, fields
from learners.core import FeatureSpace
from stream.records import BadEventError, Event


class Dense(Stateful):
    """The event's vector and its named features, concatenated, without scaling.

    The first vector fixes the length of all; its block stands before the features of its event and
    behind those of events before it. Named features take the slots of a `FeatureSpace`: absent is 0,
    null is missing (NaN), a string is one slot of a few, a rare name has none. Rows grow as names appear,
    so a later row is never shorter than an earlier one. An event without a vector, once there has been
    one, has that block missing (NaN). Scaling is the learners' work.

    Parameters
    ----------
    longest
        Most numbers in a vector; an event with more is a dead letter, even if it is the first. A learner's
        memory grows with the length of vectors, and one wrong first event would fix that for good.

    Examples
    --------
    >>> encoder = Dense()
    >>> event = Event(id="1", ts=0, vector=[1.0, 2.0], features={"wind": 3.0})
    >>> encoder.check(event)
    >>> encoder.encode([event])[0].tolist()
    [1.0, 2.0, 3.0]
    """

    state_fields = fields(Values("_length", "_start"), Parts("_features"))

    def __init__(self, longest: int = 16_384) -> None:
        check_number(self, "longest", longest, int, 1)
        self.longest = longest
        self._features = FeatureSpace()
        self._length: int | None = None
        self._start: int | None = None

    @property
    def name(self) -> str:
        """Identifies how vectors are made."""
        return f"dense-{self._features.scheme}"

    def check(self, event: Event) -> None:
        """Raise BadEventError when the event has no numbers, too many, or a vector not as long as the first.

        The first vector checked fixes the length, so which of two events is refused does not depend
        on the division into batches.
        """
        if event.vector is None and event.features is None:
            raise BadEventError(
                "encoder", f"vector and features are missing; the encoder {self.name} reads them"
            )
        if event.vector is None:
            return
        if len(event.vector) > self.longest:
            raise BadEventError(
                "encoder", f"vector has {len(event.vector)} numbers; longest of the encoder is {self.longest}"
            )
        if self._length is None:
            self._length = len(event.vector)
        if len(event.vector) != self._length:
            raise BadEventError(
                "encoder", f"vector has {len(event.vector)} numbers; the first one had {self._length}"
            )

    def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
        """Return one vector per event, shape (length + slots used so far,)."""
        return [self._row(event) for event in events]

    def _row(self, event: Event) -> NDArray[np.float32]:
        self.check(event)
        if event.vector is not None and self._start is None:
            self._start = len(self._features)
        features = self._features.vector(event.features or {})
        if self._start is None:
            return features
        vector = np.full(self._length or 0, np.nan, dtype=np.float32)
        if event.vector is not None:
            vector[:] = event.vector
        return np.concatenate([features[: self._start], vector, features[self._start :]])
