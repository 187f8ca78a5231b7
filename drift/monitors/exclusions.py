"""Frequent labels that never occur together: detected online and reported."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np

from drift.alarms import Alarm, Observation
from drift.core import Ids, Parametrised, State
from drift.statistics import PAIRED_LABELS, allowed_p, without

BLOCK_MESSAGES = 500
"""Messages in a block, within which a label's rate is taken as constant."""
LEAST_BLOCK_COUNT = 20
"""Messages of a block (4 %) that must carry a label for its pairs to be tested."""
MOST_EXPECTED = 1000.0
"""Expected co-occurrences above which a pair's counts are halved, so that old evidence decays."""
EXCLUSIVE_SHARE = 0.8
"""Share of the co-occurrences expected of independent labels that exclusive labels must lack."""


class ExclusionMonitor(Parametrised):
    """Reports frequent labels that exclude each other. Scope *correlation*, detector ``exclusive/chernoff``.

    Independent labels with n and m messages among N co-occur n m / N times; expectations are summed over
    blocks of 500 messages, so labels that are frequent at different times are not exclusive. Labels exclude
    each other if at least four fifths of these co-occurrences are missing: the Chernoff bound of a Poisson
    variable is below what the budget allows. The statistic is the missing share. A pair is reported once
    (action "reported"), and withdrawn when it surely no longer holds ("withdrawn"); pairs implied by a pair
    of ancestors are not reported. Only labels on 4 % of a block's messages are tested, which bounds the
    work per block whatever the number of labels. Messages with incomplete labels are skipped.

    Parameters
    ----------
    budget
        False reports (or withdrawals) per 100,000 messages for all pairs together, positive. More is quicker.

    Examples
    --------
    >>> monitor = ExclusionMonitor()
    >>> for n in range(1500):
    ...     labels = np.array([n % 3])
    ...     seen = Observation(labels, labels, name=["oil", "grain", "ship"].__getitem__)
    ...     for alarm in monitor.update(seen):
    ...         print(n, alarm.subject, alarm.statistic)
    999 oil | grain 1.0
    999 oil | ship 1.0
    999 grain | ship 1.0
    """

    def __init__(self, budget: float = 1.0) -> None:
        if not budget > 0:
            raise ValueError(f"ExclusionMonitor needs budget in (0, inf). Got {budget!r} instead.")
        self.budget = budget
        self._messages = 0
        self._tests = 0
        self._counts: Counter[int] = Counter()
        self._meetings: Counter[tuple[int, int]] = Counter()
        # By pair: expected co-occurrences, observed ones, and whether it has been reported.
        self._pairs: dict[tuple[int, int], tuple[float, float, bool]] = {}

    def update(self, observation: Observation) -> list[Alarm]:
        """See `Monitor`."""
        if not observation.complete:
            return []
        self._messages += 1
        labels = observation.actual[:PAIRED_LABELS].tolist()
        self._counts.update(labels)
        self._meetings.update(itertools.combinations(labels, 2))
        if self._messages % BLOCK_MESSAGES:
            return []
        alarms = [alarm for pair in self._close() for alarm in self._test(pair, observation)]
        self._counts.clear()
        self._meetings.clear()
        return alarms

    def forget(self, labels: Ids) -> None:
        """See `Monitors.forget`."""
        for label in labels.tolist():
            self._counts.pop(label, None)
        self._meetings = Counter(without(self._meetings, labels))
        self._pairs = without(self._pairs, labels)

    def _close(self) -> list[tuple[int, int]]:
        """Add the block to the counts of its frequent pairs, and return those pairs."""
        frequent = sorted(label for label, count in self._counts.items() if count >= LEAST_BLOCK_COUNT)
        pairs = list(itertools.combinations(frequent, 2))
        for pair in pairs:
            expected, met, reported = self._pairs.get(pair, (0.0, 0.0, False))
            expected += self._counts[pair[0]] * self._counts[pair[1]] / BLOCK_MESSAGES
            met += self._meetings[pair]
            if expected > MOST_EXPECTED:
                expected, met = expected / 2, met / 2
            self._pairs[pair] = (expected, met, reported)
        return pairs

    def _test(self, pair: tuple[int, int], observation: Observation) -> list[Alarm]:
        expected, met, reported = self._pairs[pair]
        fewest = (1 - EXCLUSIVE_SHARE) * expected
        if (met >= fewest) != reported:
            return []
        self._tests += 1
        p = poisson(met, fewest)
        if p > allowed_p(self.budget, self._tests, self._messages):
            return []
        if not reported and self._follows(pair, observation):
            return []
        self._pairs[pair] = (expected, met, not reported)
        first, second = map(observation.name, pair)
        return [
            Alarm(
                "exclusive/chernoff",
                "relation",
                f"{first} | {second}",
                1 - met / expected,
                EXCLUSIVE_SHARE,
                self._messages,
                "withdrawn" if reported else "reported",
                p=p,
            )
        ]

    def _follows(self, pair: tuple[int, int], observation: Observation) -> bool:
        first, second = ({label, *observation.above(label)} for label in pair)
        if first & second >= {pair[0]} or first & second >= {pair[1]}:
            return True
        above = [tuple(sorted(each)) for each in itertools.product(sorted(first), sorted(second))]
        return any(self._pairs.get((a, b), (0.0, 0.0, False))[2] for a, b in above if (a, b) != pair)

    def state(self) -> State:
        """See `Monitor`."""
        pairs = [(*pair, *rest) for pair, rest in self._pairs.items()]
        meetings = [(*pair, count) for pair, count in self._meetings.items()]
        return super().state() | {
            "messages": self._messages,
            "tests": self._tests,
            "counts": np.array(list(self._counts.items()), dtype=np.int64).reshape(-1, 2),
            "meetings": np.array(meetings, dtype=np.int64).reshape(-1, 3),
            "pairs": np.array(pairs, dtype=np.float64).reshape(-1, 5),
        }

    def load_state(self, state: State) -> None:
        """See `Monitor`."""
        super().load_state(state)
        self._messages, self._tests = state["messages"], state["tests"]
        self._counts = Counter(dict(np.asarray(state["counts"]).tolist()))
        self._meetings = Counter({(a, b): count for a, b, count in np.asarray(state["meetings"]).tolist()})
        self._pairs = {
            (int(a), int(b)): (expected, met, bool(reported))
            for a, b, expected, met, reported in np.asarray(state["pairs"]).tolist()
        }


def poisson(count: float, mean: float) -> float:
    """Bound the tail probability of a Poisson count, on the side of the mean on which the count lies.

    Examples
    --------
    >>> round(poisson(0, 3.0), 4), poisson(3, 3.0)
    (0.0498, 1.0)
    """
    return math.exp(count - mean - (count * math.log(count / mean) if count else 0.0))
