"""The search by codes of one byte against a plain search that reads every vector: equal bit by bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core import Floats, Ids, Vector
from learners.neighbors.columns import PENDING, Columns


def plain(vectors: list[Vector], x: Vector, k: int) -> tuple[Ids, Floats]:
    """Return the k nearest, by products that are summed feature by feature in single precision."""
    squares, norm = [], sum(float(value) ** 2 for value in x)
    for vector in vectors:
        total = np.float32(0.0)
        for value, other in zip(x, vector, strict=False):
            total += value * other
        squares.append(float(np.float32(sum(float(value) ** 2 for value in vector))) - 2.0 * float(total))
    near = np.argsort(squares, kind="stable")[:k]
    lengths = np.sqrt(np.maximum(np.array(squares)[near] + norm, 0.0))
    weights = 1.0 / (lengths + 1e-3 * norm**0.5 + 1e-9)
    return near, weights / weights.sum()


KINDS = {
    "dense": lambda rng, d: rng.normal(size=d),
    "sparse": lambda rng, d: rng.normal(size=d) * (rng.random(d) < 0.2),
    "whole numbers, many equal": lambda rng, d: rng.integers(0, 3, d),
    "of many lengths": lambda rng, d: rng.normal(size=d) * 10.0 ** rng.integers(-6, 7),
    "one large value": lambda rng, d: rng.normal(size=d) + 1e4 * (np.arange(d) == rng.integers(d)),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=25)
@given(st.integers(1, 12), st.integers(1, 40), st.integers(1, 90), st.integers(0, 99))
def test_equals_a_plain_search(kind: str, k: int, features: int, messages: int, seed: int) -> None:
    """Whether the last vectors are in columns already or not, and after some were replaced."""
    rng, columns, kept = np.random.default_rng(seed), Columns(60), [np.zeros(0, dtype=np.float32)] * 60
    for n in range(messages):
        kept[n % 60] = KINDS[kind](rng, features).astype(np.float32)
        columns.put(n % 60, kept[n % 60])
    used = min(messages, 60)
    k, x = min(k, used), KINDS[kind](rng, features).astype(np.float32)
    near, weights = columns.nearest(x, k, used)
    expected, shares = plain(kept[:used], x, k)
    assert near.tolist() == expected.tolist()
    np.testing.assert_allclose(weights, shares, rtol=1e-9)


def test_vectors_of_other_lengths_and_missing_values_count_as_zeros() -> None:
    """Also where a longer one comes after the others are in columns, or a shorter one asks."""
    columns, short = Columns(2 * PENDING), np.array([1.0, np.nan], dtype=np.float32)
    for place in range(PENDING):
        columns.put(place, short)
    columns.put(PENDING, np.array([1.0, 0.0, 3.0], dtype=np.float32))
    assert columns.nearest(np.array([1.0, 0.0, 3.0], dtype=np.float32), 2, PENDING + 1)[0].tolist() == [16, 0]
    assert columns.nearest(short, 2, PENDING + 1)[0].tolist() == [0, 1]


def test_values_that_overflow_end_nothing() -> None:
    """The nearest are then any, but of those that there are."""
    columns = Columns(40)
    for place in range(40):
        columns.put(place, np.full(3, 3e38 if place % 2 else 1.0, dtype=np.float32))
    for value in (3e38, -3e38, 1e-42, 0.0):
        near, _ = columns.nearest(np.full(3, value, dtype=np.float32), 5, 40)
        assert ((near >= 0) & (near < 40)).all()


@pytest.mark.parametrize("size", [1e15, 1e18, 2e19, 3.4e38])
def test_weights_are_finite_whatever_the_values(size: float) -> None:
    """Squares of larger ones would overflow; the usual vectors stay the nearest of usual ones."""
    columns, rng = Columns(60), np.random.default_rng(0)
    for place in range(60):
        columns.put(
            place, rng.choice([1.0, size, -size] if place % 3 == 0 else [0.5, 1.0], 4).astype(np.float32)
        )
    for x in ([size] * 4, [-size, size, 0.0, 1.0], [1.0, 0.5, 1.0, 0.5]):
        rows, weights = columns.nearest(np.array(x, dtype=np.float32), 5, 60)
        assert np.isfinite(weights).all()
        assert weights.sum() == pytest.approx(1.0)
    assert (rows % 3 != 0).all()


def test_a_search_reads_few_vectors() -> None:
    """The others are excluded by their codes: overwriting them changes nothing."""
    rng, columns = np.random.default_rng(0), Columns(1000)
    for place in range(1008):
        columns.put(place % 1000, rng.normal(size=50).astype(np.float32))
    x = rng.normal(size=50).astype(np.float32)
    found = columns.nearest(x, 10, 1000)
    distances = np.linalg.norm(columns._vectors[:, :50] - x, axis=1)
    columns._vectors[np.argsort(distances)[100:]] = np.nan
    again = columns.nearest(x, 10, 1000)
    assert found[0].tolist() == again[0].tolist()
    assert found[1].tolist() == again[1].tolist()
