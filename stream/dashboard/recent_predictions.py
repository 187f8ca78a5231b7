"""The latest predictions of one partition, in the order of their events."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import NamedTuple

PREDICTIONS_KEPT = 20_000
"""Predictions kept per partition; drift events older than these have no messages to show."""


class RecentPrediction(NamedTuple):
    """One prediction.

    Parameters
    ----------
    partition, offset, time
        Position of its event, and when it was written.
    id, run
        Id of the event, and name of the run.
    updates
        Messages that the model had learned from.
    labels, truth
        Predicted and true labels; the truth is None if it is unknown or incomplete.
    taught
        Whether the model learned from the event.
    value
        The whole record.
    """

    partition: int
    offset: int
    time: float | None
    id: str
    run: str
    updates: int
    labels: tuple[str, ...]
    truth: tuple[str, ...] | None
    taught: bool
    value: bytes

    @property
    def wrong(self) -> bool:
        """Whether the true labels are known and differ from the predicted ones."""
        return self.truth is not None and set(self.truth) != set(self.labels)


class RecentPredictions:
    """Predictions, ordered by offset.

    Examples
    --------
    >>> recent = RecentPredictions()
    >>> recent.add(RecentPrediction(0, 7, None, "a", "r", 3, (), ("x",), True, b"{}"))
    True
    >>> recent.at(7).id, recent.learned(3).id, recent.at(8)
    ('a', 'a', None)
    """

    def __init__(self, kept: int = PREDICTIONS_KEPT) -> None:
        self._kept = kept
        self._seen: list[RecentPrediction] = []

    def __len__(self) -> int:
        """Return the number of predictions kept."""
        return min(len(self._seen), self._kept)

    def add(self, seen: RecentPrediction) -> bool:
        """Append a prediction; return False if its offset is not beyond the last one, so that it is known."""
        if self._seen and seen.offset <= self._seen[-1].offset:
            return False
        self._seen.append(seen)
        if len(self._seen) >= 2 * self._kept:
            del self._seen[: -self._kept]
        return True

    def at(self, offset: int) -> RecentPrediction | None:
        """Return the prediction for the event at an offset."""
        found = self.around(offset, 0, 1)
        return found[0] if found and found[0].offset == offset else None

    def around(self, offset: int, before: int, after: int) -> Sequence[RecentPrediction]:
        """Return up to `before` predictions before an offset, and up to `after` from it on."""
        place = bisect.bisect_left(self._seen, offset, key=lambda seen: seen.offset)
        return self._seen[max(0, place - before) : place + after]

    def learned(self, number: int) -> RecentPrediction | None:
        """Return the message that was learned after `number` others."""
        place = bisect.bisect_right(self._seen, number, key=lambda seen: seen.updates) - 1
        if place < 0 or self._seen[place].updates != number or not self._seen[place].taught:
            return None
        return self._seen[place]

    def latest(self) -> Sequence[RecentPrediction]:
        """Return the kept predictions, newest first."""
        return self._seen[: -self._kept - 1 : -1]

    @property
    def first(self) -> int | None:
        """The lowest offset kept."""
        return self._seen[-len(self)].offset if self._seen else None
