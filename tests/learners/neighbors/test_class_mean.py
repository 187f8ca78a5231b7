"""Nearest class mean: against the plain formula, and what it does not forget."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core import digest
from learners.core import Targets
from learners.neighbors import NearestClassMean
from learners.preprocessing import StandardScaler


def ids(*labels: int) -> np.ndarray:
    """Return label ids."""
    return np.array(labels, dtype=np.intp)


def learner_of(labels: int) -> NearestClassMean:
    """Return a learner that knows the names of some labels."""
    learner = NearestClassMean()
    learner.label_space.ids(map(str, range(labels)))
    return learner


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 5))
def test_evidence_is_that_of_normal_distributions_around_the_means(
    seed: int, features: int, labels: int
) -> None:
    """Against the formula: log-densities with the features' variances, means drawn towards that of all."""
    draw = np.random.default_rng(seed)
    learner, scaler = learner_of(labels), StandardScaler()
    sums, seen = np.zeros((labels, features)), np.zeros(labels)
    for _ in range(12):
        x = draw.normal(3.0, 2.0, features).astype(np.float32)
        true = np.flatnonzero(draw.random(labels) < 0.5)
        learner.learn(x, Targets(true))
        scaler.learn(x)
        sums[true] += x
        seen[true] += 1
    _, mean, variance = scaler.moments
    x = draw.normal(3.0, 2.0, features).astype(np.float32)
    standard = scaler.transform(x)
    apart = (sums / np.maximum(seen, 1)[:, None] - mean) / np.sqrt(variance)
    apart *= (seen / (seen + 1.0))[:, None]
    expected = ((standard**2).sum() - ((standard - apart) ** 2).sum(axis=1)) / 2 / np.sqrt(features)
    np.testing.assert_allclose(learner.compare(x).evidence, expected, rtol=1e-3, atol=1e-3)


def test_messages_of_other_labels_change_nothing_between_old_ones() -> None:
    """What tells two labels apart is as certain after a thousand messages of a third."""
    learner, draw = learner_of(3), np.random.default_rng(0)
    for number in range(200):
        x = draw.normal(size=4).astype(np.float32)
        x[number % 2] += 3.0
        learner.learn(x, Targets(ids(number % 2)))
    x = np.array([3.0, 0.0, 0.0, 0.0], dtype=np.float32)
    before = learner.compare(x).evidence
    for _ in range(1000):
        far = draw.normal(size=4).astype(np.float32)
        far[3] += 3.0
        learner.learn(far, Targets(ids(2)))
    after = learner.compare(x).evidence
    assert before[0] > 0.3 > 0.0 > before[1]
    assert after[0] - after[1] > before[0] - before[1]


def test_a_missing_value_says_nothing() -> None:
    """Neither of a message nor of its label."""
    learner = learner_of(2)
    for number in range(50):
        x = np.array([number % 2, np.nan if number % 3 else 1.0], dtype=np.float32)
        learner.learn(x, Targets(ids(number % 2)))
    assert not np.isnan(learner.score(np.array([np.nan, np.nan], dtype=np.float32))).any()
    scores = learner.score(np.array([1.0, np.nan], dtype=np.float32))
    assert scores[1] > 0.5 > scores[0]


def test_a_huge_value_leaves_the_scores_finite() -> None:
    """As a sensor that fails may send it."""
    learner = learner_of(2)
    for number in range(20):
        x = np.array([number % 2, 3e38 if number == 7 else 1.0], dtype=np.float32)
        learner.learn(x, Targets(ids(number % 2)))
        assert np.isfinite(learner.score(x)).all()


def test_unknown_labels_do_not_move_the_calibration() -> None:
    """A message that leaves a label open says nothing of how likely it should have been."""
    told, open_ = learner_of(2), learner_of(2)
    x = np.ones(3, dtype=np.float32)
    told.learn(x, Targets(ids(0)))
    open_.learn(x, Targets(ids(0), ids()))
    assert told.state()["calibration"][0, 1] < open_.state()["calibration"][0, 1]


def test_what_is_forgotten_begins_anew() -> None:
    """Nothing is left of its mean, and the other keeps its own."""
    learner, draw = learner_of(2), np.random.default_rng(1)
    for number in range(40):
        x = draw.normal(size=3).astype(np.float32)
        learner.learn(x, Targets(ids(number % 2)))
    before = learner.compare(x).evidence
    learner.forget(ids(1))
    after = learner.compare(x).evidence
    assert (after[0], after[1]) == (before[0], 0.0)


def test_a_restored_learner_goes_on_bit_by_bit() -> None:
    """Also after labels and features have grown."""
    learner, restored, draw = learner_of(1), NearestClassMean(), np.random.default_rng(2)
    for number in range(30):
        learner.label_space.ids([str(number // 10)])
        x = draw.normal(size=3 + number // 10).astype(np.float32)
        learner.learn(x, Targets(ids(number // 10)))
    restored.load_state(learner.state())
    for each in (learner, restored):
        each.learn(x, Targets(ids(0)))
    assert digest(restored.state()) == digest(learner.state())
