"""ADWIN in lists and numpy, value by value: what the compiled one must equal to the last bit."""

from __future__ import annotations

import math

import numpy as np

from drift.core import Floats


class ListADWIN:
    """The same window as `drift.detectors.ADWIN`: its buckets in lists, its sums as numpy adds them up."""

    def __init__(
        self, delta: float = 0.002, clock: int = 32, max_buckets: int = 5, min_length: int = 5
    ) -> None:
        self.delta = delta
        self.clock = clock
        self.max_buckets = max_buckets
        self.min_length = min_length
        self.drift_detected = False
        self.statistic = 0.0
        self.threshold = math.inf
        self.before: float | None = None
        self.after: float | None = None
        # Row r holds buckets of 2**r values, oldest first: their total and their squared deviations.
        self._rows: list[list[tuple[float, float]]] = [[]]
        self._seen = 0

    @property
    def window(self) -> int:
        """Values in the window."""
        return sum(len(row) << r for r, row in enumerate(self._rows))

    def update(self, value: float) -> None:
        """Take in one value."""
        self.drift_detected = False
        self.before = self.after = None
        self._rows[0].append((float(value), 0.0))
        self._compress()
        self._seen += 1
        if self._seen % self.clock == 0:
            self._shrink()

    def _compress(self) -> None:
        for r, row in enumerate(self._rows):
            if len(row) <= self.max_buckets:
                return
            if r + 1 == len(self._rows):
                self._rows.append([])
            (first, first_squares), (second, second_squares) = row[:2]
            del row[:2]
            between = (first - second) * (first - second) / (2 << r)
            self._rows[r + 1].append((first + second, first_squares + second_squares + between))

    def _shrink(self) -> None:
        buckets = self._buckets()
        while True:
            position, before, after, threshold = self._strongest_cut(*buckets)
            if not self.drift_detected:
                self.statistic, self.threshold = after - before, threshold
            if abs(after - before) <= threshold:
                return
            if not self.drift_detected:
                self.drift_detected, self.before, self.after = True, before, after
            self._forget(position)
            buckets = buckets[:, position:]

    def _buckets(self) -> Floats:
        """Return size, total and squared deviations of every bucket, oldest first: shape (3, buckets)."""
        found = [(1 << r, *bucket) for r in range(len(self._rows) - 1, -1, -1) for bucket in self._rows[r]]
        return np.array(found).T

    def _strongest_cut(
        self, sizes: Floats, totals: Floats, squares: Floats
    ) -> tuple[int, float, float, float]:
        """Return how many buckets lie before the strongest cut, the means on either side and the bound."""
        before, total_before = sizes.cumsum(), totals.cumsum()
        width, total = before[-1], total_before[-1]
        variance = (squares.sum() + (sizes * (totals / sizes - total / width) ** 2).sum()) / width
        after = width - before
        allowed = np.flatnonzero((before >= self.min_length) & (after >= self.min_length))
        if not len(allowed):
            return 0, 0.0, 0.0, math.inf
        before, after, total_before = before[allowed], after[allowed], total_before[allowed]
        mean_before, mean_after = total_before / before, (total - total_before) / after
        harmonic = 1.0 / before + 1.0 / after
        confidence = math.log(2.0 * math.log(width) / self.delta)
        bound = np.sqrt(2.0 * harmonic * variance * confidence) + 2.0 / 3.0 * harmonic * confidence
        best = int(np.argmax(np.abs(mean_after - mean_before) / bound))
        means = float(mean_before[best]), float(mean_after[best])
        return int(allowed[best]) + 1, *means, float(bound[best])

    def _forget(self, buckets: int) -> None:
        for _ in range(buckets):
            while not self._rows[-1]:
                self._rows.pop()
            del self._rows[-1][0]
        while len(self._rows) > 1 and not self._rows[-1]:
            self._rows.pop()

    def rows(self) -> list[list[tuple[float, float]]]:
        """Return the buckets of each size, oldest first, without empty rows at the end."""
        return self._rows if self._rows[-1] else []
