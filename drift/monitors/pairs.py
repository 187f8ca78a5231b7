"""Label correlation: pairs of labels that occur together more or less often than before."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np

from drift.alarms import Alarm, Observation, shifted
from drift.core import Arrays, Counts, Ids, Lists, Parametrised, Parts, State, Values, fields
from drift.statistics import PAIRED_LABELS, MeanBank, Shift, without

MOST_CANDIDATES = 10_000
"""Most pairs counted without being watched; above it all counts are halved and ones are dropped."""
LEAST_MEETINGS = 10
"""Co-occurrences after which a pair is watched."""
HALVING_PERIOD = 10_000
"""Messages after which all counts are halved, so that formerly frequent pairs give way to present ones."""


class PairMonitor(Parametrised):
    """Watches the Jaccard index of label pairs that often occur together. Scope *correlation*.

    The index is the share of the messages with either label that carry both. Detector ``pair-jaccard/means``,
    subject "a + b"; `before` and `after` are Jaccard indices, statistic and threshold nats of evidence; see
    `drift.alarms.shifted`. Candidate pairs are found by counting; a label has at most `partners` watched
    pairs, its most frequent ones, so that a message with k labels costs O(k x partners) whatever the number
    of pairs. Messages with incomplete labels are skipped.

    Parameters
    ----------
    budget
        False alarms per 100,000 messages for all pairs together; see `Bank`.
    partners
        Most watched pairs per label, at least 1. More detects more changes and costs more.

    Examples
    --------
    >>> monitor = PairMonitor()
    >>> for n in range(2000):
    ...     labels = np.array([0, 1] if n < 1500 or n % 2 else [0 if n % 4 else 1])
    ...     for alarm in monitor.update(Observation(labels, labels, name=["oil", "gas"].__getitem__)):
    ...         print(n, alarm.subject, alarm.before, round(alarm.after, 1), alarm.since)
    1529 oil + gas 1.0 0.5 32
    """

    state_fields = fields(
        Parts("_bank"),
        Values("_messages"),
        Arrays("_ends", "_weights", "_places"),
        Lists("_free", dtype=np.int64),
    )

    def __init__(self, budget: float = 1.0, partners: int = 8) -> None:
        if partners < 1:
            raise ValueError(f"PairMonitor needs partners in [1, inf). Got {partners!r} instead.")
        self.budget = budget
        self.partners = partners
        self._bank = MeanBank(budget)
        self._messages = 0
        self._counts: dict[tuple[int, int], int] = {}  # Of candidate pairs.
        self._watched: dict[tuple[int, int], int] = {}  # The pair's row.
        self._ends: Counts = np.full((0, 2), -1, dtype=np.int64)
        self._weights: Counts = np.zeros(0, dtype=np.int64)
        self._places: Counts = np.full((0, partners), -1, dtype=np.int64)  # By label.
        self._free: list[int] = []

    def update(self, observation: Observation) -> list[Alarm]:
        """See `Monitor`."""
        if not observation.complete:
            return []
        labels = observation.actual
        self._messages += 1
        if self._messages % HALVING_PERIOD == 0:
            self._halve()
        shifts = self._touch(labels)
        alarms = []
        for shift in shifts:
            first, second = self._ends[shift.series].tolist()
            subject = f"{observation.name(first)} + {observation.name(second)}"
            alarms.append(shifted("pair-jaccard/means", "correlation", subject, shift))
        if len(labels) > 1:
            self._count(labels.tolist())
        return alarms

    def forget(self, labels: Ids) -> None:
        """See `Monitors.forget`."""
        watched = np.unique(self._places[labels[labels < len(self._places)]])
        for place in watched[watched >= 0].tolist():
            self._release(place)
        self._counts = without(self._counts, labels)

    def _touch(self, labels: Ids) -> list[Shift]:
        known = labels[labels < len(self._places)]
        if not len(known):
            return self._bank.update(known, np.zeros(0))
        # A pair's place is noted with each of its labels: if both are here, it comes twice.
        times = Counter(self._places[known].ravel().tolist())
        del times[-1]
        places = np.array(sorted(times), dtype=np.intp)
        both = np.array([times[place] == 2 for place in places.tolist()], dtype=np.bool_)
        self._weights[places] += both
        return self._bank.update(places, both.astype(np.float64))

    def _count(self, labels: list[int]) -> None:
        for pair in itertools.combinations(labels[:PAIRED_LABELS], 2):
            if pair in self._watched:
                continue
            count = self._counts.get(pair, 0) + 1
            self._counts[pair] = count
            if count >= LEAST_MEETINGS and self._watch(pair, count):
                del self._counts[pair]
        if len(self._counts) > MOST_CANDIDATES:
            self._counts = {pair: count // 2 for pair, count in self._counts.items() if count > 1}

    def _watch(self, pair: tuple[int, int], count: int) -> bool:
        """Watch a pair if each of its labels has a free place or a less frequent pair to replace."""
        self._admit(pair[1] + 1)
        lighter = [self._lightest(label) for label in pair]
        if any(place >= 0 and 2 * self._weights[place] > count for place in lighter):
            return False
        for place in dict.fromkeys(place for place in lighter if place >= 0):
            self._release(place)
        place = self._free.pop() if self._free else len(self._weights)
        if place == len(self._weights):
            self._weights = np.append(self._weights, 0)
            self._ends = np.concatenate([self._ends, [[-1, -1]]])
        self._ends[place], self._weights[place], self._watched[pair] = pair, count, place
        for label in pair:
            row = self._places[label]
            row[int(np.flatnonzero(row < 0)[0])] = place
        self._bank.restart(np.array([place]))
        return True

    def _lightest(self, label: int) -> int:
        """Return the place of a label's least frequent watched pair, or -1 if it has a free place."""
        row = self._places[label]
        return -1 if row.min() < 0 else int(row[self._weights[row].argmin()])

    def _release(self, place: int) -> None:
        first, second = self._ends[place].tolist()
        for label in (first, second):
            row = self._places[label]
            row[row == place] = -1
        del self._watched[first, second]
        self._free.append(place)

    def _admit(self, labels: int) -> None:
        have = len(self._places)
        if labels > have:
            more = np.full((max(labels - have, have), self.partners), -1, dtype=np.int64)
            self._places = np.concatenate([self._places, more])

    def _halve(self) -> None:
        self._weights //= 2
        self._counts = {pair: count // 2 for pair, count in self._counts.items() if count > 1}

    def state(self) -> State:
        """See `Monitor`."""
        counts = [(*pair, count) for pair, count in self._counts.items()]
        return super().state() | {"counts": np.array(counts, dtype=np.int64).reshape(-1, 3)}

    def load_state(self, state: State) -> None:
        """See `Monitor`."""
        super().load_state(state)
        self._counts = {
            (first, second): count for first, second, count in np.asarray(state["counts"]).tolist()
        }
        free = set(self._free)
        self._watched = {
            (first, second): place
            for place, (first, second) in enumerate(self._ends.tolist())
            if place not in free
        }
