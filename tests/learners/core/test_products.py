"""Products with many vectors at once: right, the same wherever they lie, and the same uncompiled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.core.products import add_products, add_products_of

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(0, 40)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(seed=SEEDS, features=SIZES, beyond=st.integers(-5, 5), vectors=SIZES)
def test_products_are_those_of_linear_algebra(
    dtype: type[np.floating], seed: int, features: int, beyond: int, vectors: int
) -> None:
    """Products are added to what is there; missing values, and features that one side lacks, are 0."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(features, vectors)).astype(dtype)
    x = rng.normal(size=max(0, features + beyond)).astype(dtype)
    x[rng.random(len(x)) < 0.3] = 0.0
    x[rng.random(len(x)) < 0.1] = np.nan
    x[rng.random(len(x)) < 0.2] = rng.choice([-1.0, 1.0])
    start = rng.normal(size=vectors).astype(dtype)
    sums = start.copy()
    add_products(table, x, sums)
    shared = min(len(x), features)
    np.testing.assert_allclose(sums, start + np.nan_to_num(x[:shared]) @ table[:shared], atol=1e-4)


@given(seed=SEEDS, features=SIZES, vectors=SIZES, room=SIZES)
def test_sums_do_not_depend_on_the_layout(seed: int, features: int, vectors: int, room: int) -> None:
    """With room to spare, or with other vectors beside it, each sum has the same bits."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(features, vectors)).astype(np.float32)
    x = rng.normal(size=features).astype(np.float32)
    larger = rng.normal(size=(features + room, vectors + room)).astype(np.float32)
    larger[:features, :vectors] = table
    sums, same, alone = (np.zeros(vectors, dtype=np.float32) for _ in range(3))
    add_products(table, x, sums)
    add_products(larger, x, same)
    for place in range(vectors):
        add_products(table[:, place : place + 1].copy(), x, alone[place : place + 1])
    assert sums.tobytes() == same.tobytes() == alone.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(seed=SEEDS, features=SIZES, beyond=st.integers(-5, 5), vectors=SIZES)
def test_products_with_some_vectors_have_the_same_bits(
    dtype: type[np.floating], seed: int, features: int, beyond: int, vectors: int
) -> None:
    """As those with all of them."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(features, vectors)).astype(np.float32)
    x = rng.normal(size=max(0, features + beyond)).astype(dtype)
    x[rng.random(len(x)) < 0.3] = 0.0
    x[rng.random(len(x)) < 0.1] = np.nan
    start, some = rng.normal(size=vectors).astype(dtype), np.flatnonzero(rng.random(vectors) < 0.4)
    whole, sums = start.copy(), start[some]
    add_products(table, x, whole)
    add_products_of(table, some, x, sums)
    assert sums.tobytes() == whole[some].tobytes()
