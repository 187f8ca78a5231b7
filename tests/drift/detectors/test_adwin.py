"""ADWIN against one that keeps every value, against one without compiled code, and beside river's."""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import drift

from drift.core import digest
from drift.detectors.adwin import ADWIN
from tests.drift.detectors.plain_adwin import ListADWIN
from tests.drift.detectors.series import bernoulli, stored


class PlainADWIN:
    """The same rule, with every value of the window kept and every mean computed afresh."""

    def __init__(self, delta: float, clock: int, max_buckets: int, min_length: int) -> None:
        self.delta, self.clock, self.max_buckets, self.min_length = delta, clock, max_buckets, min_length
        self.values: list[float] = []
        self.sizes: list[int] = []  # oldest first
        self.seen = 0

    def update(self, value: float) -> bool:
        """Take in one value and say whether the window was cut."""
        self.values.append(value)
        self.sizes.append(1)
        size = 1
        while self.sizes.count(size) > self.max_buckets:
            oldest = self.sizes.index(size)
            self.sizes[oldest : oldest + 2] = [2 * size]
            size *= 2
        self.seen += 1
        cut = self.seen % self.clock == 0 and self.cut()
        drift_detected = bool(cut)
        while cut:
            self.values = self.values[sum(self.sizes[:cut]) :]
            self.sizes = self.sizes[cut:]
            cut = self.cut()
        return drift_detected

    def cut(self) -> int:
        """Return how many buckets lie before the strongest cut, 0 for none."""
        strongest, position = 1.0, 0
        for buckets in range(1, len(self.sizes)):
            border = sum(self.sizes[:buckets])
            before, after = self.values[:border], self.values[border:]
            if min(len(before), len(after)) >= self.min_length:
                factor = float(abs(np.mean(after) - np.mean(before))) / self.bound(len(before), len(after))
                if factor > strongest:
                    strongest, position = factor, buckets
        return position

    def bound(self, before: int, after: int) -> float:
        """Return the bound for a cut into so many values before and after."""
        log = math.log(2 * math.log(len(self.values)) / self.delta)
        harmonic = 1 / before + 1 / after
        return float(np.sqrt(2 * harmonic * np.var(self.values) * log) + 2 / 3 * harmonic * log)


pieces = st.lists(st.tuples(st.integers(1, 150), st.floats(0, 1)), min_size=1, max_size=3)


@settings(max_examples=40, deadline=None)
@given(pieces, st.integers(0, 9), st.sampled_from([0.002, 0.3]), st.sampled_from([3, 32]), st.integers(2, 5))
def test_equals_the_plain_one(
    series: list[tuple[int, float]], seed: int, delta: float, clock: int, max_buckets: int
) -> None:
    """Buckets lose nothing: same cuts, same windows."""
    fast, plain = ADWIN(delta, clock, max_buckets), PlainADWIN(delta, clock, max_buckets, 5)
    for value in bernoulli(seed, *series):
        fast.update(value)
        assert fast.drift_detected == plain.update(value)
        assert fast.window == len(plain.values)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 300), st.floats(0, 1)), min_size=1, max_size=4),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.sampled_from([0.002, 0.3]),
    st.sampled_from([1, 32, 100]),
    st.integers(2, 5),
    st.sampled_from([1, 5, 30]),
)
def test_equals_the_one_in_lists_bit_by_bit(
    series: list[tuple[int, float]],
    seed: int,
    binary: bool,
    delta: float,
    clock: int,
    max_buckets: int,
    min_length: int,
) -> None:
    """Figures at every value, and the buckets now and then, are equal to the last bit."""
    parameters = delta, clock, max_buckets, min_length
    fast, plain = ADWIN(*parameters), ListADWIN(*parameters)
    noise = np.random.default_rng(seed)
    for n, value in enumerate(bernoulli(seed, *series)):
        taken = value if binary else float(noise.uniform(0.3 * value, 0.4 + 0.6 * value))
        fast.update(taken)
        plain.update(taken)
        assert figures(fast) == figures(plain)
        if n % 41 == 0:
            assert fast.window == plain.window
            assert rows(fast) == plain.rows()


def figures(adwin: ADWIN | ListADWIN) -> tuple[object, ...]:
    """Return what can be asked after each value."""
    return adwin.drift_detected, adwin.statistic, adwin.threshold, adwin.before, adwin.after


def rows(adwin: ADWIN) -> list[list[tuple[float, float]]]:
    """Return the buckets of each size, oldest first; what lies beyond them is 0."""
    window = adwin.histogram()
    for length, row in zip(window["lengths"], window["buckets"], strict=True):
        assert not row[length:].any()
    return [
        [(float(total), float(squares)) for total, squares in row[:length]]
        for length, row in zip(window["lengths"], window["buckets"], strict=True)
    ]


@pytest.mark.parametrize(("before", "after"), [(0.2, 0.5), (0.5, 0.2), (0.05, 0.3)])
def test_finds_a_change_once_and_as_soon_as_river(before: float, after: float) -> None:
    """One alarm a change, at the check where river's comes or before."""
    delays: dict[str, list[int]] = {"ours": [], "river": []}
    kinds: dict[str, Any] = {"ours": ADWIN, "river": drift.ADWIN}
    for seed in range(20):
        for name, kind in kinds.items():
            detector, found = kind(), []
            for n, value in enumerate(bernoulli(seed, (2000, before), (2000, after))):
                detector.update(value)
                if detector.drift_detected:
                    found.append(n)
            assert len(found) == 1, f"{name} found {found} with seed {seed}"
            delays[name].append(found[0] - 2000)
    assert min(delays["ours"]) >= 0
    assert max(delays["ours"]) <= 250
    assert statistics.median(delays["ours"]) <= statistics.median(delays["river"])


def test_is_quiet_where_nothing_changes() -> None:
    """In 20 stationary streams of 5,000 values there is at most one alarm."""
    alarms = 0
    for seed in range(20):
        adwin = ADWIN()
        for value in bernoulli(seed, (5000, 0.3)):
            adwin.update(value)
            alarms += adwin.drift_detected
    assert alarms <= 1


def test_says_how_much_and_since_when() -> None:
    """The strongest cut lies at the change."""
    adwin = ADWIN()
    for value in [0.25] * 1000 + [0.75] * 500:
        adwin.update(value)
        if adwin.drift_detected:
            break
    assert adwin.statistic == pytest.approx(0.5, abs=0.02)
    assert 0 < adwin.threshold < adwin.statistic
    assert adwin.window <= 32


def test_memory_grows_with_the_logarithm() -> None:
    """20,000 values fit into a few dozen buckets."""
    adwin = ADWIN()
    for value in bernoulli(0, (20_000, 0.5)):
        adwin.update(value)
    assert adwin.window == 20_000
    assert adwin.state()["lengths"].sum() <= 5 * math.log2(20_000)
    assert sum(part.nbytes for part in adwin.histogram().values() if isinstance(part, np.ndarray)) < 2000


@settings(deadline=None)
@given(pieces, st.integers(0, 9), st.floats(0, 1), st.sampled_from([0, 5, 5_000]))
def test_state_round_trip(series: list[tuple[int, float]], seed: int, share: float, other: int) -> None:
    """Stored at any point and restored, also into one with values of its own, all that follows is equal."""
    values = bernoulli(seed, *series)
    half = int(share * len(values))
    kept, restored = ADWIN(clock=4), ADWIN(clock=4)
    for value in bernoulli(1, (other, 0.5)):
        restored.update(value)
    for value in values[:half]:
        kept.update(value)
    restored.load_state(stored(kept.state()))
    for value in values[half:]:
        kept.update(value)
        restored.update(value)
        assert (restored.drift_detected, restored.statistic, restored.threshold, restored.window) == (
            kept.drift_detected,
            kept.statistic,
            kept.threshold,
            kept.window,
        )


@pytest.mark.parametrize(
    ("name", "value"), [("delta", 0.0), ("delta", 1.0), ("clock", 0), ("max_buckets", 1), ("min_length", 0)]
)
def test_refuses_bad_parameters(name: str, value: Any) -> None:
    """Each error names the parameter and what was got."""
    with pytest.raises(ValueError, match=f"The '{name}' parameter of ADWIN must be .* Got {value} instead"):
        ADWIN(**{name: value})


def test_the_state_of_more_buckets_changes_nothing() -> None:
    """Half of it was taken over before numpy refused the rest."""
    wide, narrow = ADWIN(max_buckets=20), ADWIN(max_buckets=3)
    for n in range(300):
        for each in (wide, narrow):
            each.update(float(n % 3 == 0))
    before = digest(narrow.state())
    # Neither names parameters: a histogram, and a state of version 0.2.0.
    last = {"last": wide.state()["last"]}
    for state in (wide.histogram(), wide.histogram() | last):
        with pytest.raises(ValueError, match="with max_buckets=20, and this one has 3"):
            narrow.load_state(state)
        assert digest(narrow.state()) == before
