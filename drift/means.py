"""The means of many series of values in [0, 1], of which a message touches a few."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drift.bank import Bank, Cuts, Shift
from drift.histograms import Floats, Ids

LEAST = 5.0
"""Values needed on either side of a cut: no alarm rests on an outlier."""


class MeanBank(Bank):
    """Watches the means of many series: ADWIN for all of them, with one budget for false alarms.

    An entry is a value, its square, and the messages since the series' last one. The test is Bernstein's
    inequality with the window's variance, as in ADWIN, solved for the chance of the difference seen.
    Kinds of `Shift` are ``rise`` and ``fall``. A series that nothing touches says nothing.

    Parameters
    ----------
    budget, buckets
        See `Bank`.
    clock
        Values of a series between two tests of it, at least 1. Larger is cheaper and finds changes up to
        that many values later.

    Examples
    --------
    >>> bank = MeanBank()
    >>> for n in range(2000):
    ...     for shift in bank.update(np.array([0, 5]), np.array([0.5, float(n % 4 == 0 or n > 1500)])):
    ...         print(n, shift.series, shift.kind, f"{shift.before:.2f} to {shift.after:.2f}", shift.since)
    1543 5 rise 0.25 to 1.00 40
    """

    figures = 3

    def __init__(self, budget: float = 1.0, buckets: int = 3, clock: int = 8) -> None:
        if clock < 1:
            raise ValueError(f"A MeanBank needs clock in [1, inf). Got {clock!r} instead.")
        self.clock = clock
        self._last: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._seen: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        super().__init__(budget, buckets)

    def _resize(self, series: int) -> None:
        more = np.zeros(series - self.series, dtype=np.int64)
        super()._resize(series)
        self._last = np.concatenate([self._last, more])
        self._seen = np.concatenate([self._seen, more])

    def update(self, series: Ids, values: Floats) -> list[Shift]:
        """Take in one message: a value in [0, 1] for each of some series, ascending. Return what changed."""
        self._clock += 1
        if not len(series):
            return []
        self._admit(int(series[-1]) + 1)
        gaps = (self._clock - self._last[series]).astype(np.float64)
        self._last[series] = self._clock
        self._add(series, np.stack([values, values * values, gaps], axis=1))
        self._seen[series] += 1
        due = series[self._seen[series] % self.clock == 0]
        return self._test(due) if len(due) else []

    def restart(self, series: Ids) -> None:
        """Forget some series: their numbers now stand for something else."""
        self._admit(int(series.max(initial=-1)) + 1)
        self._clear(series)
        self._seen[series] = 0
        self._last[series] = self._clock

    def _test(self, series: Ids) -> list[Shift]:
        self._tests += len(series)
        cuts = self._cuts(series)
        best, p = self._strongest(series, cuts)
        shifts = []
        for k in np.flatnonzero(p < self.allowed).tolist():
            column = int(best[k])
            shifts.append(self._shift(int(series[k]), cuts, k, column, float(p[k])))
            self._forget(int(series[k]), column, cuts.before.shape[1])
        return shifts

    def _shift(self, series: int, cuts: Cuts, k: int, column: int, p: float) -> Shift:
        sums_before, sums_after = cuts.sums_before[k, column], cuts.sums_after[k, column]
        before, after = sums_before[0] / cuts.before[k, column], sums_after[0] / cuts.after[k, column]
        kind, since = "rise" if after > before else "fall", int(sums_after[2])
        window = since + int(sums_before[2])
        return Shift(series, kind, float(before), float(after), since, window, p, self.allowed)

    def _chances(self, series: Ids, cuts: Cuts) -> Floats:
        del series
        enough = (cuts.before >= LEAST) & (cuts.after >= LEAST)
        before, after = np.maximum(cuts.before, 1.0), np.maximum(cuts.after, 1.0)
        difference = np.abs(cuts.sums_after[..., 0] / after - cuts.sums_before[..., 0] / before)
        entries, total = before[:, -1:], cuts.sums_before[:, -1:]
        variance = np.maximum(0.0, total[..., 1] / entries - (total[..., 0] / entries) ** 2)
        harmonic = 1.0 / before + 1.0 / after
        # The bound is difference = sqrt(2 h v e) + 2/3 h e; e is the evidence in nats.
        linear, root = 2.0 / 3.0 * harmonic, np.sqrt(2.0 * harmonic * variance)
        evidence = ((np.sqrt(root * root + 4.0 * linear * difference) - root) / (2.0 * linear)) ** 2
        return np.where(enough, 2.0 * np.exp(-evidence), 1.0)

    def state(self) -> dict[str, Any]:
        """See `Bank.state`."""
        return super().state() | {"last": self._last, "seen": self._seen}

    def load_state(self, state: dict[str, Any]) -> None:
        """See `Bank.load_state`."""
        super().load_state(state)
        self._last, self._seen = np.array(state["last"]), np.array(state["seen"])
