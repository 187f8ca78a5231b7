"""Vectorised logistic regression against river's, one model a label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from river import linear_model, optim
from scipy.optimize import brentq
from scipy.special import expit, logit

from learners.core.labels import Targets
from learners.linear_model import laplace, logistic
from learners.linear_model.laplace import INTERCEPT
from learners.linear_model.logistic import AdaptiveLogisticRegression, LogisticRegression
from tests.learners.streams import learn_all, linear_stream, only, subset_accuracy

PLAIN = "py_func"
"""Attribute of a compiled function that holds the plain one."""


def test_equals_river_per_label() -> None:
    """Equals river per label, whose steps are divided by the squared length of each vector."""
    stream = linear_stream(1500, 20, 10)
    names = [f"l{label}" for label in range(10)]
    ours = LogisticRegression(rate=0.2)
    ours.label_space.ids(names)
    rivers: dict[str, Any] = {
        name: linear_model.LogisticRegression(optim.SGD(0.01), intercept_lr=0.01) for name in names
    }
    for message in stream:
        x = dict(enumerate(message.x.tolist()))
        expected = [rivers[name].predict_proba_one(x)[True] for name in names]
        np.testing.assert_allclose(ours.score(message.x), expected, atol=1e-6)
        ours.learn(message.x, ours.label_space.targets(message.labels))
        for name in names:
            step = optim.schedulers.Constant(0.2 / (1.0 + float(message.x @ message.x)))
            rivers[name].optimizer.lr = rivers[name].intercept_lr = step
            rivers[name].learn_one(x, name in message.labels)


@pytest.mark.parametrize("length", [0.01, 1.0, 1000.0])
def test_a_message_moves_its_own_score_alike_however_long_it_is(length: float) -> None:
    """By the rate times the error, in log-odds."""
    learner = LogisticRegression(rate=2.0)
    x = np.array([0.6, 0.0, -0.8], dtype=np.float32) * np.float32(length)
    learner.learn(x, learner.label_space.targets(["a"]))
    assert logit(learner.score(x)[0]) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("features", [5, 60])
def test_adaptive_equals_its_formula(features: int) -> None:
    """Two Laplace steps on a fresh learner, dense and sparse, against the formulas written out."""
    rng = np.random.default_rng(0)
    x = np.where(rng.random(features) < 0.3, rng.normal(size=features), 0).astype(np.float32)
    learner = AdaptiveLogisticRegression(variance=0.5, forgetting=0.02, tolerance=0.0)
    learner.label_space.ids(["a", "b"])
    inputs = np.concatenate([[INTERCEPT], x]).astype(np.float64)
    weights, variances = np.zeros((2, features + 1)), np.full((2, features + 1), 0.5)
    for _ in range(2):
        before = learner.score(x).astype(np.float64)
        learner.learn(x, only(0))
        for label, truth in enumerate((1.0, 0.0)):
            old, doubt = logit(before[label]), variances[label] @ inputs**2
            mode = brentq(
                lambda z, old=old, doubt=doubt, truth=truth: z - old + doubt * (expit(z) - truth), -99, 99
            )
            curvature = expit(mode) * (1 - expit(mode))
            weights[label] -= variances[label] * inputs * (expit(mode) - truth)
            certain = curvature / (1 + curvature * doubt)
            grown = (variances[label] - (variances[label] * inputs) ** 2 * certain) * 1.02
            variances[label] = np.where(inputs == 0, variances[label], np.minimum(grown, 0.5))
    prior = learner._priors.score(x).astype(np.float64)
    expected = 1 / (1 + np.exp(-(weights @ inputs + np.log(prior / (1 - prior)))))
    np.testing.assert_allclose(learner.score(x), expected, atol=1e-6)


def test_constructor_keeps_its_parameters() -> None:
    """Constructor keeps its parameters."""
    assert AdaptiveLogisticRegression(variance=0.3).variance == 0.3
    assert LogisticRegression(rate=0.3).rate == 0.3


def test_a_new_label_is_neither_shouted_nor_ignored() -> None:
    """A new label is neither shouted nor ignored."""
    learner = AdaptiveLogisticRegression()
    learn_all(learner, linear_stream(300, 10, 3))
    x = np.zeros(10, dtype=np.float32)
    learner.learn(x, learner.label_space.targets(["new"]))
    assert 0.0 < learner.score(x)[learner.label_space.id("new")] < 0.5


def test_unknown_labels_are_not_negatives() -> None:
    """Unknown labels are not negatives."""
    one, other = LogisticRegression(), LogisticRegression()
    x = np.ones(3, dtype=np.float32)
    for learner in (one, other):
        learner.label_space.ids(["a", "b", "c"])
    one.learn(x, Targets(np.array([0]), np.array([1])))
    assert one.score(x)[0] > 0.5
    assert one.score(x)[1] < 0.5
    assert one.score(x)[2] == 0.5


def test_learns_half_spaces() -> None:
    """Learns half spaces."""
    stream = linear_stream(3000, 20, 3, shift=0.0)
    assert subset_accuracy(AdaptiveLogisticRegression(), stream, after=2000) > 0.7


@pytest.mark.parametrize("forgetting", [0.0, 0.01])
def test_many_inputs_at_once_teach_what_each_would_alone(
    forgetting: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last bit, whichever share of the inputs is 0."""
    digests, plain = set(), getattr(laplace.laplace_step, PLAIN)
    for many in (0, 10_000):
        with monkeypatch.context() as patch:
            patch.setattr(laplace, "MANY", many)
            patch.setattr(laplace, "BLOCK", 8)
            for name in ("_move_all", "_move_some"):
                patch.setattr(laplace, name, getattr(getattr(laplace, name), PLAIN))
            patch.setattr(logistic, "laplace_step", plain)
            learner = AdaptiveLogisticRegression(forgetting=forgetting)
            for x, labels in linear_stream(200, 20, 9):
                x = np.where(np.abs(x) < 0.3, np.float32(0.0), x)
                learner.learn(x, learner.label_space.targets(labels))
        digests.add(learner.digest())
    assert len(digests) == 1


def test_variances_survive_a_snapshot_in_either_layout() -> None:
    """They are kept by label and saved by feature."""
    learner, other = AdaptiveLogisticRegression(), AdaptiveLogisticRegression()
    learn_all(learner, linear_stream(50, 7, 3))
    state = learner.state()
    assert state["variances"].shape == state["weights"].shape == (8, 3)
    other.load_state(state)
    for each in (learner, other):
        learn_all(each, linear_stream(60, 9, 4)[50:])
    assert other.digest() == learner.digest()


@pytest.mark.parametrize("kind", [LogisticRegression, AdaptiveLogisticRegression])
@pytest.mark.parametrize("size", [3.4e38, 1e20, 1e16])
def test_the_largest_numbers_leave_no_nan_behind(
    kind: type[LogisticRegression | AdaptiveLogisticRegression], size: float
) -> None:
    """Whatever order they come in, scores are probabilities, and usual messages are learned afterwards."""
    learner, chance = kind(), np.random.Generator(np.random.PCG64(1))
    for _ in range(50):
        x = chance.choice([0.0, 1.0, size, -size, np.nan], 5).astype(np.float32)
        assert np.isfinite(learner.score(x)).all()
        learner.learn(x, learner.label_space.targets(chance.choice(["a", "b", "c"], 2).tolist(), None))
    assert ((learner.score(x) >= 0.0) & (learner.score(x) <= 1.0)).all()


@pytest.mark.parametrize("padding", [0, 50])
@pytest.mark.parametrize("size", [1e3, 1e4, 1e6, 1e9, 1e15, 3e38])
def test_an_outlier_leaves_variances_positive_and_the_rest_is_learned_again(
    size: float, padding: int
) -> None:
    """Of dense vectors and mostly-zero ones: within 1,000 messages predictions are as good as before."""
    learner, rng, right = AdaptiveLogisticRegression(), np.random.default_rng(1), []
    for n in range(2500):
        x = np.zeros(5 + padding, dtype=np.float32)
        x[:5] = rng.normal(size=5)
        names = [f"l{j}" for j in range(3) if x[j] > 0.3]
        if n in (500, 501):
            x[0] = size * (1 if n == 500 else -1)
        right.append(learner.label_space.names(learner.predict(x).labels) == names)
        learner.learn(x, learner.label_space.targets(names))
        if n >= 500:
            assert (learner._variances > 0.0).all()
            assert (learner._variances <= learner.variance).all()
            assert (np.abs(learner._weights) < 1e3).all()
    assert np.mean(right[1500:]) > 0.9


@pytest.mark.parametrize("doubt", [1e5, 2e6, 1e20, 3e38])
@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_the_mode_of_a_doubtful_logit_solves_its_equation(doubt: float, truth: float) -> None:
    """Where few of Newton's steps end far from it as well: no message moves its own logit by hundreds."""
    score = np.full(1, 0.2, dtype=np.float32)
    steps, curvatures = laplace.modes(score, score - np.float32(truth), np.full(1, doubt, dtype=np.float32))
    assert 0.0 < curvatures[0] <= 1.001 / min(doubt, laplace.BEYOND_DOUBT)
    if doubt > laplace.HUGE:
        used = min(doubt, laplace.BEYOND_DOUBT)
        z = logit(0.2) - used * float(steps[0])
        assert abs(z) < laplace.FARTHEST
        wrong = expit(z) if truth == 0.0 else expit(-z)
        assert abs(float(steps[0])) == pytest.approx(wrong, rel=1e-3)


@pytest.mark.parametrize(
    "learner", [AdaptiveLogisticRegression(1e6), AdaptiveLogisticRegression(1e-300), LogisticRegression(1e6)]
)
def test_scores_are_finite_at_the_ends_of_the_parameters(learner: LogisticRegression) -> None:
    """Beyond them single precision overflows, and parameters are refused."""
    for x in np.random.default_rng(0).choice([1e-3, 1.0, 1e15, -3e38], (100, 4)).astype(np.float32):
        assert np.isfinite(learner.score(x)).all()
        learner.learn(x, learner.label_space.targets(["a"] if x[0] > 0 else ["b"]))


@pytest.mark.parametrize("known", [1, 15, 16, 17])
def test_some_labels_have_the_logits_that_they_have_among_all(known: int) -> None:
    """Those that came after the last lesson, and have no weights yet, have that of their prior."""
    learner, rng = AdaptiveLogisticRegression(), np.random.default_rng(0)
    learner.label_space.ids(map(str, range(known)))
    for x in rng.normal(size=(30, 3)).astype(np.float32):
        learner.learn(x, Targets(np.flatnonzero(rng.random(known) < 0.3)))
    learner.label_space.ids(map(str, range(40)))
    every = learner.logits(x)
    for labels in (np.arange(40), np.arange(0, 40, 3), np.array([known - 1, known, known + 1])):
        np.testing.assert_allclose(learner.logits(x, labels), every[labels], atol=1e-6)
