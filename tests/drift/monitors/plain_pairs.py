"""`PairMonitor` written plainly: lists of numbers for each watched pair, and no rows that are used again."""

from __future__ import annotations

from itertools import combinations

from drift.monitors import pairs
from drift.statistics import PAIRED_LABELS
from tests.drift.statistics.plain import PlainMeans

Pair = tuple[int, int]


class PlainPairs:
    """Watches the Jaccard index of the pairs that meet most often."""

    def __init__(self, budget: float, partners: int) -> None:
        self.means = PlainMeans(budget, 3, 8)
        self.partners = partners
        self.messages = self.series = 0
        self.counts: dict[Pair, int] = {}
        self.watched: dict[Pair, list[int]] = {}  # The number of the series, and the weight.

    def update(self, labels: list[int]) -> list[tuple[Pair, str, int, int]]:
        """Return each changed pair, how it changed, since when, and its window."""
        self.messages += 1
        if self.messages % pairs.HALVING_PERIOD == 0:
            for watched in self.watched.values():
                watched[1] //= 2
            self._halve()
        values = {}
        for pair, watched in self.watched.items():
            if found := len({*pair} & {*labels}):
                values[watched[0]] = float(found == 2)
                watched[1] += found == 2
        by_series = {watched[0]: pair for pair, watched in self.watched.items()}
        changed = self.means.update(values)
        shifts = [(by_series[series], kind, since, window) for series, kind, since, window, _ in changed]
        for pair in combinations(labels[:PAIRED_LABELS], 2):
            if pair not in self.watched:
                self.counts[pair] = self.counts.get(pair, 0) + 1
                if self.counts[pair] >= pairs.LEAST_MEETINGS:
                    self._watch(pair)
        if len(self.counts) > pairs.MOST_CANDIDATES:
            self._halve()
        return sorted(shifts)

    def forget(self, label: int) -> None:
        """Drop all pairs of a label."""
        self.watched = {pair: each for pair, each in self.watched.items() if label not in pair}
        self.counts = {pair: count for pair, count in self.counts.items() if label not in pair}

    def _watch(self, pair: Pair) -> None:
        leave = {}
        for label in pair:
            held = [each for each in self.watched if label in each]
            if len(held) == self.partners:
                lightest = min(held, key=lambda each: self.watched[each][1])
                if 2 * self.watched[lightest][1] > self.counts[pair]:
                    return
                leave[lightest] = label
        for each in leave:
            del self.watched[each]
        self.series += 1
        # The time before a pair is watched is none of its window's.
        self.means.last[self.series] = self.means.clock
        self.watched[pair] = [self.series, self.counts.pop(pair)]

    def _halve(self) -> None:
        self.counts = {pair: count // 2 for pair, count in self.counts.items() if count > 1}
