"""The label space: names and ids, and labels that leave and return."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.core import Ids, digest
from learners.core import label_space
from learners.core.label_space import FullError, LabelSpace, remember

names = st.lists(st.text(min_size=1, max_size=4), max_size=20)
messages = st.lists(st.lists(st.sampled_from("abcdefghi"), max_size=3), max_size=60)


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


def test_a_label_named_both_ways_is_positive() -> None:
    """A label named both ways is positive."""
    space = LabelSpace()
    targets = space.targets(["a", "b"], ["b", "c"])
    assert space.names(targets.positive) == ["a", "b"]
    assert targets.negative is not None
    assert space.names(targets.negative) == ["c"]


@given(messages, st.integers(3, 6))
def test_a_limited_space_holds_the_most_useful_labels(messages: list[list[str]], limit: int) -> None:
    """A plain model: of the labels that are not named, the one of least usefulness leaves."""
    space, told = LabelSpace(limit=limit), list[int]()
    space.followers.append(lambda labels: told.extend(labels.tolist()))
    counts, last, held = Counter[str](), dict[str, int](), list[str]()
    for clock, message in enumerate(messages, 1):
        admitted, met = space.admitted, set(counts)
        named, leave = list(dict.fromkeys(message)), list[int]()
        new = [name for name in named if name not in held]
        while len(held) + len(new) - len(leave) > limit:
            left = [n for n, name in enumerate(held) if n not in leave and name not in named]
            leave.append(min(left, key=lambda n: (last[held[n]] + limit * counts[held[n]].bit_length(), n)))
        for name in new:
            if len(held) < limit:
                held.append(name)
            else:
                held[leave.pop(0)] = name
            last[name] = clock - 1 if name not in counts else last[name]
        targets = space.targets(message)
        counts.update(set(message))
        last.update(dict.fromkeys(message, clock))
        assert space.names() == held
        assert set(space.names(targets.positive)) == set(message)
        assert space.born == [name for name in new if name not in met]
        assert [space.name(label) for label in space.returned] == [name for name in new if name in met]
        assert space.admitted - admitted == len(new)
        assert [space.count(label) for label in range(len(space))] == [counts[name] for name in held]
        assert space.still(np.arange(len(space)), admitted).tolist() == [name not in new for name in held]
    assert space.resting == len(counts) - len(held)
    assert space.left == len(told)


@given(messages)
def test_state_round_trip(messages: list[list[str]]) -> None:
    """Whatever leaves, rests and returns, the restored space goes on in the same way."""
    space, restored = LabelSpace(limit=4), LabelSpace(limit=4)
    for message in messages:
        space.targets(message)
    restored.load_state(space.state())
    for message in messages:
        assert restored.targets(message).positive.tolist() == space.targets(message).positive.tolist()
        assert (restored.born, restored.returned) == (space.born, space.returned)
    assert digest(restored.state()) == digest(space.state())


def test_a_message_may_name_no_more_than_are_held() -> None:
    """It is refused before anything has changed."""
    space, told = LabelSpace(["a", "b"], limit=2), list[Ids]()
    space.followers.append(told.append)
    with pytest.raises(ValueError, match=r"names 3 labels.*the 2 that max_labels allows\. Raise it"):
        space.targets(["b"], ["c", "d"])
    with pytest.raises(FullError):
        space.check_room(["b", "c", "d"])
    space.check_room(["c", "d"])
    assert (space.names(), told) == (["a", "b"], [])


@pytest.mark.parametrize("name", [None, ("a", 1), b"a", math.nan, 1j, np.datetime64("2026-01-01")])
def test_what_no_state_could_hold_is_no_name(name: Any) -> None:
    """A file with a tuple in it could not be loaded any more."""
    space = LabelSpace(["a"])
    for act in (space.id, lambda each: space.ids(["b", each]), lambda each: space.targets([], [each])):
        with pytest.raises(TypeError, match="The name of a label is a text, or a number"):
            act(name)
    assert space.names() == ["a"]


def test_numbers_are_names() -> None:
    """Those of numpy are the same ones as Python's, as which a state holds them."""
    space = LabelSpace()
    numbers: list[Any] = [np.int64(3), np.float64(0.5), np.True_, "3"]
    plain: list[Any] = [3, 0.5, True, "3"]
    space.targets(numbers)
    assert space.ids(plain).tolist() == [0, 1, 2, 3]
    restored = LabelSpace.from_state(json.loads(json.dumps(space.state(), default=np.ndarray.tolist)))
    assert restored.names() == plain


def test_what_rests_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the labels that left, those that left first are forgotten, an eighth at a time."""
    monkeypatch.setattr(label_space, "REMEMBERED", 16)
    kept: dict[str, int] = {}
    for number in range(40):
        remember(kept, str(number), number)
        assert len(kept) <= 16
    assert list(kept)[-15:] == [str(number) for number in range(25, 40)]
    space = LabelSpace(limit=1)
    for number in range(40):
        space.targets([str(number)])
    space.targets(["0"])
    assert space.born == ["0"]
