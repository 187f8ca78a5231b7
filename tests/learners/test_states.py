"""Loading takes over every value of every learner's state."""

from __future__ import annotations

from typing import Any

import pytest

from learners.catalogue import LEARNERS, make
from learners.wrappers import RiverLearner
from tests.learners.checks import maker, stream, teach
from tests.state_changes import not_taken_over

IMPLIED = ("features", "messages", "ends/last", "models", "labelsets/0/0", "labels/complete/last")
"""Ends of places whose values follow from others: sizes of arrays, mostly."""
OURS = [name for name in LEARNERS if not isinstance(make(name), RiverLearner) and name != "ihomer"]
"""Of river's models a state holds what river pickles; `ihomer` is in `expansion`."""


@pytest.mark.parametrize("name", OURS)
def test_every_value_of_a_state_is_taken_over(name: str) -> None:
    """But for those that others imply."""
    learner = maker(name)()
    teach(learner, stream(150))
    state = learner.state()
    # The priors save the label space as well: neither of the two can be changed alone.
    twice = ("labels/", "priors/labels/") if "priors" in state else ()
    lost = [place for place in not_taken_over(maker(name), state) if not place.startswith(twice)]
    assert [place for place in lost if not place.endswith(IMPLIED)] == []


@pytest.mark.parametrize("name", LEARNERS)
def test_the_state_of_another_learner_changes_nothing(name: str) -> None:
    """Nor does one that lacks its last part: taken over by half, compiled code wrote beyond arrays."""
    learner, other = maker(name)(), make("linear" if name == "priors" else "priors")
    for each in (learner, other):
        teach(each, stream(20))
    before = learner.digest()
    for state in (other.state(), dict(list(learner.state().items())[:-1]), {}):
        with pytest.raises((KeyError, ValueError, PermissionError)):
            learner.load_state(state)
        assert learner.digest() == before


OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("ihomer", {"window": 50}),
    ("ihomer", {"memory": 0}),
    ("ihomer", {"rule": "top_3"}),
    ("expansion", {"memory": 50}),
    ("expansion", {"learner": make("linear")}),
    ("sparse-linear", {"max_size": 1.0}),
    ("knn", {"window": 50}),
    ("knn", {"k": 3}),
    ("arknn", {"window": 50}),
    ("mlsamknn", {"window": 50}),
    ("hoeffding-adaptive-tree", {"max_size": 2.0}),
    ("ridge", {"rank": 2}),
    ("extreme", {"fanout": 4}),
    ("extreme", {"exact": True}),
    ("extreme", {"micro_batch": 4}),
]


@pytest.mark.parametrize(("name", "parameters"), OTHERS)
def test_the_state_of_other_parameters_changes_nothing(name: str, parameters: dict[str, Any]) -> None:
    """Of a larger window, for one, compiled code wrote beyond the arrays of a smaller one."""
    usual, other = make(name), make(name, **parameters)
    (parameter,) = parameters
    for each in (usual, other):
        teach(each, stream(20))
    for learner, theirs in ((usual, other), (other, usual)):
        before = learner.digest()
        with pytest.raises(ValueError, match=rf"The state is of \w+ with {parameter}=.*Make the learner as"):
            learner.load_state(theirs.state())
        assert learner.digest() == before
    older = {key: value for key, value in usual.state().items() if key != "parameters"}
    again = make(name)
    again.load_state(older)
    assert again.digest() == usual.digest()


def test_more_labels_may_be_held_than_before() -> None:
    """The advice of a `FullError` is to raise `max_labels`: the state is gone on with; and not fewer."""
    learner = make("linear", max_labels=3)
    teach(learner, stream(60))
    larger, smaller = make("linear", max_labels=10), make("linear", max_labels=2)
    larger.load_state(learner.state())
    assert larger.state().keys() == learner.state().keys()
    before = smaller.digest()
    with pytest.raises(ValueError, match="holds 3 labels, and max_labels of this LogisticRegression is 2"):
        smaller.load_state(learner.state())
    assert smaller.digest() == before
