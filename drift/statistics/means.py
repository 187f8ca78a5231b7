"""The means of many series of values in [0, 1], of which a message touches a few."""

from __future__ import annotations

import numpy as np

from drift.core import Arrays, Counts, Floats, Ids, fields
from drift.statistics.bank import Bank, Shift
from drift.statistics.histograms import take_values

LEAST_VALUES = 5.0
"""Minimum number of values on either side of a cut, so that no alarm is caused by an outlier."""


class MeanBank(Bank):
    """Watches the means of many series: ADWIN for all of them, with one budget for false alarms.

    An entry is a value, its square, and the messages since the series' last value. The test is Bernstein's
    inequality with the window's variance, as in ADWIN, solved for the p-value of the observed difference.
    Kinds of `Shift` are ``rise`` and ``fall``. A series that no message touches raises no alarm.

    Parameters
    ----------
    budget, buckets
        See `Bank`.
    clock
        Values of a series between two tests of it, at least 1. Larger is cheaper and detects changes up to
        that many values later.

    Examples
    --------
    >>> bank = MeanBank()
    >>> for n in range(2000):
    ...     for shift in bank.update(np.array([0, 5]), np.array([0.5, float(n % 4 == 0 or n > 1500)])):
    ...         print(n, shift.series, shift.kind, f"{shift.before:.2f} to {shift.after:.2f}", shift.since)
    1543 5 rise 0.25 to 1.00 40
    """

    state_fields = fields(Arrays("_last", "_seen"))

    figures = 3

    def __init__(self, budget: float = 1.0, buckets: int = 3, clock: int = 8) -> None:
        if clock < 1:
            raise ValueError(f"A MeanBank needs clock in [1, inf). Got {clock!r} instead.")
        self.clock = clock
        self._last: Counts = np.zeros(0, dtype=np.int64)
        self._seen: Counts = np.zeros(0, dtype=np.int64)
        super().__init__(budget, buckets)

    def _resize(self, series: int) -> None:
        more = np.zeros(series - self.series, dtype=np.int64)
        super()._resize(series)
        self._last = np.concatenate([self._last, more])
        self._seen = np.concatenate([self._seen, more])

    def update(self, series: Ids, values: Floats) -> list[Shift]:
        """Take in one message: a value in [0, 1] for each of some series, ascending. Return the changes."""
        self._clock += 1
        if not len(series):
            return []
        self._admit(int(series[-1]) + 1)
        chances, cuts = take_values(
            self._sums,
            self._used,
            series,
            values,
            self._clock,
            self._last,
            self._seen,
            self.clock,
            LEAST_VALUES,
        )
        tested = [(p, k) for k, p in enumerate(chances.tolist()) if p <= 1.0]
        self._tests += len(tested)
        return [self._shift(int(series[k]), int(cuts[k]), p) for p, k in tested if p < self.allowed]

    def restart(self, series: Ids) -> None:
        """Clear some series, whose numbers are reused."""
        self._admit(int(series.max(initial=-1)) + 1)
        self._clear(series)
        self._seen[series] = 0
        self._last[series] = self._clock

    def _shift(self, series: int, column: int, p: float) -> Shift:
        cuts = self._cuts(series)
        sums_before, sums_after = cuts.sums_before[column], cuts.sums_after[column]
        before, after = sums_before[0] / cuts.before[column], sums_after[0] / cuts.after[column]
        kind, since = "rise" if after > before else "fall", int(sums_after[2])
        window = since + int(sums_before[2])
        self._forget(series, column, len(cuts.before))
        return Shift(series, kind, float(before), float(after), since, window, p, self.allowed)
