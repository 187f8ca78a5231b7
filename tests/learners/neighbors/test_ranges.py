"""Ranges of what is held, with one wild value and without."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.core import Vector
from learners import make
from learners.neighbors.ranges import ranges

VALUES = st.sampled_from([0.0, 0.5, -0.5, 1.0, 3.0, -4.0, 400.0, -600.0, 1e6, -1e20, 3e38])


def plain_ranges(held: Sequence[Vector], features: int) -> tuple[Vector, Vector]:
    """Return the extremes of each feature, 0 included, without a value that is alone in its size."""
    ends = []
    for column in np.array(held, dtype=np.float32).reshape(-1, features).T:
        *others, largest = sorted(column[column != 0.0].tolist(), key=abs) or [0.0]
        lone = others and abs(largest) > 1000 * abs(others[-1])
        kept = others if lone else [*others, largest]
        ends.append((min(0.0, *kept, 0.0), max(0.0, *kept, 0.0)))
    low, high = np.array(ends, dtype=np.float32).T
    return low, high


@given(st.lists(st.tuples(VALUES, VALUES), max_size=6))
def test_equals_its_definition(messages: list[tuple[float, float]]) -> None:
    """Whatever is wild or missing among the values."""
    held = np.array(messages, dtype=np.float32).reshape(-1, 2)
    for found, expected in zip(ranges(held.T), plain_ranges(list(held), 2), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["arknn", "mlsamknn"])
def test_a_range_leaves_with_what_is_held(name: str) -> None:
    """A feature on another scale for a while: afterwards neighbours are as near as without it."""
    right = []
    for scale in (1.0, 1e6):
        learner, generator = make(name, window=100), np.random.default_rng(0)
        for number in range(900):
            x = generator.normal(size=2).astype(np.float32)
            labels = ["a"] if x[0] > 0 else ["b"]
            x[0] *= scale if number < 200 else 1.0
            right.append(learner.label_space.names(learner.predict(x).labels) == labels)
            learner.learn(x, learner.label_space.targets(labels))
    assert np.mean(right[1400:]) > np.mean(right[500:900]) - 0.05
