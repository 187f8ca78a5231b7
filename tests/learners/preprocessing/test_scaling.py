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
@pytest.mark.parametrize("at", [0, 1, 2, 4, 5, 6, 50, 5000])
def test_one_outlier_moves_the_scale_by_a_bounded_factor(outlier: float, at: int) -> None:
    """Whenever it comes, and however far away it is; usual values stay apart from each other."""
    values = np.random.default_rng(1).normal(size=at + 500).astype(np.float32)
    values[at] = outlier
    scaler = StandardScaler()
    for value in values:
        scaler.learn(np.array([value]))
    low, high = (scaler.transform(np.array([value], dtype=np.float32))[0] for value in (-1.0, 1.0))
    assert 1.0 < high - low < 2.2


@pytest.mark.parametrize("value", [1.0, -1e-30])
def test_one_outlier_among_zeros_leaves_no_trace(value: float) -> None:
    """It was the only value that is not 0, until another one comes: the scale is that of the other."""
    scaler, other = StandardScaler(), StandardScaler()
    scaler.learn(np.array([1e6 * value], dtype=np.float32))
    for number in range(80):
        for each in (scaler, other):
            each.learn(np.array([value if number == 40 else 0.0], dtype=np.float32))
    for one, another in zip(scaler.moments, other.moments, strict=True):
        np.testing.assert_allclose(one, another, rtol=1e-9)


def test_what_corrects_an_outlier_is_told() -> None:
    """A value that takes the place of the first one, and none that is large enough to be true with it."""
    scaler = StandardScaler()
    scaler.learn(np.array([1e6, 2.0], dtype=np.float32))
    assert scaler.corrects(np.array([3.0, 2.0], dtype=np.float32))
    for x in ([1e4, 0.01], [0.0, 2.0], [np.nan, np.nan], [-2e9, 5e9]):
        assert not scaler.corrects(np.array(x, dtype=np.float32))


def test_bounded_values_are_those_that_count() -> None:
    """Learning them gives the same moments; usual ones, missing and first ones stay as they are."""
    values = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    values[::40, 0], values[3::7, 1] = 1e9, np.nan
    one, other = StandardScaler(), StandardScaler()
    for x in values:
        bounded = other.bounded(x)
        np.testing.assert_array_equal(bounded[1:], x[1:])
        assert bounded[0] == x[0] or abs(bounded[0]) < 30.0
        one.learn(x)
        other.learn(bounded)
    for mine, others in zip(one.moments, other.moments, strict=True):
        np.testing.assert_allclose(mine, others, rtol=1e-6)
    assert other.bounded(np.array([0.0, 0.0, 0.0, 1e30], dtype=np.float32))[3] == np.float32(1e30)


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
