"""Loading takes over every value of a learner's state, and of what judges learners; or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from drift.core import digest
from learners.catalogue import LEARNERS, make
from learners.cluster import Clusters, Cooccurrence
from learners.core import LabelSpace, Prediction, Targets
from learners.metrics.calibration_error import CalibrationError
from learners.metrics.prequential import Counts, Prequential, Rolling
from learners.uncertainty.abstention import Abstention
from learners.uncertainty.conformal import Conformal, ConformalSets
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
    """Nor does one that lacks a part: taken over by half, compiled code wrote beyond arrays."""
    learner, other = maker(name)(), make("linear" if name == "priors" else "priors")
    for each in (learner, other):
        teach(each, stream(20))
    before = learner.digest()
    parts = list(learner.state().items())
    nameless = {key: part for key, part in parts if key != "labels"}
    wrong: list[Any] = [other.state(), dict(parts[:-1]), nameless, {}, None]
    for state in wrong:
        with pytest.raises((ValueError, PermissionError)):
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
        with pytest.raises(ValueError, match=rf"The state is of \w+ with {parameter}=.*Make it as"):
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
    with pytest.raises(ValueError, match="holds 3 labels, and at most 2 are held here"):
        smaller.load_state(learner.state())
    assert smaller.digest() == before


def judged(messages: int) -> Iterator[tuple[Prediction, Targets]]:
    """Yield predictions with their outcomes."""
    for n in range(messages):
        yield Prediction(np.array([0]), np.array([0.9, n % 7 / 7], np.float32)), Targets(np.array([n % 2]))


def taught(kind: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    """Return one that has seen something."""
    made = kind(**parameters)
    for n, (prediction, outcome) in enumerate(judged(150)):
        if isinstance(made, Conformal):
            made.learn(prediction.labels, made.judge(prediction, 2), outcome)
        elif isinstance(made, ConformalSets):
            made.learn(n % 7 / 7)
        elif isinstance(made, Abstention):
            made.learn(-n % 7 / 7, n % 3 == 0)
        elif isinstance(made, Prequential):
            made.update(prediction, outcome, 2)
        elif isinstance(made, Rolling):
            made.update(Counts(1, 1, 1, 1, 2))
        elif isinstance(made, CalibrationError):
            made.update(prediction, outcome)
        elif isinstance(made, Clusters):
            made.learn([0, 1] if n % 2 else [2, 3], 4)
        else:
            made.add([0, 1] if n % 2 else [2, 3])
    return made


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        (Conformal, {"coverage": 0.8}),
        (Conformal, {"error": 0.2}),
        (ConformalSets, {"window": 20}),
        (Abstention, {"window": 20}),
        (Prequential, {"window": 10}),
        (Rolling, {"window": 10}),
        (CalibrationError, {"bins": 3}),
        (Clusters, {"half_life": 100.0}),
        (Clusters, {"largest": 3}),
        (Cooccurrence, {"half_life": 100.0}),
    ],
)
def test_what_judges_learners_takes_over_only_its_own(
    kind: Callable[..., Any], changed: dict[str, Any]
) -> None:
    """Of a longer window, for one, the next message lay beyond the rows."""
    one, other = taught(kind, {}), taught(kind, changed)
    for mine, theirs in ((one, other), (other, one)):
        before = digest(mine.state())
        with pytest.raises(ValueError, match=rf"The state is of \w+ with {next(iter(changed))}="):
            mine.load_state(theirs.state())
        assert digest(mine.state()) == before
    again = kind()
    again.load_state(one.state())
    assert digest(again.state()) == digest(one.state())


def test_a_label_space_with_less_room_changes_nothing() -> None:
    """It went on with more labels than its limit."""
    space, small = LabelSpace(["a", "b", "c"]), LabelSpace(["d"], limit=2)
    with pytest.raises(ValueError, match="holds 3 labels, and at most 2 are held here"):
        small.load_state(space.state())
    assert small.names() == ["d"]
