"""ADWIN: a window of recent values that is as long as their mean stays the same."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

import numpy as np

from drift.core import Floats


class ADWIN:
    """Adaptive windowing: drops the old part of its window when its mean differs from the recent part's.

    The window is kept as an exponential histogram, a handful of buckets of 1, 2, 4, ... values, so memory
    and the cost of a check grow with the logarithm of its length. Every `clock` values each border between
    buckets is tried as a cut. Where the two means differ by more than the bound allows, the cut that
    exceeds its bound by the largest factor is taken and everything before it is forgotten; this repeats
    until no cut is left. (Forgetting one bucket at a time, as is also common, reports one change several
    times over.)

    river has an ADWIN too. It tells neither what it compared with what nor when the change began, and its
    state is the memory of a compiled object; alarms need the first, snapshots the second.

    Parameters
    ----------
    delta
        Chance of a false alarm at one check, in (0, 1). Larger finds smaller changes sooner and raises
        more false alarms.
    clock
        Values between checks, at least 1. Larger is cheaper and finds changes up to that much later.
    max_buckets
        Buckets kept of each size, at least 2. Fewer saves memory and places the cut more coarsely.
    min_length
        Least values on either side of a cut, at least 1. Smaller reacts to single outliers.

    Attributes
    ----------
    drift_detected
        Whether the last value led to a cut.
    statistic, threshold
        Mean after minus mean before the strongest cut of the last check, and the bound its size was
        compared with; 0 and infinity before the first.
    before, after
        Both means, if the last value led to a cut; else None.
    warning
        Always False: ADWIN does not warn.

    Notes
    -----
    Values must lie in [0, 1]: the bound is Bernstein's for that range.

    Examples
    --------
    >>> adwin = ADWIN()
    >>> for n in range(1000):
    ...     adwin.update(0.0 if n < 600 else 1.0)
    ...     if adwin.drift_detected:
    ...         print(f"at {n}: mean rose by {adwin.statistic} about {adwin.window} values ago")
    at 607: mean rose by 1.0 about 8 values ago

    References
    ----------
    A. Bifet and R. Gavaldà. Learning from time-changing data with adaptive windowing. SDM 2007.
    """

    warning = False

    def __init__(
        self, delta: float = 0.002, clock: int = 32, max_buckets: int = 5, min_length: int = 5
    ) -> None:
        _check(0 < delta < 1, "delta", "a float in (0, 1)", delta)
        _check(clock >= 1, "clock", "an int in [1, inf)", clock)
        _check(max_buckets >= 2, "max_buckets", "an int in [2, inf)", max_buckets)
        _check(min_length >= 1, "min_length", "an int in [1, inf)", min_length)
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
        """Values in the window: after a cut, how many there have been since the change."""
        return sum(len(row) << r for r, row in enumerate(self._rows))

    @property
    def mean(self) -> float:
        """Mean of the window; 0 while it is empty."""
        return sum(total for row in self._rows for total, _ in row) / max(self.window, 1)

    def update(self, value: float) -> None:
        """Take in one value, in [0, 1]; amortised O(1), and O(log window) once every `clock` values."""
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
            between = (first - second) ** 2 / (2 << r)
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

    def state(self) -> dict[str, Any]:
        """Return the whole state as arrays and plain JSON values."""
        buckets = [bucket for row in self._rows for bucket in row]
        return {
            "rows": np.array([len(row) for row in self._rows]),
            "buckets": np.array(buckets, dtype=np.float64).reshape(-1, 2),
            "seen": self._seen,
            "last": np.array([self.drift_detected, self.statistic, self.threshold], dtype=np.float64),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the state of an ADWIN with equal parameters; what follows is equal bit by bit."""
        buckets = iter(np.asarray(state["buckets"]).tolist())
        lengths = np.asarray(state["rows"]).tolist()
        self._rows = [[(total, squares) for total, squares in islice(buckets, length)] for length in lengths]
        self._seen = int(state["seen"])
        drift_detected, self.statistic, self.threshold = np.asarray(state["last"]).tolist()
        self.drift_detected = bool(drift_detected)


def _check(holds: bool, name: str, kind: str, value: object) -> None:
    if not holds:
        raise ValueError(f"The {name!r} parameter of ADWIN must be {kind}. Got {value!r} instead.")
