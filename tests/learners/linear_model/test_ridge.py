"""Recursive least squares against the closed form."""

from __future__ import annotations

import numpy as np

from learners.linear_model.ridge import RecursiveLeastSquares
from tests.learners.streams import learn_all, linear_stream


def test_equals_ridge_regression_in_closed_form() -> None:
    """Equals ridge regression in closed form."""
    stream = linear_stream(200, 6, 3)
    learner = RecursiveLeastSquares(ridge=2.0, drift=0.0)
    learner.label_space.ids(["l0", "l1", "l2"])
    learn_all(learner, stream)
    inputs = np.array([[1.0, *message.x] for message in stream], dtype=np.float64)
    truth = np.array(
        [[f"l{label}" in message.labels for label in range(3)] for message in stream], dtype=float
    )
    weights = np.linalg.solve(inputs.T @ inputs + 2.0 * np.eye(7), inputs.T @ truth)
    x = stream[17].x
    expected = np.clip(np.concatenate([[1.0], x]) @ weights, 0.001, 0.999)
    np.testing.assert_allclose(learner.score(x), expected, atol=1e-5)


def test_long_vectors_are_folded_and_still_learned_from() -> None:
    """Long vectors are folded and still learned from."""
    stream = linear_stream(1500, 60, 1, shift=0.0)
    learner = RecursiveLeastSquares(rank=20)
    right = []
    for message in stream:
        score = learner.score(message.x)
        right.append(len(score) > 0 and (score[0] >= 0.5) == bool(message.labels))
        learner.learn(message.x, learner.label_space.targets(message.labels))
    # Folding 60 independent features into 20 places loses most of them, not all.
    assert np.mean(right[500:]) > 0.6


def test_is_never_deaf() -> None:
    """After a long stationary stream, a reversed concept is learned again."""
    learner = RecursiveLeastSquares(drift=1e-3)
    rng = np.random.default_rng(0)
    for sign in (1, -1):
        for x in rng.normal(size=(3000, 4)).astype(np.float32):
            learner.learn(x, learner.label_space.targets(["up"] if sign * x[0] > 0 else []))
    up = np.array([-2.0, 0, 0, 0], dtype=np.float32)
    assert learner.score(up)[0] > 0.5 > learner.score(-up)[0]


def test_the_inverse_covariance_stays_one() -> None:
    """After a long stream of features that repeat one another: symmetric to the last bit, and definite."""
    learner, rng = RecursiveLeastSquares(ridge=0.1), np.random.default_rng(0)
    for x in rng.normal(size=(5000, 4)).astype(np.float32):
        learner.learn(
            np.concatenate([x, x, 1e-3 * x]), learner.label_space.targets(["up"] if x[0] > 0 else [])
        )
    inverse = learner.state()["inverse"]
    assert np.array_equal(inverse, inverse.T)
    assert np.linalg.eigvalsh(inverse).min() > 0.0
