"""The window of a tree's node: it cuts where the detector that alarms do, and survives a save."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.detectors.adwin import ADWIN
from learners.tree.adaptive_window import AdaptiveWindow


def steps(seed: int, levels: list[float], binary: bool) -> list[float]:
    """Return values in [0, 1] around levels that last 300 each."""
    rng = np.random.default_rng(seed)
    means = np.repeat(levels, 300)
    draws = rng.random(len(means)) < means if binary else np.clip(rng.normal(means, 0.1), 0, 1)
    return [float(draw) for draw in draws]


@settings(max_examples=25)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.floats(0, 1), min_size=1, max_size=5),
    st.booleans(),
    st.integers(1, 64),
)
def test_cuts_where_the_plain_detector_cuts(seed: int, levels: list[float], binary: bool, clock: int) -> None:
    """Compare with `drift.detectors.adwin`, written plainly: same alarms, direction and length."""
    window, plain = AdaptiveWindow(clock=clock), ADWIN(clock=clock)
    for value in steps(seed, levels, binary):
        rise = window.update(value)
        plain.update(value)
        assert (rise != 0.0) == plain.drift_detected
        if rise:
            assert rise == pytest.approx(plain.statistic)
        assert window.length == plain.window


def test_a_restored_window_goes_on_bit_by_bit() -> None:
    """Save, load, go on: equal states ever after."""
    values = steps(0, [0.2, 0.8, 0.5], binary=True)
    window, restored = AdaptiveWindow(), AdaptiveWindow()
    for value in values[:500]:
        window.update(value)
    restored.load_state(window.state())
    for value in values[500:]:
        assert window.update(value) == restored.update(value)
    for name, part in window.state().items():
        np.testing.assert_array_equal(part, restored.state()[name])


def test_wrong_parameters_are_refused() -> None:
    """Say which parameter is wrong."""
    with pytest.raises(ValueError, match="'delta' parameter of AdaptiveWindow"):
        AdaptiveWindow(delta=0.0)
    with pytest.raises(ValueError, match="'clock' parameter of AdaptiveWindow"):
        AdaptiveWindow(clock=0)
