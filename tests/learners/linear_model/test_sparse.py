"""Laplace steps on sparse features: equal to the plain formula, in bounded memory, restored exactly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit

from drift.core import Floats, Vector, digest
from learners.core import Features, Sparse, Targets, sparse_part
from learners.linear_model import SparseLogisticRegression
from learners.linear_model.laplace import INTERCEPT, LEAST_CURVATURE
from learners.linear_model.sparse_rows import ENTRY, FIRST, SIZE, TOLERANCE

DIMENSIONS, LABELS = 300, 6
NO_DENSE = np.zeros(2, dtype=np.float32)

Message = tuple[Features, list[str]]


def stream(messages: int, dimensions: int = DIMENSIONS, labels: int = LABELS) -> list[Message]:
    """Return messages of ten words, a few of which tell the label."""
    rng, made = np.random.default_rng(0), []
    for _ in range(messages):
        label = int(rng.integers(labels))
        words = {label * 3 + int(word) for word in rng.integers(0, 3, 2)}
        words |= {int(word) for word in rng.integers(labels * 3, dimensions, 8)}
        indices = np.array(sorted(words), dtype=np.int32)
        values = np.full(len(indices), len(indices) ** -0.5, dtype=np.float32)
        made.append((Features(NO_DENSE, Sparse(indices, values)), [f"l{label}"]))
    return made


def taught(learner: SparseLogisticRegression, messages: list[Message]) -> list[list[int]]:
    """Test, then train; return the predicted labels."""
    predicted = []
    for x, labels in messages:
        predicted.append(learner.predict(x).labels.tolist())
        learner.learn(x, learner.label_space.targets(labels))
    return predicted


def slope(z: float, old: float, doubt: float, truth: bool) -> float:
    """Return the derivative of the negative log-posterior of a logit, times its variance."""
    return float(z - old + doubt * (expit(z) - truth))


def test_it_equals_the_plain_formula() -> None:
    """With all weights in one dense array, no bound, and the mode of each logit found by bisection."""
    learner = SparseLogisticRegression(variance=50.0, forgetting=0.02)
    weights: Floats = np.zeros((DIMENSIONS + 1, LABELS))
    grown = np.zeros_like(weights)
    precision = np.full(DIMENSIONS + 1, 1 / 50.0)
    # The intercept is the last weight, as if its input were less than 1; it forgets nothing.
    precision[-1] /= INTERCEPT**2
    keep = np.append(np.full(DIMENSIONS, 0.98), 1.0)
    for x, labels in stream(200):
        targets = learner.label_space.targets(labels)
        part = sparse_part(x)
        indices, values = np.append(part.indices, DIMENSIONS), np.append(part.values, 1.0)
        scores, size = learner.score(x), len(learner.label_space)
        logits = learner._priors.logits() + values @ weights[indices, :size]
        assert scores == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-4)
        truth = targets.dense(size)
        for label in np.flatnonzero(np.abs(scores - truth) >= TOLERANCE).tolist():
            variances = 1 / (precision[indices] + grown[indices, label])
            doubt, old, true = values**2 @ variances, logits[label], truth[label]
            mode = brentq(slope, old - doubt, old + doubt, args=(old, doubt, true))
            curvature = max(expit(mode) * expit(-mode), LEAST_CURVATURE)
            weights[indices, label] -= variances * values * (expit(mode) - true)
            grown[indices, label] += values**2 * curvature / (1 + curvature * doubt)
            grown[indices, label] *= keep[indices]
        learner.learn(x, targets)
    assert np.abs(weights).max() > 1


def test_it_follows_a_drift_because_it_forgets() -> None:
    """Labels that change places are learned anew sooner than where variances only shrink."""
    right = {}
    for forgetting in (0.0, 0.02):
        learner = SparseLogisticRegression(forgetting=forgetting)
        taught(learner, stream(3000))
        after = [(x, [f"l{(int(name[1:]) + 1) % LABELS}"]) for x, (name,) in stream(600)]
        predicted = taught(learner, after)
        told = [learner.label_space.ids(labels).tolist() for _, labels in after]
        right[forgetting] = np.mean([guess == truth for guess, truth in zip(predicted, told, strict=True)])
    assert right[0.02] > right[0.0] + 0.05, right


def test_it_learns_words_that_tell_a_label() -> None:
    """Nearly all of them, once it has seen them a few times."""
    messages = stream(1500)
    predicted = taught(SparseLogisticRegression(), messages)
    names: list[str] = []
    for _, (name,) in messages:
        if name not in names:
            names.append(name)
    exact = [guess == [names.index(name)] for guess, (_, (name,)) in zip(predicted, messages, strict=True)]
    assert np.mean(exact[-500:]) > 0.9


def test_memory_has_a_bound_and_what_it_cost_is_counted() -> None:
    """What is kept are the largest weights: the words that tell the labels are still known."""
    small, ample = SparseLogisticRegression(max_size=0.02), SparseLogisticRegression()
    messages = stream(3000, 20_000)
    exact = []
    for learner in (small, ample):
        predicted = taught(learner, messages)
        exact.append(sum(len(labels) == 1 for labels in predicted[-500:]))
        assert learner.state()["capacity"] * ENTRY.itemsize <= learner.max_size * 2**20
    assert small.statistics().weights < ample.statistics().weights
    assert small.statistics().dropped > 0 == ample.statistics().dropped
    assert exact[0] > 0.9 * exact[1]


def test_rows_ascend_where_memory_runs_out_amid_a_message() -> None:
    """Entries that are dropped then do not shift those that are updated afterwards."""
    learner = SparseLogisticRegression(max_size=0.01)
    taught(learner, stream(300, 100, 20))
    assert learner.dropped
    labels, sizes = learner.state()["entries"]["label"].astype(int), []
    for first, size, _ in learner.state()["rows"]:
        assert (np.diff(labels[first : first + size]) > 0).all()
        sizes.append(int(size))
    assert max(sizes) > 1


def test_memory_that_is_too_small_for_one_message_is_grown() -> None:
    """There is room for a few rows of all labels, whatever the bound says."""
    learner = SparseLogisticRegression(max_size=1e-6)
    taught(learner, stream(50))
    assert learner.statistics().messages == 50


@pytest.mark.parametrize("cut", [1, 40, 700])
@pytest.mark.parametrize("max_size", [0.02, 64.0])
def test_a_restored_one_goes_on_exactly(cut: int, max_size: float) -> None:
    """Also where rows move and weights are given up after it."""
    messages = stream(1200, 20_000)
    one, other = SparseLogisticRegression(max_size=max_size), SparseLogisticRegression(max_size=max_size)
    taught(one, messages[:cut])
    other.load_state(one.state())
    assert digest(other.state()) == digest(one.state())
    assert taught(other, messages[cut:]) == taught(one, messages[cut:])
    assert digest(other.state()) == digest(one.state())


def test_unknown_labels_are_left_alone() -> None:
    """Nothing is learned of them."""
    learner = SparseLogisticRegression()
    messages = stream(100)
    taught(learner, messages)
    x, before = messages[0][0], learner.score(messages[0][0])
    learner.learn(x, Targets(np.array([0]), np.array([1])))
    assert learner.score(x)[2:] == pytest.approx(before[2:])


def test_a_label_inherits_its_parents_weights() -> None:
    """Where the parent was likely the child is too."""
    learner = SparseLogisticRegression()
    messages = stream(600)
    taught(learner, messages)
    label = learner.label_space.id("child")
    learner.inherit(label, 0, 0.2)
    for x, _ in messages[:20]:
        scores = learner.score(x)
        assert (scores[label] > 0.5) == (scores[0] > 0.5)


def test_a_vector_without_a_sparse_part_is_learned_from_itself() -> None:
    """Scaled to length 1."""
    learner = SparseLogisticRegression()
    windy: Vector = np.array([9.0, 0.0], dtype=np.float32)
    for n in range(20):
        learner.learn(
            windy if n % 2 else windy[::-1], learner.label_space.targets(["storm"] if n % 2 else [])
        )
    assert learner.predict(windy).labels.tolist() == [0]
    assert learner.predict(windy[::-1]).labels.tolist() == []


def test_rows_that_were_given_up_are_as_new() -> None:
    """So that a state does not depend on when memory ran out: it ends with the last row that has room."""
    learner = SparseLogisticRegression(max_size=1e-6)
    taught(learner, stream(60, 20_000))
    rows = learner._rows
    assert learner.dropped > 0
    assert not rows[rows[:, SIZE] == 0, FIRST][: int(np.flatnonzero(rows[:, SIZE]).max())].any()
    assert not rows[np.flatnonzero(rows[:, SIZE]).max() + 1 :].any()
