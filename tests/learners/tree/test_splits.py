"""Statistics of a leaf and the split they lead to, against plain twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm

from drift.core import Floats, Vector
from learners.tree.gaussians import LabelGaussians
from learners.tree.splits import (
    COARSE_THRESHOLDS,
    LEAST_SIDE_SHARE,
    MOST_JUDGED,
    Split,
    best_split,
    shares,
    surely_better,
)


def learned(x: Vector, y: NDArray[np.bool_]) -> LabelGaussians:
    """Return the statistics of rows of vectors and their label masks."""
    gaussians = LabelGaussians()
    for row, truth in zip(x, y, strict=True):
        gaussians.learn(row, np.flatnonzero(truth))
    return gaussians


def bounded(x: Vector) -> Floats:
    """Return values as they count: from the sixth on, at most 8 standard deviations of those before away."""
    values = x.astype(np.float64)
    for column in values.T:
        kept: list[float] = []
        for row in np.flatnonzero(~np.isnan(column)).tolist():
            mean, far = (np.mean(kept), 8.0 * np.std(kept)) if len(kept) >= 5 else (0.0, np.inf)
            column[row] = np.clip(column[row], mean - far, mean + far)
            kept.append(column[row])
    return values


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.floats(0, 0.9))
def test_moments_are_those_of_numpy(seed: int, messages: int, missing: float) -> None:
    """Count, mean and deviations of every row are numpy's of the values as they count; NaN is skipped."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(1, 5, (messages, 4)).astype(np.float32)
    x[rng.random(x.shape) < missing] = np.nan
    y = rng.random((messages, 5)) < 0.4
    gaussians, counting = learned(x, y), bounded(x)
    for row in range(len(gaussians.labels) + 1):
        chosen = counting[y[:, gaussians.labels[row - 1]]] if row else counting
        for feature in range(4):
            values = chosen[~np.isnan(chosen[:, feature]), feature]
            count, mean, squares = gaussians.moments[row, feature].tolist()
            assert count == len(values)
            if count:
                assert mean == pytest.approx(values.mean(), abs=1e-9)
                assert squares == pytest.approx(((values - values.mean()) ** 2).sum(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("at", [0, 3, 9, 150])
@pytest.mark.parametrize("outlier", [1e6, -3e38])
def test_one_outlier_hides_no_split(at: int, outlier: float) -> None:
    """Whenever it comes: the best split is on the same feature, at about the same place."""
    x = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    y = x[:, 1:2] > 0.5
    x[at] = outlier
    split = best_split(learned(x, y))
    assert split is not None
    assert split.feature == 1
    assert 0.0 < split.threshold < 1.0
    assert split.merit > 0.3


def entropy(p: float) -> float:
    """Return the entropy of a coin, nats."""
    return -sum(q * math.log(q) for q in (p, 1 - p) if q > 0)


def plain_gain(x: Vector, y: NDArray[np.bool_], feature: int, threshold: float) -> float:
    """Return the gain of a split, summed over labels, from the messages themselves and scipy's Gaussians."""
    gain = 0.0
    for truth in y.T:
        parts = [x[truth, feature].astype(np.float64), x[~truth, feature].astype(np.float64)]
        left, other = (len(part) * norm.cdf(threshold, part.mean(), part.std()) for part in parts)
        right, other_right = len(parts[0]) - left, len(parts[1]) - other
        gain += entropy(truth.mean())
        gain -= (left + other) / len(x) * entropy(left / (left + other))
        gain -= (right + other_right) / len(x) * entropy(right / (right + other_right))
    return gain


def test_the_split_is_the_best_of_all_by_a_plain_count() -> None:
    """Compare gain and choice with a plain twin that sees the messages, feature by feature."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(400, 5)).astype(np.float32)
    y = np.stack([x[:, 2] > 0.5, x[:, 2] + rng.normal(size=400) < 0.3, x[:, 4] > 1.0], axis=1)
    split = best_split(learned(x, y))
    assert split is not None
    grid = [
        plain_gain(x, y, feature, cut)
        for feature in range(5)
        for cut in np.linspace(-2.5, 2.5, 101)
        if LEAST_SIDE_SHARE < (x[:, feature] <= cut).mean() < 1 - LEAST_SIDE_SHARE
    ]
    assert split.feature == 2
    # The coarse grid that features are compared on may miss the best threshold a little.
    assert 0.9 * max(grid) < split.gain < 1.001 * max(grid)
    assert plain_gain(x, y, 2, split.threshold) == pytest.approx(max(grid), rel=0.01)
    assert split.merit == pytest.approx(split.gain / sum(entropy(p) for p in y.mean(axis=0)), rel=1e-9)


def test_shares_add_up_to_the_counts() -> None:
    """What goes left and what goes right is what there is, label by label."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3)).astype(np.float32)
    gaussians = learned(x, np.stack([x[:, 0] > 0, x[:, 1] > 1], axis=1))
    share, left, right = shares(gaussians, Split(0, 0.0, 1.0, 1.0, 1.0, 2))
    assert share == pytest.approx(0.5, abs=0.1)
    np.testing.assert_allclose(left + right, gaussians.counts(), rtol=1e-6)
    positive = gaussians.labels.index(0)
    assert left[positive] < 0.15 * right[positive]


def test_one_feature_leads_by_all_it_gains() -> None:
    """There is no second one."""
    x = np.random.default_rng(0).normal(size=(300, 1)).astype(np.float32)
    split = best_split(learned(x, x > 0.3))
    assert split is not None
    assert split.lead == pytest.approx(split.merit)


@settings(max_examples=25)
@given(st.integers(0, 99), st.floats(-5, 5))
def test_limits_are_the_least_and_the_greatest_values(seed: int, mean: float) -> None:
    """From the first value on: whether it is above 0 or below."""
    x = np.random.default_rng(seed).normal(mean, 1.0, (20, 3)).astype(np.float32)
    x[abs(x) < 0.01] = 0.01  # Beside a value that vanishes, one that stands alone would be taken back.
    limits, counting = learned(x, x[:, :1] > mean).limits[:3], bounded(x)
    np.testing.assert_allclose(limits, np.stack([counting.min(axis=0), counting.max(axis=0)], axis=1))


def test_nothing_uncertain_nothing_to_split() -> None:
    """A leaf whose messages all carry the same labels, or whose features never vary, has no split."""
    x = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    assert best_split(learned(x, np.ones((50, 2), dtype=np.bool_))) is None
    assert best_split(learned(np.ones_like(x), x > 0)) is None
    assert best_split(LabelGaussians()) is None


def test_what_says_nothing_hides_nothing() -> None:
    """Features that never vary and labels that are always or hardly ever on, before those that count."""
    draw = np.random.default_rng(3)
    x = np.concatenate([np.ones((300, 1)), draw.normal(size=(300, 2))], axis=1).astype(np.float32)
    told = x[:, 2] > 0.2
    always, once = np.ones(300, dtype=np.bool_), np.arange(300) == 7
    alone = best_split(learned(x[:, 2:], told[:, None]))
    split = best_split(learned(x, np.stack([always, once, told], axis=1)))
    assert alone is not None
    assert split is not None
    assert split.feature == 2
    assert split.threshold == pytest.approx(alone.threshold)
    assert split.gain == pytest.approx(alone.gain, abs=0.02)


@pytest.mark.parametrize("copies", [1, 30])
def test_noise_is_no_reason_to_split(copies: int) -> None:
    """Labels that follow from no feature split at most as often as agreed, even 30 labels that are one."""
    rng, accepted, delta = np.random.default_rng(0), 0, 0.05
    for _ in range(100):
        x = rng.normal(size=(300, 20)).astype(np.float32)
        y = np.repeat(rng.random((300, 1)) < 0.3, copies, axis=1)
        gaussians = learned(x, y)
        split = best_split(gaussians)
        # A tie that always holds leaves the bound on noise alone.
        accepted += split is not None and surely_better(split, gaussians, 1, delta, tie=1.0)
    assert accepted <= 100 * delta


def test_many_features_are_judged_by_few_labels() -> None:
    """A look takes about as long however long the vectors are, and still finds what divides the most."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2500)).astype(np.float32)
    y = np.column_stack([x[:, 1234] > 0, rng.random((300, 20)) < 0.1])
    split = best_split(learned(x, y))
    assert split is not None
    assert (split.feature, split.labels) == (1234, MOST_JUDGED // 2500)


def test_of_many_features_the_few_that_are_screened_hold_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dense features and rare ones, planted among noise: the split is that of a comparison of all."""
    rng = np.random.default_rng(3)
    for planted in range(8):
        x = rng.normal(size=(400, 300)).astype(np.float32)
        x[:, 150:] = rng.random((400, 150)) < 0.05
        feature = 20 + 36 * planted
        y = np.stack([x[:, feature] > 0.5, rng.random(400) < 0.3], axis=1)
        gaussians = learned(x, y)
        screened = best_split(gaussians)
        with monkeypatch.context() as patch:
            patch.setattr("learners.tree.splits.SCREENED", 300)
            assert screened == best_split(gaussians)
        assert screened is not None
        assert screened.feature == feature


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_neither_side_of_a_split_is_small(sign: float) -> None:
    """A label on the outermost hundredth of the messages: the split leaves a fiftieth on that side."""
    draw = np.random.default_rng(0)
    x = sign * np.where(draw.random(4000) < 0.01, draw.normal(3, 0.1, 4000), draw.normal(-1, 0.5, 4000))
    gaussians = learned(x[:, None].astype(np.float32), (sign * x > 2)[:, None])
    split = best_split(gaussians)
    assert split is not None
    assert 0.02 <= shares(gaussians, split)[0] <= 0.98


@pytest.mark.parametrize("looks", [1, 7])
@pytest.mark.parametrize("delta", [1e-3, 0.2])
def test_noise_and_rivals_are_bounded_as_published(looks: int, delta: float) -> None:
    """Just above Laurent and Massart's tail a gain counts, and just above Hoeffding's bound a lead."""
    x = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    gaussians = learned(x, x[:, :1] > 0)
    nats = math.log(looks * (looks + 1) / delta)
    tail = nats + math.log(5 * COARSE_THRESHOLDS)
    gain = 3 * (1 + 2 * math.sqrt(tail) + 2 * tail) / (2 * 300)
    lead = math.sqrt(nats / (2 * 300))

    def better(gain: float, lead: float, tie: float) -> bool:
        return surely_better(Split(0, 0.0, 0.5, lead, gain, 3), gaussians, looks, delta, tie)

    assert [better(gain * by, 1.0, 0.0) for by in (0.999, 1.001)] == [False, True]
    assert [better(1e3, lead * by, 0.0) for by in (0.999, 1.001)] == [False, True]
    assert [better(1e3, 0.0, lead * by) for by in (0.999, 1.001)] == [False, True]
