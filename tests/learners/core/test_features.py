"""Named features as vectors: bounded, deterministic, and the same after a restart."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.core.features import CANDIDATES, EARLY, EARNED, UNSEEN, FeatureSpace

VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5)
MESSAGES = st.lists(st.dictionaries(st.text(st.characters(), max_size=3), VALUES, max_size=6), max_size=12)


def equal(left: Any, right: Any) -> bool:
    """Whether two vectors are equal, NaN included."""
    return np.array_equal(left, right, equal_nan=True)


def test_a_name_keeps_its_slot_and_absent_is_zero() -> None:
    """A name keeps its slot and absent is zero."""
    space = FeatureSpace()
    space.vector({"a": 1.5, "b": 2})
    assert space.vector({"c": True, "b": -1}).tolist() == [0.0, -1.0, 1.0]


def test_missing_is_nan_and_a_missing_string_is_none_of_its_slots() -> None:
    """Missing is nan and a missing string is none of its slots."""
    space = FeatureSpace(buckets=4)
    assert equal(space.vector({"n": None}), [np.nan])
    space.vector({"land": "GR"})
    assert space.vector({"land": None}).tolist() == [0.0] * 5


def test_equal_strings_look_alike_and_new_strings_take_no_room() -> None:
    """Equal strings look alike and new strings take no room."""
    space = FeatureSpace()
    greece, italy = space.vector({"land": "GR"}), space.vector({"land": "IT"})
    assert greece.sum() == italy.sum() == 1.0
    assert not equal(greece, italy)
    assert equal(space.vector({"land": "GR"}), greece)
    assert len(space) == space.buckets


def test_numbers_and_strings_of_one_name_have_slots_of_their_own() -> None:
    """Numbers and strings of one name have slots of their own."""
    space = FeatureSpace(buckets=2)
    space.vector({"a": "x", "a=": 1, "=a": 1, "#a": 1, "a#": 1})
    space.vector({"a": 1})
    assert len(space) == 2 + 4 + 1


@pytest.mark.parametrize("value", [[1], {"x": 1}, b"x", 1j, np.zeros(2), object()])
def test_what_is_no_feature_is_named(value: object) -> None:
    """What is no feature is named."""
    space = FeatureSpace()
    before = space.state()
    with pytest.raises(TypeError, match=f"'speed' is a {type(value).__name__}; features are"):
        space.vector({"wind": 1.0, "speed": value})
    assert space.state() == before


@pytest.mark.parametrize("value", [1e300, float("inf"), 10**400, np.float64(1e39)])
def test_numbers_beyond_float32_become_its_largest(value: Any) -> None:
    """Numbers beyond float32 become its largest."""
    largest = np.finfo(np.float32).max
    assert FeatureSpace().vector({"a": value, "b": -value}).tolist() == [largest, -largest]


@pytest.mark.parametrize(("limit", "buckets"), [(0, 1), (1, 0), (True, 1), (2.0, 1)])
def test_bad_parameters_are_refused(limit: Any, buckets: Any) -> None:
    """Bad parameters are refused."""
    with pytest.raises(ValueError, match="of FeatureSpace must be an int"):
        FeatureSpace(limit, buckets)


def test_a_full_space_shares_slots_that_stay_where_they_are() -> None:
    """A full space shares slots that stay where they are, with names that come often enough."""
    space = FeatureSpace(limit=20, buckets=16)
    space.vector({"land": "GR", "a": 1})
    for _ in range(2):
        assert not space.vector({"sea": "Aegean"}).any()
    shared = space.vector({"sea": "Aegean"})
    for number in range(50):
        space.vector({f"n{number}": 1.0, f"s{number}": "x"})
    assert len(space) == 20
    assert equal(space.vector({"sea": "Aegean"}), shared)
    assert shared.sum() == 1.0


@given(MESSAGES, st.integers(1, 24), st.integers(1, 20))
def test_vectors_are_bounded_and_never_shrink(
    messages: list[dict[str, Any]], limit: int, buckets: int
) -> None:
    """Vectors are bounded and never shrink."""
    space = FeatureSpace(limit, buckets)
    lengths = [len(space.vector(message)) for message in messages]
    assert lengths == sorted(lengths)
    assert all(length <= limit for length in lengths)


@given(MESSAGES, st.integers(1, 24))
def test_peek_equals_vector_once_the_names_are_known(messages: list[dict[str, Any]], limit: int) -> None:
    """Peek equals vector once the names are known."""
    space = FeatureSpace(limit, buckets=4)
    for message in messages:
        length = len(space)
        assert len(space.peek(message)) == length == len(space)
        vector = space.vector(message)
        assert equal(space.peek(message), vector)
        assert not np.isinf(vector).any()


@given(MESSAGES, MESSAGES, st.integers(1, 24))
def test_a_space_rebuilt_from_its_state_goes_on_alike(
    before: list[dict[str, Any]], after: list[dict[str, Any]], limit: int
) -> None:
    """A space rebuilt from its state goes on alike."""
    space = FeatureSpace(limit, buckets=4)
    for message in before:
        space.vector(message)
    rebuilt = FeatureSpace()
    rebuilt.load_state(json.loads(json.dumps(space.state())))
    for message in after:
        assert equal(space.vector(message), rebuilt.vector(message))
    assert space.state() == rebuilt.state()


def test_names_that_stay_rare_hold_no_slots() -> None:
    """Five messages of a thousand new names each: later names have slots of their own in a short vector."""
    space = FeatureSpace()
    for message in range(5):
        space.vector({f"{message} {name}": 1.0 for name in range(1000)})
    assert len(space) == EARLY
    for _ in range(EARNED - 1):
        assert not space.vector({"a": 1.0, "b": 2.0})[EARLY:].any()
    assert space.vector({"a": 1.0, "b": 2.0})[EARLY:].tolist() == [1.0, 2.0]
    assert space.vector({"0 0": 3.0})[0] == 3.0


def test_a_slot_whose_name_is_unseen_for_long_is_given_again() -> None:
    """Of a full space the name goes that was not seen for longest; one that comes again keeps its slot."""
    space = FeatureSpace(limit=18, buckets=16)
    space.vector({"gone": 1.0, "land": "GR", "stays": 1.0})
    for _ in range(EARNED):
        space.vector({"new": 1.0})
    shared = space.vector({"new": 1.0})
    for _ in range(UNSEEN):
        space.vector({"stays": 1.0, "land": "IT"})
    rebuilt = FeatureSpace()
    rebuilt.load_state(json.loads(json.dumps(space.state())))
    for each in (space, rebuilt):
        assert each.vector({"new": 1.0}).tolist() == [1.0] + [0.0] * 17
        assert each.vector({"stays": 1.0}).tolist() == [0.0] * 17 + [1.0]
        assert not each.vector({"gone": 1.0}).any()
    assert space.state() == rebuilt.state()
    assert shared.sum() == 1.0


def test_what_is_counted_of_names_without_a_slot_is_bounded() -> None:
    """Of two hundred thousand names that come once, those that came last are remembered."""
    space = FeatureSpace()
    for message in range(40):
        space.vector({f"{message} {name}": 1.0 for name in range(5000)})
    assert len(space.state()["candidates"]) == CANDIDATES
    assert len(space.state()["slots"]) == EARLY
