"""ADWIN over plain arrays: the window of a tree's node, as long as the mean of its losses stays the same."""

from __future__ import annotations

import math

import numpy as np

from drift.core import Counts, Floats, State, compiled
from learners.core import check_number

ROWS, BUCKETS = 24, 5
"""Sizes of buckets (1, 2, 4, ...) and most buckets of one size: room for the latest 80 million values."""
LEAST = 5
"""Values on either side of a cut: fewer, and single outliers decide."""


class AdaptiveWindow:
    """Exponential histogram of values in [0, 1] that drops its old part when the mean has changed.

    Every `clock` values each border between buckets is tried as a cut; the one that exceeds Bernstein's
    bound by the largest factor is taken, everything before it is forgotten, and again until none is left.

    Parameters
    ----------
    delta
        Chance of a false alarm at one check, in (0, 1]. Larger finds smaller changes and raises more
        false alarms.
    clock
        Values between checks, at least 1. Larger is cheaper and later.

    Examples
    --------
    >>> window = AdaptiveWindow()
    >>> changes = [window.update(0.0 if n < 600 else 1.0) for n in range(1000)]
    >>> [(n, change) for n, change in enumerate(changes) if change]
    [(607, 1.0)]
    >>> window.length
    400

    References
    ----------
    A. Bifet and R. Gavaldà. Learning from time-changing data with adaptive windowing. SDM 2007.
    """

    def __init__(self, delta: float = 0.002, clock: int = 32) -> None:
        check_number(self, "delta", delta, float, 0, 1, open_low=True)
        check_number(self, "clock", clock, int, 1)
        self.delta = delta
        self.clock = clock
        self._lengths: Counts = np.zeros(ROWS, dtype=np.int64)
        # Row r holds buckets of 2**r values, oldest first: their total and their squared deviations.
        self._buckets: Floats = np.zeros((ROWS, BUCKETS + 1, 2))
        self._seen = 0

    @property
    def length(self) -> int:
        """Values in the window."""
        return sum(int(count) << row for row, count in enumerate(self._lengths))

    def update(self, value: float) -> float:
        """Take in one value; return by how much the mean rose (below 0: fell) at a cut, 0 without one."""
        self._seen += 1
        _insert(self._lengths, self._buckets, value)
        return _shrink(self._lengths, self._buckets, self.delta) if self._seen % self.clock == 0 else 0.0

    def state(self) -> State:
        """Return the histogram as arrays; only the rows that are in use."""
        used = int(np.flatnonzero(self._lengths)[-1]) + 1 if self._lengths.any() else 0
        return {"lengths": self._lengths[:used], "buckets": self._buckets[:used], "seen": self._seen}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        used = len(state["lengths"])
        self._lengths[:], self._buckets[:] = 0, 0.0
        self._lengths[:used] = state["lengths"]
        self._buckets[:used] = state["buckets"]
        self._seen = state["seen"]


@compiled
def _insert(lengths: Counts, buckets: Floats, value: float) -> None:
    total, squares = value, 0.0
    for row in range(ROWS):
        buckets[row, lengths[row], 0] = total
        buckets[row, lengths[row], 1] = squares
        lengths[row] += 1
        if lengths[row] <= BUCKETS:
            return
        first, second = buckets[row, 0, 0], buckets[row, 1, 0]
        between = (first - second) ** 2 / (2 << row)
        squares = buckets[row, 0, 1] + buckets[row, 1, 1] + between
        total = first + second
        _drop(lengths, buckets, row, 2)


@compiled
def _drop(lengths: Counts, buckets: Floats, row: int, count: int) -> None:
    """Remove the oldest buckets of a row; what is no longer used becomes 0, so that equal is equal."""
    for place in range(lengths[row]):
        for part in range(2):
            left = place + count < lengths[row]
            buckets[row, place, part] = buckets[row, place + count, part] if left else 0.0
    lengths[row] -= count


@compiled
def _shrink(lengths: Counts, buckets: Floats, delta: float) -> float:
    rise = 0.0
    while True:
        cut, difference = _strongest_cut(lengths, buckets, delta)
        if cut == 0:
            return rise
        if rise == 0.0:
            rise = difference
        for row in range(ROWS - 1, -1, -1):
            gone = min(cut, lengths[row])
            if gone:
                _drop(lengths, buckets, row, gone)
                cut -= gone


@compiled
def _strongest_cut(lengths: Counts, buckets: Floats, delta: float) -> tuple[int, float]:
    """Return how many buckets lie before the cut that exceeds its bound most (0: none), and its rise."""
    width, total = 0.0, 0.0
    for row in range(ROWS):
        width += lengths[row] << row
        for place in range(lengths[row]):
            total += buckets[row, place, 0]
    if width < 2 * LEAST:
        return 0, 0.0
    variance = 0.0
    for row in range(ROWS):
        for place in range(lengths[row]):
            apart = buckets[row, place, 0] / (1 << row) - total / width
            variance += buckets[row, place, 1] + (1 << row) * apart * apart
    variance /= width
    confidence = math.log(2.0 * math.log(width) / delta)
    cut, rise, strongest, number, before, total_before = 0, 0.0, 1.0, 0, 0.0, 0.0
    for row in range(ROWS - 1, -1, -1):
        for place in range(lengths[row]):
            number += 1
            before += 1 << row
            total_before += buckets[row, place, 0]
            after = width - before
            if before < LEAST or after < LEAST:
                continue
            difference = (total - total_before) / after - total_before / before
            harmonic = 1.0 / before + 1.0 / after
            bound = math.sqrt(2.0 * harmonic * variance * confidence) + 2.0 / 3.0 * harmonic * confidence
            if abs(difference) / bound > strongest:
                cut, rise, strongest = number, difference, abs(difference) / bound
    return cut, rise
