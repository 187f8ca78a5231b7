"""The latest predictions of one partition in the order of their events, and the labels that came for them."""

from __future__ import annotations

import bisect
import functools
from collections.abc import Sequence
from typing import NamedTuple

from stream.pipeline import KnownLabels

PREDICTIONS_KEPT = 20_000
"""Predictions kept per partition; drift events older than these have no messages to show."""

STATEMENTS = 8
"""Most records of feedback about one event that wait for its prediction."""


class RecentPrediction(NamedTuple):
    """One prediction, and what is known by now of its event's labels.

    Parameters
    ----------
    partition, offset, time
        Position of its event, and when it was written.
    id, run
        Id of the event, and name of the run.
    updates
        Messages that the model had learned from.
    labels
        The predicted ones.
    own
        The labels that came with its event; None if none did.
    taught
        Whether labels came with the event, so that the model learned from it at once.
    value
        The whole record.
    came
        When its event was written to its topic; None if unknown.
    unsure
        Whether the prediction was rejected.
    possible
        The labels that could not be excluded: its conformal set; None if there is none.
    early, later
        What feedback before and after its event said of its labels; None if none came.
    """

    partition: int
    offset: int
    time: float | None
    id: str
    run: str
    updates: int
    labels: tuple[str, ...]
    own: KnownLabels | None
    taught: bool
    value: bytes
    came: float | None = None
    unsure: bool = False
    possible: tuple[str, ...] | None = None
    early: KnownLabels | None = None
    later: KnownLabels | None = None

    @property
    def known(self) -> KnownLabels | None:
        """The labels known by now, of which the latest record counts; None as long as none are."""
        said = [each for each in (self.early, self.own, self.later) if each is not None]
        return functools.reduce(KnownLabels.updated, said) if said else None

    def joined(self, said: KnownLabels, offset: int) -> RecentPrediction:
        """Return this with what feedback at an offset says."""
        if offset < self.offset:
            return self._replace(early=said if self.early is None else self.early.updated(said))
        return self._replace(later=said if self.later is None else self.later.updated(said))

    @property
    def truth(self) -> tuple[str, ...] | None:
        """The true labels, once they are completely known."""
        known = self.known
        return None if known is None or known.negative is not None else known.labels

    @property
    def wrong(self) -> bool:
        """Whether the true labels are known and differ from the predicted ones."""
        return self.truth is not None and set(self.truth) != set(self.labels)

    def counts(self, before: tuple[str, ...]) -> dict[str, float]:
        """Return what it adds to the scores, its truth being known, and to those of persistence.

        Parameters
        ----------
        before
            The true labels of the message before, which persistence repeats.
        """
        truth, predicted, persistence = set(self.truth or ()), set(self.labels), set(before)
        judged = self.possible is not None
        return {
            "scored": 1.0,
            "exact": float(predicted == truth),
            "hits": float(len(predicted & truth)),
            "predicted": float(len(predicted)),
            "actual": float(len(truth)),
            "persistence_exact": float(persistence == truth),
            "persistence_hits": float(len(persistence & truth)),
            "persistence_predicted": float(len(persistence)),
            "judged": float(judged),
            "covered": float(judged and truth <= set(self.possible or ())),
        }


class RecentPredictions:
    """Predictions, ordered by offset, and the feedback that was joined to them.

    Examples
    --------
    >>> recent = RecentPredictions()
    >>> recent.add(RecentPrediction(0, 7, None, "a", "r", 3, (), None, False, b"{}"))
    True
    >>> before, now = recent.join("a", KnownLabels(("x",), None), 9)
    >>> before.truth, now.truth, recent.at(7).truth, recent.at(8)
    (None, ('x',), ('x',), None)
    >>> recent.learned(3).id
    'a'
    """

    def __init__(self, kept: int = PREDICTIONS_KEPT) -> None:
        self._kept = kept
        self._seen: list[RecentPrediction] = []
        self._offsets: dict[str, int] = {}
        self._lessons: list[tuple[int, int]] = []
        self._waiting: dict[str, list[tuple[KnownLabels, int, float | None]]] = {}

    def __len__(self) -> int:
        """Return the number of predictions kept."""
        return min(len(self._seen), self._kept)

    def add(self, seen: RecentPrediction) -> bool:
        """Append a prediction; return False if its offset is not beyond the last one, so that it is known."""
        if self._seen and seen.offset <= self._seen[-1].offset:
            return False
        self._seen.append(seen)
        self._offsets[seen.id] = seen.offset
        if len(self._seen) >= 2 * self._kept:
            self._trim()
        return True

    def _trim(self) -> None:
        del self._seen[: -self._kept]
        first = self._seen[0].offset
        self._offsets = {name: offset for name, offset in self._offsets.items() if offset >= first}
        del self._lessons[: bisect.bisect_left(self._lessons, (first, -1))]

    def join(
        self, name: str, said: KnownLabels, offset: int, time: float | None = None
    ) -> tuple[RecentPrediction, RecentPrediction] | None:
        """Join labels to the prediction of an id, and return it as it was and is; None where nothing is new.

        Feedback that was read before the prediction waits for it; see `waiting`.

        Parameters
        ----------
        name
            Id of the event.
        said
            The labels.
        offset, time
            Position of the feedback, and when it was written.
        """
        seen = self.at(self._offsets.get(name, -1))
        if seen is None:
            self._waiting.setdefault(name, []).append((said, offset, time))
            del self._waiting[name][STATEMENTS:]
            if len(self._waiting) > self._kept:
                del self._waiting[next(iter(self._waiting))]
            return None
        joined, former = seen.joined(said, offset), seen.known
        if former is not None and joined.known is not None and joined.known.same(former):
            return None
        self._seen[self._place(seen.offset)] = joined
        bisect.insort(self._lessons, (max(offset, seen.offset), seen.offset))
        return seen, joined

    def waiting(self, name: str) -> list[tuple[KnownLabels, int, float | None]]:
        """Take out the feedback that waited for the prediction of an id, as it was given to `join`."""
        return self._waiting.pop(name, [])

    def _place(self, offset: int) -> int:
        return bisect.bisect_left(self._seen, offset, key=lambda seen: seen.offset)

    def at(self, offset: int) -> RecentPrediction | None:
        """Return the prediction for the event at an offset."""
        found = self.around(offset, 0, 1)
        return found[0] if found and found[0].offset == offset else None

    def around(self, offset: int, before: int, after: int) -> Sequence[RecentPrediction]:
        """Return up to `before` predictions before an offset, and up to `after` from it on."""
        place = self._place(offset)
        return self._seen[max(0, place - before) : place + after]

    def following(self, offset: int) -> int:
        """Return how many of the predictions that are kept are at an offset or after it."""
        return len(self._seen) - self._place(offset)

    def until(self, time: float) -> int:
        """Return the offset of the last prediction written by a time, or of the first one."""
        place = bisect.bisect_right(self._seen, time, key=lambda seen: seen.time or 0.0) - 1
        return self._seen[max(0, place)].offset

    def learned(self, number: int) -> RecentPrediction | None:
        """Return the message that was learned after `number` others: with its event, or by feedback later."""
        place = self._before(number)
        if place < 0:
            return None
        seen = self._seen[place]
        later = number - seen.updates - seen.taught
        if later < 0:
            return seen
        # Between two predictions, a model learns what feedback came between their events, in its order.
        between = self._lessons[bisect.bisect_left(self._lessons, (seen.offset, -1)) :]
        if later >= len(between):
            return None
        offset, about = between[later]
        following = self._seen[place + 1 : place + 2]
        return None if following and offset >= following[0].offset else self.at(about)

    def began(self, offset: int, since: int) -> RecentPrediction | None:
        """Return the first prediction of the last `since` lessons before an offset; None if not kept."""
        here = self.around(offset, 1, 1)
        if not here:
            return None
        first = max(0, here[-1].updates - since)
        place = self._before(first - 1) + 1
        return self._seen[place] if place or self._seen[0].updates == first else None

    def _before(self, number: int) -> int:
        """Return the place of the last prediction by a model that had learned at most `number` messages."""
        return bisect.bisect_right(self._seen, number, key=lambda seen: seen.updates) - 1

    def latest(self) -> Sequence[RecentPrediction]:
        """Return the kept predictions, newest first."""
        return self._seen[: -self._kept - 1 : -1]

    @property
    def first(self) -> int | None:
        """The lowest offset kept."""
        return self._seen[-len(self)].offset if self._seen else None
