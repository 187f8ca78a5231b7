"""Many adaptive windows at once: exponential histograms of a growing number of series, in arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.core import Arrays, Counts, Floats, Ids, Stateful, Values, fields
from drift.statistics.budget import allowed_p
from drift.statistics.histograms import cut_sums

BUCKET_SIZES = 12
"""Sizes of buckets, each twice the one before: the latest 8,000 to 12,000 entries of a series are kept. More
would tell little, and memory must not grow with the length of the stream."""


class Shift(NamedTuple):
    """One change of one series.

    Parameters
    ----------
    series
        Its number.
    kind
        What happened, in one word.
    before, after
        Its figure before and after the change.
    since
        Messages since the change.
    window
        Messages that both figures are about.
    p
        Chance of such a difference without a change, corrected for the cuts that were tried.
    allowed
        What `p` had to be below.
    """

    series: int
    kind: str
    before: float
    after: float
    since: int
    window: int
    p: float
    allowed: float


class Cuts(NamedTuple):
    """Every way to cut the window of a series in two: what is before and what after.

    Parameters
    ----------
    before, after
        Entries on either side, shape (cuts,). A cut with nothing on a side is none.
    sums_before, sums_after
        Sums of the figures on either side, shape (cuts, figures).
    tried
        How many cuts there are, at least 1.
    """

    before: Floats
    after: Floats
    sums_before: Floats
    sums_after: Floats
    tried: int


class Bank(Stateful):
    """Adaptive windows of many series; an update costs what it touches, not how many series there are.

    Each window is an exponential histogram as in ADWIN: at most `buckets` sums over 1, 2, 4, ... entries,
    up to some thousands, after which the oldest are forgotten. All of them lie in one array, so that one
    call of compiled code updates and tests the k series of a message. A series takes about
    1 KiB, whatever it saw.

    False alarms are bought from one budget for the bank as a whole. A message that touches k series makes
    k tests; each may go wrong with chance `budget` / (100,000 x the mean number of tests a message), so
    that the expected number of false alarms does not grow with the number of series. (Procedures that
    control the false discovery rate online, such as LORD, run dry on a stream that never ends and has
    nothing to discover for long; a rate of false alarms is what somebody who must look at them can plan
    with.)

    Parameters
    ----------
    budget
        False alarms per 100,000 messages, of all series together, that are accepted, positive. Smaller is
        quieter and slower: a tenth of it costs about 2.3 nats of evidence, some 15 % more entries.
    buckets
        Buckets kept of each size, at least 2. Fewer save memory and place the cut more coarsely.

    References
    ----------
    A. Bifet and R. Gavaldà. Learning from time-changing data with adaptive windowing. SDM 2007.
    A. Ramdas et al. Online control of the false discovery rate with decaying memory. NIPS 2017: on
    procedures that run dry.
    """

    state_fields = fields(Arrays("_sums", "_used"), Values("_clock", "_tests"))

    figures: int
    """Figures kept of each entry; subclasses say which."""

    def __init__(self, budget: float = 1.0, buckets: int = 3) -> None:
        if not (budget > 0 and buckets >= 2):
            raise ValueError(
                f"A {type(self).__name__} needs budget in (0, inf) and buckets in [2, inf). "
                f"Got {budget!r} and {buckets!r} instead."
            )
        self.budget = budget
        self.buckets = buckets
        # Series x rows x places x figures; row r holds sums over 2**r entries, oldest first.
        self._sums: Floats = np.zeros((0, BUCKET_SIZES, buckets + 1, self.figures))
        self._used: Counts = np.zeros((0, BUCKET_SIZES), dtype=np.int64)
        self._clock = 0
        self._tests = 0

    @property
    def series(self) -> int:
        """Series that there is room for."""
        return len(self._used)

    def __len__(self) -> int:
        """Messages taken in."""
        return self._clock

    @property
    def allowed(self) -> float:
        """Chance of going wrong that a single test has now."""
        return allowed_p(self.budget, self._tests, self._clock)

    def _admit(self, series: int) -> None:
        """Make room for series numbered below `series`; amortised O(1) each."""
        if series > self.series:
            self._resize(max(series, 2 * self.series))

    def _resize(self, series: int) -> None:
        more = series - self.series
        self._sums = np.concatenate([self._sums, np.zeros((more, *self._sums.shape[1:]))])
        self._used = np.concatenate([self._used, np.zeros((more, self._used.shape[1]), dtype=np.int64)])

    def _lead(self, series: int) -> Floats:
        """Return what was before the oldest bucket of a series, shape (1 + figures,): nothing."""
        del series
        return np.zeros(1 + self.figures)

    def _cuts(self, series: int) -> Cuts:
        """Return all cuts of a series; the last column has everything before it."""
        before, sums_before, tried = cut_sums(self._sums[series], self._used[series], self._lead(series))
        return Cuts(before, before[-1] - before, sums_before, sums_before[-1] - sums_before, tried)

    def _forget(self, series: int, column: int, columns: int) -> None:
        """Drop what is before a cut: columns up to and with `column`, of so many."""
        if column == 0:
            return  # There is only the lead.
        width = self.buckets + 1
        row, place = (columns - 1) // width - 1 - (column - 1) // width, (column - 1) % width
        self._used[series, row + 1 :] = 0
        self._sums[series, row + 1 :] = 0.0
        left = max(0, int(self._used[series, row]) - place - 1)
        kept = self._sums[series, row, place + 1 : place + 1 + left].copy()
        self._sums[series, row] = 0.0
        self._sums[series, row, :left] = kept
        self._used[series, row] = left

    def _clear(self, series: Ids | int) -> None:
        self._used[series] = 0
        self._sums[series] = 0.0
