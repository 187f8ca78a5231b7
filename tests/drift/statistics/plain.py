"""The banks' rules written plainly: one series at a time, buckets in lists, every date looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy.special import betainc

from drift.statistics import bank
from drift.statistics.bank import Shift
from drift.statistics.rates import SILENCE

Entry = tuple[float, ...]


class PlainWindow:
    """An exponential histogram: buckets of (entries, sums), oldest first; of `rows` sizes at most."""

    def __init__(self, buckets: int) -> None:
        self.buckets = buckets
        self.rows = bank.BUCKET_SIZES
        self.held: list[tuple[int, Entry]] = []

    def add(self, entry: Entry) -> bool:
        """Add an entry, merging the two oldest of a size that has too many; return whether some were lost."""
        self.held.append((1, entry))
        size = 1
        while [held[0] for held in self.held].count(size) > self.buckets:
            first = [held[0] for held in self.held].index(size)
            (_, a), (_, b) = self.held[first : first + 2]
            self.held[first : first + 2] = [(2 * size, tuple(x + y for x, y in zip(a, b, strict=True)))]
            size *= 2
        full = size == 1 << self.rows
        self.held = self.held[full:]
        return full


def total(held: list[tuple[int, Entry]]) -> tuple[int, list[float]]:
    """Return the entries and sums of some buckets together."""
    return sum(size for size, _ in held), [sum(column) for column in zip(*(e for _, e in held), strict=True)]


class PlainRates:
    """`RateBank` for a fixed number of series, in the plainest way."""

    def __init__(self, series: int, budget: float, buckets: int) -> None:
        self.budget = budget
        self.windows = [PlainWindow(buckets) for _ in range(series)]
        self.birth = [0] * series
        self.last = [0] * series
        self.silent = [True] * series
        self.memory = [[0.0, 0.0, 0.0] for _ in range(series)]
        self.due = [math.inf] * series
        self.clock = self.tests = 0

    @property
    def allowed(self) -> float:
        """See `RateBank`."""
        return self.budget / 1e5 / max(1.0, self.tests / max(1, self.clock))

    def update(self, events: list[int]) -> list[tuple[int, str, int, int, float]]:
        """Return series, kind, since, window and p of what changed."""
        self.clock += 1
        self.tests += len(events)
        found = []
        for series in [*filter(lambda e: self.silent[e], events)]:
            if self.last[series]:
                away = self.clock - self.last[series]
                found.append((series, "returned", 0, away, self.allowed / 2))
            else:
                self.birth[series] = self.clock
        known = [series for series in events if not self.silent[series]]
        for series in known:
            gap = float(self.clock - self.last[series])
            if self.windows[series].add((gap, gap * gap)):
                self.birth[series] = 0
        for series in events:
            self.silent[series] = False
            self.last[series] = self.clock
        found += [shift for series in known for shift in self.test(series)]
        vanished = [s for s in range(len(self.windows)) if not self.silent[s] and self.due[s] <= self.clock]
        return found + [self.vanish(series) for series in sorted(vanished, key=lambda s: (self.due[s], s))]

    def remember(self, series: int, entries: list[float]) -> None:
        """Keep the spread of what is forgotten."""
        self.memory[series] = [x + y for x, y in zip(self.memory[series], entries, strict=True)]
        if self.memory[series][0] > 1000:
            self.memory[series] = [x / 2 for x in self.memory[series]]

    def dispersion(self, series: int, n: float, span: float, squares: float) -> float:
        """Return the squared coefficient of variation, mixed with 20 steady gaps."""
        more = self.memory[series]
        n, span, squares = n + more[0], span + more[1], squares + more[2]
        return max(1.0, (n * (squares * n / (span * span) - 1) + 20) / (n + 20))

    def columns(self, series: int) -> list[tuple[int, Entry]]:
        """Return the buckets, the wait for the first event before them."""
        birth = float(self.birth[series])
        return [(1, (birth, birth * birth))] * (birth > 0) + self.windows[series].held

    def test(self, series: int) -> list[tuple[int, str, int, int, float]]:
        """Try every cut, exactly."""
        columns = self.columns(series)
        best, cut, figures = 1.0, 0, (0.0, 0.0)
        for k in range(1, len(columns)):
            (n, (span, squares)), (m, (later, _)) = total(columns[:k]), total(columns[k:])
            spread = self.dispersion(series, n, span, squares)
            if abs(math.log(later * n / (span * m))) <= 2.5 * math.sqrt(spread * (1 / n + 1 / m)):
                continue
            share = later / (span + later)
            tails = betainc(m / spread, n / spread, share), betainc(n / spread, m / spread, 1 - share)
            p = 2 * float(min(tails))
            if p < best:
                best, cut, figures = p, k, (span, later)
        p = min(1.0, best * max(1, len(columns) - 1))
        shifts = []
        if p < self.allowed / 2:
            n, m = total(columns[:cut])[0], total(columns[cut:])[0]
            kind = "rise" if m / figures[1] > n / figures[0] else "fall"
            young = self.birth[series] > 0
            if young and cut == 1:
                kind = "new"
            else:
                n, sums = total(columns[:cut])
                self.remember(series, [n, *sums])
            self.birth[series] = 0
            self.windows[series].held = columns[cut:]
            shifts.append((series, kind, int(figures[1]), int(sum(figures)), p))
        n, (span, squares) = total(self.columns(series))
        surprise = -math.log(self.allowed / 2) * self.dispersion(series, n, span, squares) / n
        self.due[series] = math.inf if surprise >= 40 else self.clock + math.ceil(span * math.expm1(surprise))
        return shifts

    def vanish(self, series: int) -> tuple[int, str, int, int, float]:
        """Forget a series."""
        n, (span, squares) = total(self.columns(series))
        away = self.clock - self.last[series]
        p = math.exp(-n / self.dispersion(series, n, span, squares) * math.log1p(away / span))
        silence = SILENCE * away
        self.remember(series, [n + 1, span + silence, squares + silence**2])
        self.windows[series].held = []
        self.due[series], self.silent[series], self.birth[series] = math.inf, True, 0
        return series, "vanished", away, int(span) + away, p


class PlainMeans:
    """`MeanBank` in the plainest way."""

    def __init__(self, budget: float, buckets: int, clock: int) -> None:
        self.budget, self.buckets, self.every = budget, buckets, clock
        self.windows: dict[int, PlainWindow] = {}
        self.last: dict[int, int] = {}
        self.seen: dict[int, int] = {}
        self.clock = self.tests = 0

    def update(self, values: Mapping[int, float]) -> list[tuple[int, str, int, int, float]]:
        """Return series, kind, since, window and p of what changed."""
        self.clock += 1
        due = []
        for series, value in values.items():
            gap = self.clock - self.last.get(series, 0)
            self.windows.setdefault(series, PlainWindow(self.buckets)).add((value, value * value, gap))
            self.last[series] = self.clock
            self.seen[series] = self.seen.get(series, 0) + 1
            if self.seen[series] % self.every == 0:
                due.append(series)
        self.tests += len(due)
        return [shift for series in due for shift in self.test(series)]

    def test(self, series: int) -> list[tuple[int, str, int, int, float]]:
        """Try every cut."""
        held = self.windows[series].held
        n, (values, squares, _) = total(held)
        variance = max(0.0, squares / n - (values / n) ** 2)
        best, cut = 1.0, 0
        for k in range(1, len(held)):
            (a, (before, *_)), (b, (after, *_)) = total(held[:k]), total(held[k:])
            if min(a, b) >= 5:
                h, difference = 1 / a + 1 / b, abs(after / b - before / a)
                linear, root = 2 / 3 * h, math.sqrt(2 * h * variance)
                evidence = ((math.sqrt(root**2 + 4 * linear * difference) - root) / (2 * linear)) ** 2
                if 2 * math.exp(-evidence) < best:
                    best, cut = 2 * math.exp(-evidence), k
        p = min(1.0, best * max(1, len(held) - 1))
        if p >= self.budget / 1e5 / max(1.0, self.tests / self.clock):
            return []
        (a, (before, _, span)), (b, (after, _, since)) = total(held[:cut]), total(held[cut:])
        self.windows[series].held = held[cut:]
        kind = "rise" if after / b > before / a else "fall"
        return [(series, kind, int(since), int(since + span), p)]


def told(shifts: list[Shift]) -> list[tuple[int, str, int, int, float]]:
    """Return what the plain banks return of a bank's shifts."""
    return [(s.series, s.kind, s.since, s.window, s.p) for s in shifts]


def messages(seed: int, pieces: list[tuple[int, list[float]]]) -> list[list[int]]:
    """Return the events of each message: for each piece so many messages with those chances, by series."""
    generator = np.random.default_rng(seed)
    return [
        np.flatnonzero(generator.random(len(chances)) < chances).tolist()
        for length, chances in pieces
        for _ in range(length)
    ]
