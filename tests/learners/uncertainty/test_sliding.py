"""Quantiles and shares of the last values are those of a plain sort."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from learners.uncertainty.sliding import Sliding
from tests.learners.checks import through_json


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60), st.floats(0.01, 1.0), st.floats(-5, 5))
def test_quantiles_and_shares_are_those_of_the_last_values(
    values: list[float], share: float, least: float
) -> None:
    """Beside a plain sort of the last 20, also when kept and restored in the middle."""
    sliding, restored = Sliding(20), Sliding(20)
    for value in values[: len(values) // 2]:
        sliding.add(value)
    restored.load_state(through_json(sliding.state()))
    for value in values[len(values) // 2 :]:
        sliding.add(value)
        restored.add(value)
    last = np.array(values[-20:])
    quantile = sliding.reached_by(share)
    assert quantile == restored.reached_by(share)
    assert np.mean(last >= quantile) >= share - 1e-9
    larger = last[last > quantile]
    assert not len(larger) or np.mean(last >= larger.min()) < share
    assert sliding.share(least) == restored.share(least)
    assert np.isclose(sliding.share(least), np.mean(last >= least))
    assert len(sliding) == len(last)
