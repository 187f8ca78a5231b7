"""New labels: news when there are more than lately, and never a flood."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from drift.monitors.births import LabelBirths
from tests.drift.detectors.series import stored


def alarms(births: list[int], length: int = 100) -> list[int]:
    """Return at which messages a fresh watch raises an alarm."""
    watch = LabelBirths(length)
    return [n for n, count in enumerate(births) if watch.update(count)]


def test_a_stream_that_begins_is_no_news() -> None:
    """Everything is new at first."""
    assert alarms([3] * 100 + [0] * 5000) == []


@pytest.mark.parametrize("rate", [0.01, 0.3, 2.0])
def test_steady_births_are_no_news(rate: float) -> None:
    """However many labels appear, as long as they appear as before."""
    false = 0
    for seed in range(20):
        births = np.random.default_rng(seed).poisson(rate, 20_000).tolist()
        false += len(alarms(births))
    assert false <= 20  # 4,000 windows at one in a thousand expect 4


def test_births_after_a_quiet_time_are_found_at_the_eighth_at_the_latest() -> None:
    """A burst is found while it lasts, once."""
    births = [1] * 60 + [0] * 3000
    burst = len(births) // 100 * 100
    births[burst : burst + 50] = [1] * 50
    found = alarms(births)
    assert len(found) == 1
    assert burst <= found[0] < burst + 8


def bursts(seed: int, messages: int) -> list[int]:
    """Return births: none or hardly any for some windows, then many."""
    draw = np.random.default_rng(seed)
    rates = draw.choice([0.0, 0.01, 0.5, 3.0], size=messages // 150 + 1).repeat(150)
    return [int(count) for count in draw.poisson(rates[:messages])]


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(500, 2000))
def test_never_more_than_one_alarm_a_window_and_none_in_the_first(seed: int, messages: int) -> None:
    """Nothing that happens can flood the topic."""
    windows = [n // 100 for n in alarms(bursts(seed, messages))]
    assert len(windows) == len(set(windows))
    assert 0 not in windows


def test_chance_is_that_of_the_conditional_test() -> None:
    """The incomplete beta is the binomial tail, and the threshold where it passes alpha."""
    watch = LabelBirths(length=10)
    for _ in range(10):
        watch.update(3)
    for _ in range(5):
        watch.update(11)
    past = 0.9 * 30
    # The binomial test, which scipy offers for whole counts: 27 lately in 0.9 windows, 55 now in one.
    expected = stats.binomtest(55, 55 + int(past), 1 / 1.9, alternative="greater").pvalue
    assert watch.p == pytest.approx(expected, rel=1e-9)
    explained, too_many = watch.threshold, watch.threshold + 1
    assert stats.binom.sf(explained - 1, explained + past, 1 / 1.9) >= 0.001
    assert stats.binom.sf(too_many - 1, too_many + past, 1 / 1.9) < 0.001


def test_bursts_do_raise_alarms() -> None:
    """Else the tests that draw them would hold of anything."""
    assert all(alarms(bursts(seed, 2000)) for seed in range(5))


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(0, 1500))
def test_state_round_trip(seed: int, cut: int) -> None:
    """Stored at any point and restored, all that follows is equal."""
    kept, restored, births = LabelBirths(length=50), LabelBirths(length=50), bursts(seed, 1500)
    for count in births[:cut]:
        kept.update(count)
    restored.load_state(stored(kept.state()))
    for count in births[cut:]:
        assert restored.update(count) == kept.update(count)
        assert (restored.threshold, restored.p, restored.window) == (kept.threshold, kept.p, kept.window)


def test_refuses_bad_parameters() -> None:
    """The error says what was got."""
    with pytest.raises(ValueError, match=r"keep in \(0, 1\).* Got 1000, 1.5 and 0.001 instead"):
        LabelBirths(keep=1.5)
