"""Many adaptive windows at once: exponential histograms of a growing number of series, in arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.core import Arrays, Counts, Floats, Ids, Parametrised, Values, fields
from drift.statistics.budget import allowed_p
from drift.statistics.histograms import cut_sums

BUCKET_SIZES = 12
"""Number of bucket sizes, powers of two: a series keeps its latest 8,000 to 12,000 entries. More would add
little evidence, and memory must not grow with the length of the stream."""


class Shift(NamedTuple):
    """One change of one series.

    Parameters
    ----------
    series
        Number of the series.
    kind
        Kind of change, in one word.
    before, after
        The series' figure before and after the change.
    since
        Messages since the change.
    window
        Messages that the two figures cover together.
    p
        Probability of such a difference without a change, corrected for the number of cuts tried.
    allowed
        Upper limit of `p` for an alarm.
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
    """Every cut of a series' window in two, with the sums on either side.

    Parameters
    ----------
    before, after
        Entries on either side, shape (cuts,). A cut with no entries on one side does not count.
    sums_before, sums_after
        Sums of the figures on either side, shape (cuts, figures).
    tried
        Number of cuts that were tried, at least 1.
    """

    before: Floats
    after: Floats
    sums_before: Floats
    sums_after: Floats
    tried: int


class Bank(Parametrised):
    """Adaptive windows of many series; an update costs O(k) for k touched series, however many there are.

    Each window is an exponential histogram as in ADWIN: at most `buckets` sums over 1, 2, 4, ... entries,
    up to some thousands, after which the oldest are dropped. All windows are in one array, so that one
    call of compiled code updates and tests the k series of a message. A series takes about 1 KiB, whatever
    its length.

    One budget of false alarms covers the whole bank. A message that touches k series makes k tests; each
    may raise a false alarm with probability `budget` / (100,000 x the mean number of tests per message), so
    that the expected number of false alarms does not grow with the number of series. (Procedures that
    control the false discovery rate online, such as LORD, lose their power on an endless stream with nothing
    to discover for a long time; a rate of false alarms is also what the people who handle them can plan
    for.)

    Parameters
    ----------
    budget
        Accepted false alarms per 100,000 messages, of all series together, positive. Smaller is quieter and
        slower: a tenth of it requires about 2.3 nats more evidence, some 15 % more entries.
    buckets
        Buckets kept of each size, at least 2. Fewer saves memory and locates the change more coarsely.

    References
    ----------
    A. Bifet and R. Gavaldà. Learning from time-changing data with adaptive windowing. SDM 2007.
    A. Ramdas et al. Online control of the false discovery rate with decaying memory. NIPS 2017: on
    procedures that lose their power.
    """

    state_fields = fields(Arrays("_sums", "_used"), Values("_clock", "_tests"))

    figures: int
    """Number of figures kept per entry; subclasses define them."""

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
        """Number of series allocated."""
        return len(self._used)

    def __len__(self) -> int:
        """Return the number of messages taken in."""
        return self._clock

    @property
    def allowed(self) -> float:
        """Probability of a false alarm that a single test may have now."""
        return allowed_p(self.budget, self._tests, self._clock)

    def _admit(self, series: int) -> None:
        """Allocate series numbered below `series`; amortised O(1) each."""
        if series > self.series:
            self._resize(max(series, 2 * self.series))

    def _resize(self, series: int) -> None:
        more = series - self.series
        self._sums = np.concatenate([self._sums, np.zeros((more, *self._sums.shape[1:]))])
        self._used = np.concatenate([self._used, np.zeros((more, self._used.shape[1]), dtype=np.int64)])

    def _lead(self, series: int) -> Floats:
        """Return the entries and sums before the oldest bucket, shape (1 + figures,): zeros in this class."""
        del series
        return np.zeros(1 + self.figures)

    def _cuts(self, series: int) -> Cuts:
        """Return all cuts of a series; the last column has all entries before it."""
        before, sums_before, tried = cut_sums(self._sums[series], self._used[series], self._lead(series))
        return Cuts(before, before[-1] - before, sums_before, sums_before[-1] - sums_before, tried)

    def _forget(self, series: int, column: int, columns: int) -> None:
        """Drop what precedes a cut: columns up to and including `column`, out of `columns`."""
        if column == 0:
            return  # Only the lead precedes the cut.
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
