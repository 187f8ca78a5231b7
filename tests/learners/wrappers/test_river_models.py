"""river's models as learners: labels that appear late, unknown labels, pickles, and equal digests."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import pytest
from river import base, linear_model, multioutput, neighbors, optim, preprocessing, tree

from drift.core import Vector
from learners.core.labels import Targets
from learners.wrappers.object_digest import object_digest
from learners.wrappers.river_models import BinaryRelevance, ClassifierChain, MultiLabelModel
from tests.learners.checks import FEATURES, stream, teach

NAMES = ["even", "both", "rare"]


def truth(labels: Iterable[str]) -> dict[str, bool]:
    """Return river's form of a label set."""
    on = set(labels)
    return {name: name in on for name in NAMES}


def features(x: Vector) -> dict[Hashable, Any]:
    """Return river's form of a vector."""
    return dict(enumerate(x.tolist()))


@pytest.mark.parametrize(
    "model",
    [linear_model.LogisticRegression(), tree.HoeffdingTreeClassifier(grace_period=20)],
    ids=["logistic", "tree"],
)
def test_binary_relevance_is_a_classifier_per_label(model: base.Classifier) -> None:
    """It says what river's own classifiers say, one per label, each known from the first message."""
    learner = BinaryRelevance(model)
    apart = {name: model.clone() for name in NAMES}
    learner.label_space.ids(NAMES)
    for x, labels in stream(150):
        expected = [apart[name].predict_proba_one(features(x)).get(True, 0.0) for name in NAMES]
        np.testing.assert_array_equal(learner.score(x), np.array(expected, dtype=np.float32))
        learner.learn(x, learner.label_space.targets(labels))
        for name, yes in truth(labels).items():
            apart[name].learn_one(features(x), yes)


def test_the_chain_is_rivers_where_labels_are_known_in_advance() -> None:
    """With all labels known, the chain over a binary classifier is river's own."""
    ours = ClassifierChain(linear_model.LogisticRegression())
    theirs: Any = multioutput.ClassifierChain(linear_model.LogisticRegression(), order=list(NAMES))
    ours.label_space.ids(NAMES)
    for x, labels in stream(150):
        expected = [theirs.predict_proba_one(features(x))[name][True] for name in NAMES]
        np.testing.assert_allclose(ours.score(x), expected, rtol=1e-6)
        ours.learn(x, ours.label_space.targets(labels))
        theirs.learn_one(features(x), truth(labels))


@pytest.mark.parametrize("kind", [BinaryRelevance, ClassifierChain])
@pytest.mark.parametrize("model", [linear_model.LogisticRegression(), tree.HoeffdingTreeClassifier()])
def test_a_late_label_is_one_that_was_always_known(
    kind: type[BinaryRelevance], model: base.Classifier
) -> None:
    """A label that appears at message 100 is scored as if it had been known from the first."""
    late, early = (kind(model, preprocessing.StandardScaler()) for _ in range(2))
    early.label_space.ids([*NAMES, "late"])
    late.label_space.ids(NAMES)
    for position, (x, labels) in enumerate(stream(200)):
        np.testing.assert_array_equal(late.score(x), early.score(x)[: len(late.label_space)])
        if position >= 100 and x[2] > 0:
            labels = [*labels, "late"]
        for learner in (late, early):
            learner.learn(x, learner.label_space.targets(labels))
    assert len(late.label_space) == 4


@pytest.mark.parametrize(("kind", "learns"), [(BinaryRelevance, False), (ClassifierChain, True)])
def test_the_chain_sees_the_labels_before(kind: type[BinaryRelevance], learns: bool) -> None:
    """Exclusive or is no line in the features, but one in "or" and "and"."""
    generator = np.random.default_rng(0)
    learner = kind(linear_model.LogisticRegression(optimizer=optim.SGD(0.5), intercept_lr=0.5))
    learner.label_space.ids(["or", "and", "xor"])
    right = []
    for _ in range(3000):
        one, other = generator.integers(0, 2, 2).tolist()
        names = ["or"] * (one | other) + ["and"] * (one & other) + ["xor"] * (one ^ other)
        x = np.array([one, other], dtype=np.float32)
        right.append((2 in learner.predict(x).labels) == bool(one ^ other))
        learner.learn(x, learner.label_space.targets(names))
    assert (np.mean(right[-500:]) > 0.95) == learns


def test_unknown_labels_are_not_taught() -> None:
    """A message that says nothing of a label leaves its classifier as it was, and the unborn one too."""
    learner = BinaryRelevance(linear_model.LogisticRegression())
    teach(learner, stream(50))
    x = np.ones(FEATURES, dtype=np.float32)
    before = learner.score(x)
    nothing = np.zeros(0, dtype=np.intp)
    for _ in range(20):
        learner.learn(x, Targets(np.array([1]), nothing))
    after = learner.score(x)
    assert after[1] > before[1]
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])


@pytest.mark.parametrize(
    "model",
    [
        multioutput.MultiClassEncoder(tree.HoeffdingTreeClassifier(grace_period=20, delta=0.1, tau=0.3)),
        multioutput.ClassifierChain(linear_model.LogisticRegression()),
        multioutput.RegressorChain(linear_model.LinearRegression()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_whole_multi_label_models(model: base.MultiLabelClassifier | base.MultiTargetRegressor) -> None:
    """Any multi-label model of river's learns the stream, beats chance, and restores."""
    learner = MultiLabelModel(model, allow_pickle=True)
    learner.label_space.ids(NAMES)
    messages = list(stream(400))
    predictions = teach(learner, iter(messages))
    right = [
        (0 in prediction.labels) == ("even" in labels)
        for prediction, (_, labels) in zip(predictions[200:], messages[200:], strict=True)
    ]
    assert np.mean(right) > 0.7
    restored = MultiLabelModel(model, allow_pickle=True)
    restored.load_state(learner.state())
    assert restored.digest() == learner.digest()
    x = np.ones(FEATURES, dtype=np.float32)
    for each in (learner, restored):
        each.learn(x, Targets(np.array([0]), np.array([1])))
    np.testing.assert_array_equal(restored.score(x), learner.score(x))


def test_pickles_are_loaded_only_where_allowed() -> None:
    """A state that can run code is refused unless the learner was made to trust it."""
    learner = BinaryRelevance(linear_model.LogisticRegression())
    teach(learner, stream(5))
    with pytest.raises(PermissionError, match="allow_pickle=True if you trust"):
        BinaryRelevance(linear_model.LogisticRegression()).load_state(learner.state())


def test_the_digest_sees_every_weight() -> None:
    """Equal models have equal digests, restored ones too; one more message changes it."""
    learners = [BinaryRelevance(neighbors.KNNClassifier(engine=neighbors.LazySearch(20))) for _ in range(2)]
    for learner in learners:
        teach(learner, stream(30))
    assert learners[0].digest() == learners[1].digest()
    teach(learners[1], stream(1, seed=9))
    assert learners[0].digest() != learners[1].digest()


def test_object_digests() -> None:
    """Content counts, identity does not; order counts in dictionaries and lists, not in sets; cycles end."""
    shared = ("a", 1.5)
    assert object_digest([shared, shared]) == object_digest([("a", 1.5), ("a", 3 / 2)])
    assert object_digest(pickle.loads(pickle.dumps({"k": shared}))) == object_digest({"k": shared})
    assert object_digest({1: 2, 3: 4}) != object_digest({3: 4, 1: 2})
    assert object_digest({"x", "y", "z"}) == object_digest({"z", "y", "x"})
    assert object_digest(1) != object_digest(True) != object_digest("True")
    assert object_digest(np.arange(3)) == object_digest(np.arange(3)) != object_digest(np.arange(3.0))
    assert object_digest(deque([1, 2])) != object_digest(deque([2, 1]))
    cycles: list[list[object]] = [[1], [1], [2]]
    for cycle in cycles:
        cycle.append(cycle)
    assert object_digest(cycles[0]) == object_digest(cycles[1]) != object_digest(cycles[2])
