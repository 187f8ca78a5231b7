"""The label space: names, ids and targets."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from learners.core.labels import LabelSpace, Targets

names = st.lists(st.text(min_size=1, max_size=4), max_size=20)


@given(st.lists(names, max_size=10))
def test_ids_are_stable_and_in_order_of_appearance(messages: list[list[str]]) -> None:
    """Ids are stable and in order of appearance."""
    space, seen = LabelSpace(), list[str]()
    for message in messages:
        before = space.names()
        ids = space.ids(message)
        seen += [name for name in dict.fromkeys(message) if name not in seen]
        assert space.names() == seen
        assert space.names()[: len(before)] == before
        assert sorted(set(message)) == sorted(space.names(ids))
        assert ids.tolist() == sorted(set(ids.tolist()))


@given(names)
def test_state_round_trip(message: list[str]) -> None:
    """State round trip."""
    space = LabelSpace(message)
    assert LabelSpace.from_state(space.state()).names() == space.names()


def test_a_label_named_both_ways_is_positive() -> None:
    """A label named both ways is positive."""
    space = LabelSpace()
    targets = space.targets(["a", "b"], ["b", "c"])
    assert space.names(targets.positive) == ["a", "b"]
    assert targets.negative is not None
    assert space.names(targets.negative) == ["c"]


def test_partial_targets_know_only_what_is_named() -> None:
    """Partial targets know only what is named."""
    targets = Targets(np.array([1]), np.array([3]))
    assert targets.unknown(5).tolist() == [True, False, True, False, True]
    assert not Targets(np.array([1])).unknown(3).any()
