"""Label-sets as classes: river's own classifier over them, late label-sets, and pruning worked by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river.tree import HoeffdingTreeClassifier

from learners.core.base import Learner
from learners.core.labels import Targets
from learners.wrappers.label_powerset import LabelPowerset, PrunedSets
from tests.learners.checks import stream, teach

ONE = np.ones(1, dtype=np.float32)
labelsets = st.lists(st.sampled_from(["", "a", "b", "ab", "abc"]), min_size=1, max_size=30)


def learn(learner: Learner, messages: Iterable[str]) -> None:
    """Teach label-sets written as strings of one-letter labels, all with the same features."""
    for labels in messages:
        learner.learn(ONE, learner.label_space.targets(labels))


def predicted(learner: Learner) -> str:
    """Return the predicted label-set in that form."""
    return "".join(learner.label_space.names(learner.predict(ONE).labels))


def test_it_is_rivers_classifier_of_label_sets() -> None:
    """Its answers are those of river's classifier taught the label-sets by name, marginals included."""
    learner = LabelPowerset(HoeffdingTreeClassifier(grace_period=20))
    theirs: Any = HoeffdingTreeClassifier(grace_period=20)  # whose methods have no types
    for x, labels in stream(300):
        features = dict(enumerate(x.tolist()))
        chances = theirs.predict_proba_one(features)
        prediction = learner.predict(x)
        if chances:
            best = max(chances.values())
            assert chances[" ".join(learner.label_space.names(prediction.labels))] == best
            even = sum(chance for labelset, chance in chances.items() if "even" in str(labelset).split())
            if "even" in learner.label_space:
                assert prediction.scores[learner.label_space.id("even")] == pytest.approx(even, abs=1e-6)
        learner.learn(x, learner.label_space.targets(labels))
        theirs.learn_one(features, " ".join(learner.label_space.names(learner.label_space.ids(labels))))


@given(labelsets)
def test_without_features_it_is_the_majority(messages: list[str]) -> None:
    """Where the features say nothing, the likeliest label-set is a most frequent one, also for new labels."""
    learner = LabelPowerset(HoeffdingTreeClassifier(leaf_prediction="mc"))
    learn(learner, messages)
    counts = {labels: messages.count(labels) for labels in messages}
    assert counts["".join(sorted(predicted(learner)))] == max(counts.values())


def test_unknown_labels_are_taught_as_predicted() -> None:
    """What a message leaves open is filled in from the prediction."""
    learner = LabelPowerset(HoeffdingTreeClassifier(leaf_prediction="mc"))
    learn(learner, ["ab", "ab", "a"])
    for _ in range(4):
        learner.learn(ONE, Targets(learner.label_space.ids("a"), np.zeros(0, dtype=np.intp)))
    assert predicted(learner) == "ab"
    assert learner.score(ONE).tolist() == pytest.approx([1.0, 6 / 7])


def test_the_buffer_predicts_the_majority_and_is_then_taught() -> None:
    """Until the buffer is full nothing but counts is known; with it full, all of it has been taught."""
    learner = PrunedSets(HoeffdingTreeClassifier(leaf_prediction="nb"), buffer=6, rare=0)
    plain = LabelPowerset(HoeffdingTreeClassifier(leaf_prediction="nb"))
    for position, (x, labels) in enumerate(stream(60)):
        if position < 6:
            assert learner.score(x).tolist() == learner.score(-x).tolist()
        else:
            np.testing.assert_array_equal(learner.score(x), plain.score(x))
        for each in (learner, plain):
            each.learn(x, each.label_space.targets(labels))


def test_the_buffer_says_how_frequent_labels_are() -> None:
    """Shares of its messages, as probabilities are."""
    learner = PrunedSets(HoeffdingTreeClassifier(), buffer=9)
    assert learner.score(ONE).tolist() == []
    learn(learner, ["a", "ab", "c", "ab"])
    assert learner.score(ONE).tolist() == pytest.approx([3 / 4, 2 / 4, 1 / 4])


def test_rare_label_sets_become_their_frequent_subsets() -> None:
    """`abcd` is taught as the two best of its frequent subsets, the largest first, then the commonest."""
    learner = PrunedSets(HoeffdingTreeClassifier(leaf_prediction="mc"), buffer=9)
    learn(learner, ["a", "b", "b", "bc", "bc", "bc", "a", "x", "abcd"])
    # Taught: a, b, b, bc, bc, bc, a, and for abcd: bc and, as often as b but earlier, a. x has no subset.
    names = learner.label_space.names()
    assert dict(zip(names, learner.score(ONE).tolist(), strict=True)) == pytest.approx(
        {"a": 3 / 9, "b": 6 / 9, "c": 4 / 9, "x": 0.0, "d": 0.0}
    )
    # Seen once more, x is no longer rare: what comes from now on counts.
    learn(learner, ["x"])
    assert learner.score(ONE)[names.index("x")] == pytest.approx(1 / 10)


def test_the_empty_label_set_stands_for_no_other() -> None:
    """A rare label-set without a frequent subset is left out, however frequent the empty one is."""
    learner = PrunedSets(HoeffdingTreeClassifier(leaf_prediction="mc"), buffer=3)
    learn(learner, ["", "", "a"])
    assert learner.score(ONE).tolist() == [0.0]
    assert predicted(learner) == ""


def test_pruning_helps_where_most_label_sets_are_noise() -> None:
    """With a random extra label on most messages, pruned sets find the rule that label-sets drown in."""
    generator = np.random.default_rng(0)
    right: dict[str, list[bool]] = {"plain": [], "pruned": []}
    learners = {
        "plain": LabelPowerset(HoeffdingTreeClassifier(grace_period=50)),
        "pruned": PrunedSets(HoeffdingTreeClassifier(grace_period=50), buffer=100),
    }
    for _ in range(900):
        x = generator.normal(size=2).astype(np.float32)
        labels = [
            "up" if x[0] > 0 else "down",
            *[f"n{generator.integers(10**6)}"] * (generator.random() < 0.7),
        ]
        for name, learner in learners.items():
            up = "up" in learner.label_space.names(learner.predict(x).labels)
            right[name].append(up == (x[0] > 0))
            learner.learn(x, learner.label_space.targets(labels))
    assert np.mean(right["pruned"][300:]) > 0.9
    assert np.mean(right["pruned"][300:]) >= np.mean(right["plain"][300:])


@pytest.mark.parametrize(("buffer", "rare", "wrong"), [(-1, 1, "buffer"), (10, -1, "rare")])
def test_parameters(buffer: int, rare: int, wrong: str) -> None:
    """A size below 0 is refused by name."""
    with pytest.raises(ValueError, match=f"The '{wrong}' parameter of PrunedSets must be an int"):
        PrunedSets(HoeffdingTreeClassifier(), buffer, rare)


def test_restored_in_the_middle_of_the_buffer() -> None:
    """What waits in the buffer is part of the state."""
    learner, restored = (
        PrunedSets(HoeffdingTreeClassifier(), buffer=40, allow_pickle=True) for _ in range(2)
    )
    teach(learner, stream(20))
    restored.load_state(learner.state())
    for each in (learner, restored):
        teach(each, stream(60, seed=1))
    assert restored.digest() == learner.digest()


def test_a_rare_subset_stands_for_no_label_set() -> None:
    """`d` came once, as `bd` did: `bd` is taught as `b` alone."""
    learner = PrunedSets(HoeffdingTreeClassifier(leaf_prediction="mc"), buffer=4)
    learn(learner, ["b", "b", "d", "bd"])
    names = learner.label_space.names()
    assert dict(zip(names, learner.score(ONE).tolist(), strict=True)) == {"b": 1.0, "d": 0.0}
