"""ADWIN: a window of recent values that grows while their mean stays the same."""

from __future__ import annotations

import math

import numpy as np

from drift.core import Counts, Floats, Parametrised, State, check_number, compiled, grown
from drift.detectors.base import check_value

ROWS = 8
"""Bucket sizes (1, 2, 4, ...) allocated at first; more are added when the window needs them."""
WAITING = 64
"""Most values that are buffered before they are put into buckets in one call of compiled code."""


class ADWIN(Parametrised):
    """Adaptive windowing: drops the old part of its window when its mean differs from the recent part's.

    The window is kept as an exponential histogram, a handful of buckets of 1, 2, 4, ... values, so memory
    and the cost of a check grow with the logarithm of its length. Every `clock` values, each boundary
    between buckets is tried as a cut. Where the two means differ by more than the bound allows, the cut
    that exceeds its bound by the largest factor is taken and everything before it is dropped; this repeats
    until no cut is left. (Dropping one bucket at a time, as is also common, reports one change repeatedly.)

    river's ADWIN reports neither its threshold nor the time of the change, which alarms need, and its state
    is that of a compiled object, which snapshots cannot hold.

    Parameters
    ----------
    delta
        Probability of a false alarm at one check, in (0, 1). Larger finds smaller changes sooner and raises
        more false alarms.
    clock
        Values between checks, at least 1. Larger is cheaper and finds changes up to that much later.
    max_buckets
        Buckets kept of each size, at least 2. Fewer saves memory and locates the change more coarsely.
    min_length
        Minimum number of values on either side of a cut, at least 1. Smaller reacts to single outliers.

    Attributes
    ----------
    drift_detected
        Whether the last value led to a cut.
    statistic, threshold
        Mean after minus mean before the strongest cut of the last check, and the bound on its magnitude;
        0 and infinity before the first check.
    before, after
        Both means, if the last value led to a cut; otherwise None.
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
        check_number(self, "delta", delta, float, 0, 1, open_low=True, open_high=True)
        check_number(self, "clock", clock, int, 1)
        check_number(self, "max_buckets", max_buckets, int, 2)
        check_number(self, "min_length", min_length, int, 1)
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
        self._lengths: Counts = np.zeros(ROWS, dtype=np.int64)
        self._buckets: Floats = np.zeros((ROWS, max_buckets + 1, 2))
        self._seen = 0
        # Only a check reads the buckets. Values are buffered until then: a call of compiled code costs as
        # much as inserting thirty of them.
        self._waiting: list[float] = []
        self._plan()

    @property
    def window(self) -> int:
        """Number of values in the window: after a cut, the number since the change."""
        return sum(int(count) << row for row, count in enumerate(self._lengths)) + len(self._waiting)

    def update(self, value: float) -> None:
        """Take in one value, in [0, 1]; amortised O(1), and O(log window) once every `clock` values."""
        check_value(value)
        self._waiting.append(value)
        if len(self._waiting) == self._room:
            self._take_waiting()

    def _take_waiting(self) -> None:
        """Put the buffered values into buckets, and check for a cut if one is due."""
        if self._lengths[-1]:
            self._lengths = grown(self._lengths, len(self._lengths) + 1)
            self._buckets = grown(self._buckets, len(self._lengths))
        self._seen += len(self._waiting)
        check = self._seen % self.clock == 0
        cut, before, after, threshold = _take(
            self._lengths,
            self._buckets,
            np.fromiter(self._waiting, np.float64, len(self._waiting)),
            check,
            self.delta,
            self.min_length,
        )
        self._waiting.clear()
        self.drift_detected = cut > 0
        self.before, self.after = (before, after) if cut else (None, None)
        if check:
            self.statistic, self.threshold = after - before, threshold
        self._plan()

    def _plan(self) -> None:
        """Set how many values to buffer; one after a cut, because the next value ends `drift_detected`."""
        self._room = 1 if self.drift_detected else min(self.clock - self._seen % self.clock, WAITING)

    def histogram(self) -> State:
        """Return the window without the last decision: enough if drift is only read right after updates."""
        if self._waiting:
            self._take_waiting()
        used = int(np.flatnonzero(self._lengths)[-1]) + 1 if self._lengths.any() else 0
        return {"lengths": self._lengths[:used], "buckets": self._buckets[:used], "seen": self._seen}

    def state(self) -> State:
        """Return the whole state as arrays and plain JSON values."""
        last = np.array([self.drift_detected, self.statistic, self.threshold], dtype=np.float64)
        return super().state() | self.histogram() | {"last": last}

    def load_state(self, state: State) -> None:
        """Load a state, or a histogram, of an ADWIN with equal parameters; both then behave equally.

        Raises
        ------
        ValueError
            When it is that of another, or holds more buckets of a size than `max_buckets` allows: of a
            histogram no parameters are known. Nothing has changed then.
        """
        super().load_state(state)
        used, places = state["buckets"].shape[:2]
        most = int(max(state["lengths"], default=0))
        if places > self.max_buckets + 1 or most > min(places, self.max_buckets + 1):
            raise ValueError(
                f"The state is of an ADWIN with max_buckets={max(places - 1, most)}, and this one has "
                f"{self.max_buckets}. Make it with the parameters of the one that returned the state."
            )
        self._lengths = np.zeros(max(used, ROWS), dtype=np.int64)
        self._buckets = np.zeros((len(self._lengths), self.max_buckets + 1, 2))
        self._lengths[:used], self._buckets[:used, :places] = state["lengths"], state["buckets"]
        self._seen = int(state["seen"])
        self._waiting.clear()
        if "last" in state:
            drift_detected, self.statistic, self.threshold = np.asarray(state["last"]).tolist()
            self.drift_detected = bool(drift_detected)
        self._plan()


@compiled
def _take(
    lengths: Counts, buckets: Floats, values: Floats, check: bool, delta: float, min_length: int
) -> tuple[int, float, float, float]:
    """Insert values and, if a check is due, drop what precedes a cut; see `_shrink`."""
    _insert(lengths, buckets, values)
    return _shrink(lengths, buckets, delta, min_length) if check else (0, 0.0, 0.0, 0.0)


@compiled
def _insert(lengths: Counts, buckets: Floats, values: Floats) -> None:
    """Put values into row 0 and, row by row, merge the oldest buckets in pairs where there are too many."""
    most, count = buckets.shape[1] - 1, len(values)
    line = np.empty((most + count, 2))
    new = np.empty((count, 2))
    for place in range(count):
        new[place, 0], new[place, 1] = values[place], 0.0
    row = 0
    while count:
        length = lengths[row]
        for place in range(length):
            line[place, 0], line[place, 1] = buckets[row, place, 0], buckets[row, place, 1]
        for place in range(count):
            line[length + place, 0], line[length + place, 1] = new[place, 0], new[place, 1]
        length += count
        count = max(0, (length - most + 1) // 2)
        for place in range(count):
            first, second = line[2 * place], line[2 * place + 1]
            new[place, 0] = first[0] + second[0]
            new[place, 1] = first[1] + second[1] + (first[0] - second[0]) ** 2 / (2 << row)
        length -= 2 * count
        for place in range(length):
            buckets[row, place, 0] = line[2 * count + place, 0]
            buckets[row, place, 1] = line[2 * count + place, 1]
        for place in range(length, most):
            buckets[row, place, 0] = buckets[row, place, 1] = 0.0
        lengths[row] = length
        row += 1


@compiled
def _drop(lengths: Counts, buckets: Floats, row: int, count: int) -> None:
    """Remove the oldest buckets of a row; freed elements become 0, so that equal windows equal each other."""
    left = lengths[row] - count
    for place in range(left):
        buckets[row, place, 0] = buckets[row, place + count, 0]
        buckets[row, place, 1] = buckets[row, place + count, 1]
    for place in range(left, lengths[row]):
        buckets[row, place, 0] = buckets[row, place, 1] = 0.0
    lengths[row] = left


@compiled
def _shrink(
    lengths: Counts, buckets: Floats, delta: float, min_length: int
) -> tuple[int, float, float, float]:
    """Drop what precedes the strongest cut, repeatedly, until no cut exceeds its bound.

    Returns how many buckets the first cut dropped, the means before and after it, and its bound; without a
    cut, those of the one that came closest.
    """
    table = _table(lengths, buckets)
    first = found = _strongest_cut(table, delta, min_length)
    forgotten = 0
    while found[0]:
        forgotten += found[0]
        table = table[:, found[0] :].copy()
        found = _strongest_cut(table, delta, min_length)
    for row in range(len(lengths) - 1, -1, -1):
        gone = min(forgotten, lengths[row])
        if gone:
            _drop(lengths, buckets, row, gone)
            forgotten -= gone
    return first


@compiled
def _table(lengths: Counts, buckets: Floats) -> Floats:
    """Return size, total and squared deviations of every bucket, oldest first, and three spare rows."""
    count = 0
    for length in lengths:
        count += length
    table = np.empty((6, count))
    place = 0
    for row in range(len(lengths) - 1, -1, -1):
        for bucket in range(lengths[row]):
            table[0, place] = 1 << row
            table[1, place], table[2, place] = buckets[row, bucket, 0], buckets[row, bucket, 1]
            place += 1
    return table


@compiled
def _strongest_cut(table: Floats, delta: float, min_length: int) -> tuple[int, float, float, float]:
    """Return the number of buckets before the strongest cut (0 without a cut), both means, and the bound."""
    sizes, totals, squares = table[0], table[1], table[2]
    before, total_before, excess = table[3], table[4], table[5]
    width, total = 0.0, 0.0
    for place in range(len(sizes)):
        width += sizes[place]
        total += totals[place]
        before[place], total_before[place] = width, total
    if width < 2 * min_length:
        return 0, 0.0, 0.0, math.inf
    mean = total / width
    for place in range(len(sizes)):
        excess[place] = sizes[place] * (totals[place] / sizes[place] - mean) ** 2
    variance = (_lane_sum(squares) + _lane_sum(excess)) / width
    confidence = math.log(2.0 * math.log(width) / delta)
    # Without branches this loop is vectorised, although it also computes cuts too near either end.
    for place in range(len(sizes)):
        after = width - before[place]
        difference = (total - total_before[place]) / after - total_before[place] / before[place]
        excess[place] = abs(difference) / _bound(before[place], after, variance, confidence)
    best = -1
    for place in range(len(sizes)):
        allowed = before[place] >= min_length and width - before[place] >= min_length
        if allowed and (best < 0 or excess[place] > excess[best]):
            best = place
    if best < 0:
        return 0, 0.0, 0.0, math.inf
    after = width - before[best]
    means = total_before[best] / before[best], (total - total_before[best]) / after
    bound = _bound(before[best], after, variance, confidence)
    return best + 1 if abs(means[1] - means[0]) > bound else 0, means[0], means[1], bound


@compiled
def _bound(before: float, after: float, variance: float, confidence: float) -> float:
    """Return the largest difference of two means of so many values that chance explains."""
    harmonic = 1.0 / before + 1.0 / after
    return math.sqrt(2.0 * harmonic * variance * confidence) + 2.0 / 3.0 * harmonic * confidence


@compiled
def _lane_sum(values: Floats) -> float:
    """Sum in eight lanes, as numpy does: smaller rounding errors than in one, and no chain of additions."""
    whole = len(values) - len(values) % 8
    a = b = c = d = e = f = g = h = 0.0
    for start in range(0, whole, 8):
        a += values[start]
        b += values[start + 1]
        c += values[start + 2]
        d += values[start + 3]
        e += values[start + 4]
        f += values[start + 5]
        g += values[start + 6]
        h += values[start + 7]
    total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for place in range(whole, len(values)):
        total += values[place]
    return total
