"""Online standardisation against the moments of all values, and unit vectors."""

from __future__ import annotations

import numpy as np
import pytest

from learners.preprocessing.scaling import CLIP, StandardScaler, unit


def test_equals_the_moments_of_all_values() -> None:
    """Until the horizon, mean and variance are those of everything seen."""
    x = np.random.default_rng(0).normal(50.0, 3.0, size=(400, 5)).astype(np.float32)
    scaler = StandardScaler()
    for row in x:
        scaler.learn(row)
    expected = (x[7] - x.astype(np.float64).mean(axis=0)) / x.astype(np.float64).std(axis=0)
    np.testing.assert_allclose(scaler.transform(x[7]), expected, rtol=1e-4)


def test_the_scale_follows_a_drift() -> None:
    """Beyond the horizon the old scale is forgotten."""
    scaler = StandardScaler(horizon=100)
    for value in np.random.default_rng(0).normal(size=2000) + np.repeat([0.0, 100.0], 1000):
        scaler.learn(np.array([value], dtype=np.float32))
    assert abs(scaler.transform(np.array([100.0], dtype=np.float32))[0]) < 1.0


@pytest.mark.parametrize("outlier", [1e6, -3e38])
@pytest.mark.parametrize("at", [6, 50, 5000])
def test_one_outlier_moves_the_scale_by_a_bounded_factor(outlier: float, at: int) -> None:
    """Whenever it comes, and however far away it is; usual values stay apart from each other."""
    values = np.random.default_rng(1).normal(size=at + 500).astype(np.float32)
    values[at] = outlier
    scaler = StandardScaler()
    for value in values:
        scaler.learn(np.array([value]))
    low, high = (scaler.transform(np.array([value], dtype=np.float32))[0] for value in (-1.0, 1.0))
    assert 1.0 < high - low < 2.2


def test_a_rare_value_that_comes_again_is_no_outlier() -> None:
    """A flag of one message in 500 keeps its variance: p (1 - p)."""
    scaler = StandardScaler()
    for i in range(20_000):
        scaler.learn(np.array([i % 500 == 499], dtype=np.float32))
    assert scaler.moments[2][0] == pytest.approx(0.002 * 0.998, rel=0.1)


@pytest.mark.parametrize("exponent", [-100, -40, 0, 40, 100])
def test_the_unit_of_measurement_does_not_matter(exponent: int) -> None:
    """Micrograms or tons: the same numbers, to the last bit where the factor is a power of two."""
    values = np.random.default_rng(0).normal(3.0, 1.0, size=50).astype(np.float32)
    plain, scaled = StandardScaler(), StandardScaler()
    for value in values:
        plain.learn(np.array([value]))
        scaled.learn(np.ldexp(np.array([value]), exponent))
    assert plain.transform(values[:1]).any()
    np.testing.assert_array_equal(
        scaled.transform(np.ldexp(values[:1], exponent)), plain.transform(values[:1])
    )


def test_missing_and_wild_values_are_tamed() -> None:
    """Missing becomes the mean, wild becomes the limit, a constant says nothing."""
    scaler = StandardScaler()
    for value in (1.0, 2.0, np.nan, 3.0):
        scaler.learn(np.array([value, 7.0], dtype=np.float32))
    assert scaler.transform(np.array([np.nan, 9.0], dtype=np.float32)).tolist() == [0.0, 0.0]
    assert scaler.transform(np.array([3e38, 7.0], dtype=np.float32)).tolist() == [CLIP, 0.0]


def test_unit_vectors_keep_their_direction_at_any_size() -> None:
    """Also where the squares do not fit single precision."""
    for size in (1e-20, 1.0, 1e37):
        np.testing.assert_allclose(
            unit(np.array([3.0, 4.0], dtype=np.float32) * np.float32(size)), [0.6, 0.8], rtol=1e-5
        )
    assert unit(np.zeros(2, dtype=np.float32)).tolist() == [0.0, 0.0]
