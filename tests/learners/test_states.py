"""Loading takes over every value of every learner's state."""

from __future__ import annotations

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
