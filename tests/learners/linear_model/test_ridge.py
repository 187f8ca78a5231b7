"""Recursive least squares against the closed form."""

from __future__ import annotations

import numpy as np
import pytest

from learners.core import Targets
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


def test_what_is_silent_for_long_is_no_less_sure_than_at_first() -> None:
    """Against the recursion written with matrices: drift adds to each variance, up to that of the start."""
    learner, rng = RecursiveLeastSquares(ridge=0.5, drift=0.01), np.random.default_rng(0)
    learner.label_space.ids(["up"])
    inverse, weights = np.eye(4) / 0.5, np.zeros(4)
    for message, x in enumerate(rng.normal(size=(400, 3)).astype(np.float32)):
        x[2] = x[2] if message < 100 else 0.0  # From then on its variance only grows.
        inputs = np.concatenate([[1.0], x.astype(float)])
        gain = inverse @ inputs / (1 + inputs @ inverse @ inputs)
        weights += gain * ((x[0] > 0) - weights @ inputs)
        inverse -= np.outer(gain, inverse @ inputs)
        diagonal = inverse.diagonal()
        np.fill_diagonal(inverse, np.where(diagonal > 2.0, diagonal, np.minimum(diagonal + 0.01, 2.0)))
        learner.learn(x, learner.label_space.targets(["up"] if x[0] > 0 else []))
    state = learner.state()
    assert state["inverse"][3, 3] == 2.0
    np.testing.assert_allclose(state["inverse"], inverse, atol=1e-6)
    np.testing.assert_allclose(state["weights"][:, 0], weights, atol=1e-4)


def test_positions_beyond_the_rank_are_folded_with_both_signs() -> None:
    """Each to one place; those within stay where they are, and missing values are 0."""
    learner = RecursiveLeastSquares(rank=4)
    learner.label_space.ids(["up"])
    places = []
    for position in range(64):
        x = np.zeros(64, dtype=np.float32)
        x[position] = 3.0
        inputs = learner.regress(x).inputs
        assert (len(inputs), inputs[0]) == (5, 1.0)
        ((place,),) = np.nonzero(inputs[1:])
        places.append((int(place), float(inputs[place + 1]) / 3.0))
        x[(position + 1) % 64] = np.nan
        np.testing.assert_array_equal(learner.regress(x).inputs, inputs)
    assert places[:4] == [(place, 1.0) for place in range(4)]
    assert set(places[4:]) == {(place, sign) for place in range(4) for sign in (1.0, -1.0)}


def test_scores_are_kept_from_certainty() -> None:
    """By a thousandth, whatever the regression says."""
    learner = RecursiveLeastSquares(ridge=0.01)
    for _ in range(50):
        learner.learn_one({"x": 1.0}, {"up": True})
        learner.learn_one({"x": -1.0}, {"up": False})
    scores = [learner.score(np.array([x], dtype=np.float32))[0] for x in (9.0, -9.0)]
    assert scores == pytest.approx([0.999, 0.001])


def test_some_labels_learn_as_they_do_among_all() -> None:
    """The others keep their weights; targets are places among those that learn."""
    some, rng = np.array([0, 2]), np.random.default_rng(0)
    whole, part = RecursiveLeastSquares(), RecursiveLeastSquares()
    for learner in (whole, part):
        learner.label_space.ids(["l0", "l1", "l2"])
    for n, x in enumerate(rng.normal(size=(50, 4)).astype(np.float32)):
        whole.learn(x, Targets(np.flatnonzero([x[0] > 0, x[1] > 0, x[2] > 0])))
        if n < 20:
            part.learn(x, Targets(np.flatnonzero([x[0] > 0, x[1] > 0, x[2] > 0])))
        else:
            before = part.score(x)
            regressed = part.regress(x, some)
            np.testing.assert_array_equal(regressed.scores, before[some])
            part.update(x, regressed, Targets(np.flatnonzero([x[0] > 0, x[2] > 0])), some)
    np.testing.assert_allclose(part.score(x)[some], whole.score(x)[some], atol=1e-6)
    weights, kept = part.state()["weights"][:, 1], whole.state()["weights"][:, 1]
    assert not np.allclose(weights, kept)


@pytest.mark.parametrize("wild", [1e3, 1e20, -3e38])
def test_a_wild_message_moves_weights_little(wild: float) -> None:
    """However large they and the value are; a message whose features are all usual moves them as before."""
    stream = linear_stream(300, 4, 2, seed=1)
    learner = RecursiveLeastSquares()
    learn_all(learner, stream)
    learner._weights *= 10.0
    before = learner.state()["weights"].copy()
    learner.learn(np.full(4, wild, dtype=np.float32), Targets(np.array([0])))
    np.testing.assert_allclose(learner.state()["weights"], before, atol=0.3)
    assert np.isfinite(learner.score(np.full(4, wild, dtype=np.float32))).all()
