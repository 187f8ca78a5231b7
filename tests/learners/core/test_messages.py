"""What a learner is given is put in order, or refused before anything is learned."""

from __future__ import annotations

import contextlib
import copy
import math
from typing import Any

import numpy as np
import pytest

from learners.catalogue import LEARNERS, make
from learners.core import Features, FullError, Learner, Sparse, Targets, given_part
from learners.core.messages import targets, vector
from tests.learners.checks import assert_valid, maker, stream, teach

OURS = [
    name for name in LEARNERS if LEARNERS.place(name) is None or "published" not in str(LEARNERS.place(name))
]
"""Those that are not made of river's models."""
X = np.array([1.0, 2.0, -1.0, 0.5], dtype=np.float32)
ASKED = ("clusters_of", "explain", "learn_predicted", "inherit")
STRANGE_TARGETS = [
    Targets(np.array([-1])),
    Targets(np.array([50])),
    Targets(np.array([2**40])),
    Targets(np.array([0]), np.array([-1])),
    Targets(np.array([0]), np.array([50])),
    Targets(np.array([0.0, 1.0])),
    Targets(np.array([True, False, True])),
    Targets(np.array([[0, 1]])),
    Targets(np.array(["even"])),
    (np.array([0]), None),
]
STRANGE_VECTORS = [np.ones((2, 2)), np.float32(1.0), None, ["a", "b"], np.ones(4, dtype=complex)]


@pytest.mark.parametrize("name", OURS)
def test_what_has_no_meaning_changes_nothing(name: str) -> None:
    """Ids of no label were written to, beyond arrays; vectors of strange types ended inside numba."""
    learner = maker(name)()
    teach(learner, stream(20))
    before, good = learner.digest(), learner.label_space.targets(["even"])
    learner.load_state(learner.state())
    before = learner.digest()
    for strange in STRANGE_TARGETS:
        given: Any = strange
        with pytest.raises((ValueError, TypeError), match=r"Got|is of no label.*label_space\.targets"):
            learner.learn(X, given)
        with pytest.raises((ValueError, TypeError), match=r"Got|is of no label.*label_space\.targets"):
            learner.learn_predicted(X, given, None)
    for wrong in STRANGE_VECTORS:
        x: Any = wrong
        for ask in (learner.predict, learner.score, lambda x: learner.learn(x, good)):
            with pytest.raises(ValueError, match=r"A message's vector .*Got"):
                ask(x)
    assert learner.digest() == before


@pytest.mark.parametrize("name", OURS)
def test_what_can_be_read_is_as_if_it_had_come_in_order(name: str) -> None:
    """Of another type, in another order, or twice: the same digest as when given as documented."""
    plain, other = maker(name)(), maker(name)()
    for learner in (plain, other):
        learner.label_space.ids(["a", "b", "c"])
    read_only = X.copy()
    read_only.flags.writeable = False
    vectors: list[Any] = [X.astype(float), X.tolist(), np.repeat(X, 2)[::2], X[::-1].copy()[::-1], read_only]
    ids: list[Any] = [[2, 0], np.array([0, 2, 2]), np.array([2, 0], np.uint8), (0, 2), np.array([0, 2, 0])]
    for x, positive in zip(vectors, ids, strict=True):
        plain.learn(X, Targets(np.array([0, 2]), np.array([1])))
        other.learn(x, Targets(positive, np.array([2, 1, 1, 0])))
        np.testing.assert_array_equal(plain.predict(X).scores, other.predict(x).scores)
    assert plain.digest() == other.digest()


@pytest.mark.parametrize("value", [np.inf, -np.inf, 3e38, 1e30])
def test_the_largest_values_leave_valid_scores(value: float) -> None:
    """Infinite values made sparse weights NaN: the vector is divided by its length."""
    learner = make("sparse-linear")
    wild = np.array([value, 1.0, 0.0, -1.0], dtype=np.float32)
    teach(learner, stream(20))
    for x in (wild, X, wild):
        assert_valid(learner.predict(x), 3)
        learner.learn(x, learner.label_space.targets(["even"]))
    assert_valid(learner.predict(X), 3)


@pytest.mark.parametrize(
    ("indices", "values"),
    [
        (np.array([3, 70_000], np.int32), np.array([np.nan, 0.8], np.float32)),
        (np.array([3, 70_000], np.int32), np.array([0.6, np.inf], np.float32)),
        (np.array([3, 70_000], np.int32), np.array([0.6, 1e300])),
        (np.array([70_000, 3], np.int32), np.array([0.6, 0.8], np.float32)),
        (np.array([3, 3], np.int32), np.array([0.6, 0.8], np.float32)),
        (np.array([-5, 3], np.int32), np.array([0.6, 0.8], np.float32)),
        (np.array([3, 2**31 - 1], np.int32), np.array([0.6, 0.8], np.float32)),
        (np.array([3, 2**40]), np.array([0.6, 0.8], np.float32)),
        (np.array([3, 5, 7], np.int32), np.array([0.6, 0.8], np.float32)),
        (np.array([[3, 5]], np.int32), np.array([[0.6, 0.8]], np.float32)),
        (np.array([3.5, 5.2]), np.array([0.6, 0.8], np.float32)),
        ([3, 5], [0.6, 0.8]),
    ],
)
def test_a_sparse_part_that_would_lead_beyond_arrays_is_refused(indices: Any, values: Any) -> None:
    """Where it is made: positions out of order or range led compiled code beyond arrays."""
    with pytest.raises(ValueError, match=r"sparse part .*Got"):
        Features(X, Sparse(indices, values))


def test_wider_numbers_are_converted_with_the_part_that_belongs_to_them() -> None:
    """The sparse part of a vector in double precision stays with it."""
    part = Sparse(np.array([3, 9]), np.array([0.6, 0.8]))
    x = vector(Features(X.astype(float), part))
    kept = given_part(x)
    assert kept is not None
    assert [str(each.dtype) for each in (x, *kept)] == ["float32", "int32", "float32"]
    assert kept.indices.tolist() == [3, 9]


def test_what_is_in_order_is_the_same_object() -> None:
    """So that nothing is copied, message by message."""
    given = Targets(np.array([0, 2]), np.array([1]))
    assert targets(given, 3) is given
    assert vector(X) is X
    assert targets(copy.deepcopy(given), 3).positive.tolist() == [0, 2]


@pytest.mark.parametrize("name", OURS)
def test_only_labels_are_forgotten_and_inherited_from(name: str) -> None:
    """Ids of none led compiled code beyond arrays, and so did forgetting none at all."""
    learner = maker(name)()
    teach(learner, stream(20))
    before = learner.digest()
    asked = [learner.forget] if "forget" in vars(type(learner)) else []
    for labels in ([-1], [99], [0, 99]):
        for forget in asked:
            with pytest.raises(ValueError, match="is of no label: there are 3"):
                forget(np.array(labels))
        for pair in ((labels[-1], 0), (0, labels[-1])):
            # Learners that inherit nothing do nothing.
            with contextlib.suppress(ValueError):
                learner.inherit(*pair, 0.5)
    learner.forget(np.zeros(0, dtype=np.intp))
    assert learner.digest() == before
    assert_valid(learner.predict(X), 3)


@pytest.mark.parametrize("name", OURS)
def test_questions_without_meaning_are_refused(name: str) -> None:
    """Of labels that are none, with counts below 0, and of what is no prediction; by who looks at them."""
    learner = maker(name)()
    teach(learner, stream(60))
    before, prediction, known = learner.digest(), learner.predict(X), len(learner.label_space)
    answers = {each for each in ASKED if getattr(type(learner), each) is not getattr(Learner, each)}
    for ids in ([known], [-1], [0.5], ["a"]) if "clusters_of" in answers else ():
        with pytest.raises(ValueError, match=r"The id .* is of no label|The labels of a message are ids"):
            learner.clusters_of(np.array(ids))
    for counts in ((-1, 3), (3, -1)) if "explain" in answers else ():
        with pytest.raises(ValueError, match=r"The '\w+' parameter of explain must be an int in \[0, inf\)"):
            learner.explain(prediction, *counts)
    wrong: Any = {"a": True}
    if "explain" in answers:
        with pytest.raises(TypeError, match=r"A prediction is what predict returned\. Got dict"):
            learner.explain(wrong, 3, 3)
    if "learn_predicted" in answers:
        with pytest.raises(TypeError, match=r"A prediction is what predict returned\. Got dict"):
            learner.learn_predicted(X, Targets(np.array([0])), wrong)
    for prior in (-0.1, 1.5, math.nan) if "inherit" in answers else ():
        with pytest.raises(ValueError, match="The 'prior' parameter of inherit"):
            learner.inherit(0, 1, prior)
    assert learner.digest() == before
    learner.learn_predicted(x=X, targets=Targets(np.array([0])), prediction=prediction)
    learner.learn(x=X, targets=Targets(np.array([0])))


@pytest.mark.parametrize(("name", "wrong"), [("expansion", 3), ("linear", None), ("linear", ("a", "b"))])
def test_labels_that_cannot_be_named_change_nothing(name: str, wrong: Any) -> None:
    """Features were counted before labels were looked at; as they were where the labels had no room."""
    learner = make(name, max_labels=2)
    learner.learn_one({"f": 1.0}, {"a": True})
    before = learner.digest()
    with pytest.raises(TypeError, match="The name of a label is a"):
        learner.learn_one({"g": 1.0}, {"b": True, wrong: True})
    with pytest.raises(FullError):
        learner.learn_one({"g": 1.0}, {"b": True, "c": True, "d": False})
    with pytest.raises(TypeError, match="'h' is a list"):
        learner.learn_one({"g": 1.0, "h": []}, {"b": True})
    assert learner.digest() == before


@pytest.mark.parametrize("wrong", [["a"], "a", None, 3])
def test_dictionaries_are_asked_for(wrong: Any) -> None:
    """Of features and of labels, before anything is learned from the other."""
    learner = make("priors")
    before = learner.digest()
    for x, y in ((wrong, {"a": True}), ({"f": 1.0}, wrong)):
        with pytest.raises(TypeError, match=rf"a dictionary.*Got {type(wrong).__name__}"):
            learner.learn_one(x, y)
    with pytest.raises(TypeError, match=rf"a dictionary.*Got {type(wrong).__name__}"):
        learner.predict_one(wrong)
    with pytest.raises(TypeError, match=rf"a dictionary.*Got {type(wrong).__name__}"):
        learner.predict_proba_one(wrong)
    assert learner.digest() == before


@pytest.mark.parametrize("wrong", ["False", "0", "", None, math.nan, -1, 0.5, [], 2])
def test_labels_are_true_or_false(wrong: Any) -> None:
    """A text of False and NaN were taken for True; nothing is learned, not even of the other label."""
    learner = make("priors")
    learner.learn_one({"f": 1.0}, {"a": True, "b": False})
    before = learner.digest()
    with pytest.raises(TypeError, match=r"The label 'a' is .*; a label is True or False\. Where"):
        learner.learn_one({"g": 1.0}, {"c": True, "a": wrong})
    assert learner.digest() == before


@pytest.mark.parametrize(
    ("on", "off"), [(1, 0), (1.0, 0.0), (np.bool_(True), np.bool_(False)), (np.int8(1), 0)]
)
def test_numbers_may_stand_for_true_and_false(on: Any, off: Any) -> None:
    """As in a table of 1 and 0."""
    learner, other = make("priors"), make("priors")
    learner.learn_one({"f": 1.0}, {"a": on, "b": off})
    other.learn_one({"f": 1.0}, {"a": True, "b": False})
    assert learner.digest() == other.digest()
