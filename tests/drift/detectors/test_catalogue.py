"""Every detector: river's verdicts, an exact state, one meaning of its figures."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import drift

from drift.detectors.catalogue import DETECTORS, Detector, build
from tests.drift.detectors.series import bernoulli, stored

PARAMETERS: dict[str, dict[str, Any]] = {
    "adwin": {},
    "ddm": {},
    "eddm": {"alpha": 0.8, "beta": 0.7},
    "hddm-a": {},
    "hddm-w": {},
    "kswin": {"seed": 7},
    "page-hinkley": {"threshold": 10.0},
}
RIVER: dict[str, Any] = {
    "ddm": drift.binary.DDM,
    "eddm": drift.binary.EDDM,
    "hddm-a": drift.binary.HDDMA,
    "hddm-w": drift.binary.HDDMW,
    "kswin": drift.KSWIN,
    "page-hinkley": drift.PageHinkley,
}
every_detector = pytest.mark.parametrize("name", DETECTORS)


def new(name: str, **more: Any) -> Detector:
    """Return a detector with the parameters of these tests."""
    return build(name, **(PARAMETERS[name] | more))


def verdict(detector: Any) -> tuple[bool, bool]:
    """Return what a river detector says of the last value."""
    return detector.drift_detected, getattr(detector, "warning_detected", False)


def test_every_detector_is_tested() -> None:
    """Whoever adds a detector adds it here."""
    assert set(PARAMETERS) == set(DETECTORS)


OTHERWISE: list[tuple[str, dict[str, Any]]] = [
    ("hddm-a", {"two_sided_test": True}),
    ("hddm-w", {"two_sided_test": True, "lambda_val": 0.1}),
    ("page-hinkley", {"mode": "up"}),
    ("page-hinkley", {"mode": "down"}),
]


@pytest.mark.parametrize(("name", "more"), [*((name, {}) for name in RIVER), *OTHERWISE])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999), cuts=st.lists(st.integers(0, 400), max_size=3), shares=st.booleans())
def test_stored_and_restored_it_says_what_river_says_without(
    name: str, more: dict[str, Any], seed: int, cuts: list[int], shares: bool
) -> None:
    """Storage changes no verdict, and the verdicts are river's, on errors and on shares of errors."""
    ours, river = new(name, **more), RIVER[name](**(PARAMETERS[name] | more))
    for n, value in enumerate(bernoulli(seed, (200, 0.1), (120, 0.6), (80, 0.05))):
        if shares and name != "eddm":
            value = (value + n % 7 / 7) / 2
        if n in cuts:
            state = stored(ours.state())
            ours = new(name, **more)
            ours.load_state(state)
        ours.update(value)
        river.update(value)
        assert (ours.drift_detected, ours.warning) == verdict(river), f"at {n}"


@every_detector
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999), cut=st.integers(0, 400))
def test_figures_survive_storage(name: str, seed: int, cut: int) -> None:
    """Statistic, threshold and window are equal after storage."""
    kept, restored = new(name), new(name)
    for n, value in enumerate(bernoulli(seed, (200, 0.1), (120, 0.6), (80, 0.05))):
        if n == cut:
            restored.load_state(stored(kept.state()))
        kept.update(value)
        if n >= cut:
            restored.update(value)
            assert restored.statistic == kept.statistic
            assert restored.threshold == kept.threshold
            assert restored.window == kept.window


@every_detector
def test_a_drift_is_a_statistic_that_reaches_the_threshold(name: str) -> None:
    """One meaning of the figures for all detectors."""
    drifts = 0
    for seed in range(5):
        detector = new(name)
        for value in bernoulli(seed, (500, 0.1), (300, 0.6)):
            detector.update(value)
            if detector.drift_detected:
                drifts += 1
                assert abs(detector.statistic) >= detector.threshold
                assert 0 < detector.window <= 800
    assert drifts >= 5


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("adwin", {}),
        ("page-hinkley", {}),
        ("hddm-a", {"two_sided_test": True}),
        ("hddm-w", {"two_sided_test": True}),
    ],
)
def test_a_fall_is_negative(name: str, more: dict[str, Any]) -> None:
    """Detectors that look both ways tell a rise from a fall."""
    detector = new(name, **more)
    for value in [1.0] * 500 + [0.0] * 300:
        detector.update(value)
        if detector.drift_detected:
            break
    assert detector.drift_detected
    assert detector.statistic <= -detector.threshold < 0


@pytest.mark.parametrize("mode", ["both", "up", "down"])
def test_page_hinkley_compares_the_way_to_its_extreme(mode: str) -> None:
    """One-sided, it says nothing of the other side; the larger of the two otherwise."""
    detector, seen, rises, falls = new("page-hinkley", mode=mode, alpha=0.99, threshold=1e9), [], [0.0], [0.0]
    for n, value in enumerate(bernoulli(5, (60, 0.3), (60, 0.8), (60, 0.1))):
        seen.append(value)
        deviation = value - sum(seen) / len(seen)
        rises.append(0.99 * rises[-1] + deviation - 0.005)
        falls.append(0.99 * falls[-1] + deviation + 0.005)
        detector.update(value)
        rise = (rises[-1] - min(rises[1:])) * (mode != "down")
        fall = (max(falls[1:]) - falls[-1]) * (mode != "up")
        if n < 29:
            assert detector.threshold > 1e9 or detector.statistic == 0.0
        else:
            assert detector.statistic == pytest.approx(rise if rise >= fall else -fall), f"at {n}"
            assert detector.threshold == 1e9


@every_detector
def test_two_equal_runs_are_equal(name: str) -> None:
    """No detector looks at global randomness."""
    values = bernoulli(3, (500, 0.2), (300, 0.6))
    first, second = new(name), new(name)
    for value in values:
        first.update(value)
        second.update(value)
        assert (first.drift_detected, first.statistic) == (second.drift_detected, second.statistic)


def test_refuses_what_it_does_not_know() -> None:
    """The errors list the names there are."""
    names = "'adwin', 'ddm', 'eddm', 'hddm-a', 'hddm-w', 'kswin', 'page-hinkley'"
    with pytest.raises(ValueError, match=rf"no detector named 'cusum'\. Choose among {names}"):
        build("cusum")
    with pytest.raises(ValueError, match=r"'delat'.* It takes 'delta', 'clock'"):
        build("adwin", delat=0.1)
    with pytest.raises(ValueError, match="missing a required argument: 'seed'"):
        build("kswin")


@pytest.mark.parametrize(
    ("name", "parameter", "value", "bounds"),
    [
        ("adwin", "delta", 1, r"a float in \(0, 1\)"),
        ("adwin", "clock", 0, r"an int in \[1, inf\)"),
        ("ddm", "warm_start", -1, r"an int in \[0, inf\)"),
        ("ddm", "drift_threshold", math.inf, r"a float in \[0, inf\)"),
        ("eddm", "alpha", math.nan, r"a float in \[0, inf\)"),
        ("hddm-a", "drift_confidence", 0, r"a float in \(0, 1\]"),
        ("hddm-w", "lambda_val", 1.5, r"a float in \(0, 1\]"),
        ("kswin", "alpha", 0, r"a float in \(0, 1\]"),
        ("kswin", "alpha", 1.5, r"a float in \(0, 1\]"),
        ("kswin", "stat_size", 0, r"an int in \[1, 50\]"),
        ("kswin", "stat_size", 51, r"an int in \[1, 50\]"),
        ("page-hinkley", "alpha", 1.1, r"a float in \[0, 1\]"),
        ("page-hinkley", "mode", "sideways", "a str among {'both', 'down', 'up'}"),
    ],
)
def test_what_is_out_of_range_is_refused(name: str, parameter: str, value: Any, bounds: str) -> None:
    """With the range; a sample of KSWIN is drawn from what its latest values leave of the window."""
    with pytest.raises(
        ValueError, match=rf"The '{parameter}' parameter of \w+ must be {bounds}\. Got {value!r}"
    ):
        new(name, **{parameter: value})


@every_detector
def test_a_parameter_of_another_type_is_refused(name: str) -> None:
    """Each of them, as the settings may bring anything."""
    for parameter in inspect.signature(DETECTORS[name]).parameters:
        for value in ("x", None, [1]):
            with pytest.raises(ValueError, match=f"The '{parameter}' parameter of "):
                new(name, **{parameter: value})


def test_kswin_has_a_test_with_the_largest_share_of_its_window() -> None:
    """Half of it: the other half is the sample."""
    detector = new("kswin", window_size=20, stat_size=10)
    drifts = 0
    for value in [0.0] * 20 + [1.0] * 10:
        detector.update(value)
        drifts += detector.drift_detected
    assert drifts == 1
