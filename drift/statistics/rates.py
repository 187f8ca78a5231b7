"""Rates of many labels: labels that become more or less frequent, are new, vanish, or return."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

import numpy as np
from scipy.special import betainc

from drift.core import Arrays, Counts, Floats, Ids, Lists, Mask, fields
from drift.statistics.bank import Bank, Cuts, Shift
from drift.statistics.histograms import dispersion, overdue, plausible_cuts, take_gaps

PRIOR_GAPS = 20.0
"""Prior weight, in gaps, of a dispersion of 1 in every estimate: a few gaps estimate it poorly."""
REMEMBERED_GAPS = 1000.0
"""Approximate number of dropped gaps of a series whose dispersion is remembered."""
SILENCE = 2.0
"""What a silence counts in the dispersion, as a multiple of how long it took to notice."""
PLAUSIBLE = 2.5
"""Standard errors of the log rate ratio below which an exact test is skipped."""
NEVER = 1 << 60
SPARE_DATES = 16
"""Stale dates allowed in the heap, in addition to two per series."""


class RateBank(Bank):
    """Watches the rates of many kinds of events, of which each message contains a few.

    An entry of a series is the *gap* in messages since its last event. While the rate is constant, gaps are
    exponential, and the share of the later ones in their sum is a beta variable: an exact test for every
    cut, valid even after three events. The gaps of events that come in bursts are more dispersed; the
    effective number of events is divided by that dispersion.

    * ``rise``, ``fall``: the rate changed at the strongest cut; earlier entries are dropped.
    * ``new``: a rise from zero. A series begins with the stream, so its first gap is the time before its
      first event.
    * ``vanished``: the series is overdue, by the same test with no event after the cut. The date is computed
      in advance and kept in a heap, so that an untouched series costs nothing until then.
    * ``returned``: an event of a vanished series, whose window starts again. However long its silence was, it
      counts as a gap twice as long as that after which the series was overdue: one pause hides no later
      change, and after several all of them are usual.

    One message costs O(k log n) for k events, independent of the number of series.

    Parameters
    ----------
    budget, buckets
        See `Bank`. Half of the budget is for overdue series.

    Examples
    --------
    >>> bank = RateBank()
    >>> for n in range(4000):
    ...     for shift in bank.update(np.flatnonzero([n % 10 == 0 and n < 2000, n % 3 == 0])):
    ...         print(n, shift.series, shift.kind, f"{shift.before:.2f} to {shift.after:.2f}")
    2116 0 vanished 0.10 to 0.00

    References
    ----------
    J. Przyborowski and H. Wilenski. Homogeneity of results in testing samples from Poisson series.
    Biometrika 31, 1940: the conditional test, here of waiting times.
    """

    state_fields = fields(
        Arrays("_last", "_due", "_queued", "_birth", "_silent", "_memory"),
        Lists("_heap", dtype=np.int64, columns=2),
    )

    figures = 2  # A gap and its square.

    def __init__(self, budget: float = 1.0, buckets: int = 3) -> None:
        self._last: Counts = np.zeros(0, dtype=np.int64)
        self._due: Counts = np.zeros(0, dtype=np.int64)
        self._queued: Counts = np.zeros(0, dtype=np.int64)
        self._birth: Counts = np.zeros(0, dtype=np.int64)
        self._memory: Floats = np.zeros((0, 3))
        self._silent: Mask = np.zeros(0, dtype=np.bool_)
        self._heap: list[tuple[int, int]] = []
        super().__init__(budget, buckets)

    def _resize(self, series: int) -> None:
        more = series - self.series
        super()._resize(series)
        self._last = np.concatenate([self._last, np.zeros(more, dtype=np.int64)])
        self._due = np.concatenate([self._due, np.full(more, NEVER)])
        self._queued = np.concatenate([self._queued, np.full(more, NEVER)])
        self._birth = np.concatenate([self._birth, np.zeros(more, dtype=np.int64)])
        self._memory = np.concatenate([self._memory, np.zeros((more, 3))])
        self._silent = np.concatenate([self._silent, np.ones(more, dtype=np.bool_)])

    def update(self, events: Ids, known: Sequence[int] = ()) -> list[Shift]:
        """Take in one message and return the changes.

        Parameters
        ----------
        events
            The series that had an event, ascending, each once.
        known
            Those of them that are not new, although their numbers have had no event.
        """
        self._clock += 1
        shifts = []
        if len(events):
            self._tests += len(events)
            self._admit(int(events[-1]) + 1)
            silent = self._silent[events]
            if silent.any():
                shifts = self._begin(events[silent], known)
                events = events[~silent]
        if len(events):
            shifts += self._take(events)
        return shifts + self._overdue()

    def _take(self, events: Ids) -> list[Shift]:
        changed = take_gaps(
            self._sums,
            self._used,
            events,
            self._clock,
            self._last,
            self._birth,
            self._memory,
            self._due,
            PRIOR_GAPS,
            PLAUSIBLE,
            self.allowed / 2,
            NEVER,
        )
        shifts = []
        for series, maybe in zip(events.tolist(), changed.tolist(), strict=True):
            if maybe:
                shifts += self._test(series)
            if self._due[series] < self._queued[series]:
                self._enqueue(series)
        return shifts

    def restart(self, series: Ids) -> None:
        """Clear some series, whose numbers are reused."""
        series = series[series < self.series]
        self._clear(series)
        self._last[series] = self._birth[series] = self._memory[series] = 0
        self._due[series] = self._queued[series] = NEVER
        self._silent[series] = True

    def _begin(self, events: Ids, known: Sequence[int]) -> list[Shift]:
        """Start series without an earlier event to measure a gap from: new ones, and vanished ones."""
        new = self._last[events] == 0
        self._birth[np.setdiff1d(events[new], known)] = self._clock
        shifts = [self._return(series) for series in events[~new].tolist()]
        self._silent[events] = False
        self._last[events] = self._clock
        return shifts

    def _return(self, series: int) -> Shift:
        away = int(self._clock - self._last[series])
        # The evidence is that for having vanished.
        return Shift(series, "returned", 0.0, 1.0 / away, 0, away, self.allowed / 2, self.allowed / 2)

    def _test(self, series: int) -> list[Shift]:
        cuts, memory = self._cuts(series), self._memory[series]
        spread = dispersion(cuts.before, cuts.sums_before, memory, PRIOR_GAPS)
        chances = self._chances(cuts, spread)
        column = int(chances.argmin())
        p = min(1.0, float(chances[column]) * cuts.tried)
        if p >= self.allowed / 2:
            return []
        shift = self._shift(series, cuts, column, p)
        self._forget(series, column, len(cuts.before))
        cuts = self._cuts(series)
        spread = dispersion(cuts.before, cuts.sums_before, memory, PRIOR_GAPS)
        entries, span = float(cuts.before[-1]), float(cuts.sums_before[-1, 0])
        self._due[series] = overdue(self._clock, entries, span, float(spread[-1]), self.allowed / 2, NEVER)
        return [shift]

    def _shift(self, series: int, cuts: Cuts, column: int, p: float) -> Shift:
        gaps = cuts.sums_before[column, 0], cuts.sums_after[column, 0]
        before, after = cuts.before[column] / gaps[0], cuts.after[column] / gaps[1]
        kind = "rise" if after > before else "fall"
        if column == 0 and self._birth[series]:
            kind, before = "new", 0.0
        else:
            self._remember(
                series, np.concatenate([cuts.before[column : column + 1], cuts.sums_before[column]])
            )
        self._birth[series] = 0
        return Shift(
            series, kind, float(before), float(after), int(gaps[1]), int(sum(gaps)), p, self.allowed / 2
        )

    def _lead(self, series: int) -> Floats:
        # The waiting time before the very first event is kept apart from the gaps between events.
        birth = float(self._birth[series])
        return np.array([birth > 0.0, birth, birth * birth])

    def _remember(self, series: int, entries: Floats) -> None:
        # A series whose rate changed repeatedly has bursts: the dropped gaps count in its dispersion.
        self._memory[series] += entries
        if self._memory[series, 0] > REMEMBERED_GAPS:
            self._memory[series] *= 0.5

    def _chances(self, cuts: Cuts, spread: Floats) -> Floats:
        """Return the p-value of the difference at each cut, shape (cuts,)."""
        chances = np.ones_like(cuts.before)
        chance = self.allowed / 2 / cuts.tried
        plausible = plausible_cuts(cuts.before, cuts.sums_before, spread, PLAUSIBLE, chance)
        a, b = (entries[plausible] / spread[plausible] for entries in (cuts.after, cuts.before))
        spans = cuts.sums_before[plausible, 0], cuts.sums_after[plausible, 0]
        share = spans[1] / (spans[0] + spans[1])
        # Both tails as lower tails: 1 minus a probability near 1 would lose all precision.
        chances[plausible] = 2.0 * np.minimum(betainc(a, b, share), betainc(b, a, 1.0 - share))
        return chances

    def _enqueue(self, series: int) -> None:
        self._queued[series] = due = int(self._due[series])
        heapq.heappush(self._heap, (due, series))
        # A series that returns after long gets an earlier date with each event; its later dates become stale.
        if len(self._heap) > 2 * self.series + SPARE_DATES:
            waiting = np.flatnonzero(self._queued < NEVER)
            self._heap = list(zip(self._queued[waiting].tolist(), waiting.tolist(), strict=True))
            heapq.heapify(self._heap)

    def _overdue(self) -> list[Shift]:
        shifts = []
        while self._heap and self._heap[0][0] <= self._clock:
            date, series = heapq.heappop(self._heap)
            if date != self._queued[series]:
                continue  # Stale: an earlier date was queued since, and has been handled.
            self._queued[series] = NEVER
            if self._due[series] > self._clock:
                self._enqueue(series)  # The series had events since.
            else:
                shifts.append(self._vanish(series))
        return shifts

    def _vanish(self, series: int) -> Shift:
        cuts = self._cuts(series)
        events, span = float(cuts.before[-1]), float(cuts.sums_before[-1, 0])
        away = int(self._clock - self._last[series])
        spread = dispersion(cuts.before, cuts.sums_before, self._memory[series], PRIOR_GAPS)[-1]
        p = math.exp(-events / spread * math.log1p(away / span))
        silence = SILENCE * away
        entries = np.array([events, span, cuts.sums_before[-1, 1]])
        self._remember(series, entries + np.array([1.0, silence, silence * silence]))
        self._clear(series)
        self._due[series], self._silent[series], self._birth[series] = NEVER, True, 0
        window = int(span) + away
        return Shift(series, "vanished", events / span, 0.0, away, window, p, self.allowed / 2)
