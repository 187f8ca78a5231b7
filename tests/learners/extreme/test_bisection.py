"""Dividing rows in two: what is alike stays together, and neither part is too small."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from learners.extreme.bisection import bisect


@given(st.integers(4, 70), st.integers(1, 8), st.integers(0, 1000), st.sampled_from([0.0, 1.0]))
def test_neither_part_is_too_small(rows: int, columns: int, seed: int, spread: float) -> None:
    """Whatever the rows are, all alike or not, each part gets a quarter of them, and two, at least."""
    some = spread * np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    mask = bisect(some.astype(np.float32))
    assert min(mask.sum(), (~mask).sum()) >= max(2, rows // 4)


@given(st.integers(0, 1000), st.integers(17, 48))
def test_groups_are_not_torn(seed: int, size: int) -> None:
    """Two groups of unlike size, in any order, are the two parts."""
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat([False, True], [size, 65 - size]))
    centres = np.zeros((2, 32), dtype=np.float32)
    centres[0, 0] = centres[1, 1] = 10.0
    rows = centres[groups.astype(np.intp)] + rng.normal(size=(65, 32))
    mask = bisect(rows.astype(np.float32))
    assert (mask == groups).all() or (mask == ~groups).all()
