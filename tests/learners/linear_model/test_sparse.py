"""AdaGrad on sparse features: equal to the plain formula, in bounded memory, restored exactly."""

from __future__ import annotations

import numpy as np
import pytest

from drift.core import Floats, Vector, digest
from learners.core import Features, Sparse, Targets, sparse_part
from learners.linear_model import SparseLogisticRegression
from learners.linear_model.sparse import INTERCEPT
from learners.linear_model.sparse_rows import ENTRY, EPSILON, TOLERANCE

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


def test_it_equals_the_plain_formula() -> None:
    """With all weights in one dense array, and no bound."""
    learner = SparseLogisticRegression()
    weights: Floats = np.zeros((DIMENSIONS, LABELS))
    squares, intercept, squared = np.zeros_like(weights), np.zeros(LABELS), np.zeros(LABELS)
    for x, labels in stream(200):
        targets = learner.label_space.targets(labels)
        indices, values = sparse_part(x)
        scores, size = learner.score(x), len(learner.label_space)
        logits = learner._priors.logits() + intercept[:size] + values @ weights[indices, :size]
        assert scores == pytest.approx(1 / (1 + np.exp(-logits)), abs=2e-5)
        error = scores.astype(np.float64)
        error[targets.positive] -= 1
        squared[:size] += error**2
        intercept[:size] -= INTERCEPT * error / np.sqrt(squared[:size] + EPSILON)
        gradients = np.outer(values, np.where(np.abs(error) < TOLERANCE, 0.0, error))
        squares[indices, :size] += gradients**2
        weights[indices, :size] -= gradients / np.sqrt(squares[indices, :size] + EPSILON)
        learner.learn(x, targets)


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
