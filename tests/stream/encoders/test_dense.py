"""Vectors and named features side by side: rows that only ever grow, and lengths that must agree."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.encoders import Dense
from stream.records.schema import BadEventError, Event


def event(**fields: Any) -> Event:
    """Return an event with some fields."""
    return Event(id="1", ts=0, **fields)


def rows(encoder: Dense, events: list[Event]) -> list[bytes]:
    """Encode events and return the rows' bytes."""
    return [row.tobytes() for row in encoder.encode(events)]


def test_the_vector_stands_before_the_features() -> None:
    """The vector stands before the features."""
    [row] = Dense().encode([event(vector=[1, 2], features={"a": 3, "b": None})])
    assert np.array_equal(row, [1, 2, 3, np.nan], equal_nan=True)
    assert row.dtype == np.float32


def test_rows_grow_as_names_and_vectors_appear() -> None:
    """Rows grow as names and vectors appear."""
    encoder = Dense()
    first, second, third = encoder.encode(
        [event(features={"a": 1}), event(vector=[7, 8]), event(features={"b": 2})]
    )
    assert first.tolist() == [1]
    assert second.tolist() == [0, 7, 8]
    assert np.array_equal(third, [0, np.nan, np.nan, 2], equal_nan=True)


def test_another_length_is_refused_and_changes_nothing() -> None:
    """Another length is refused and changes nothing."""
    encoder = Dense()
    encoder.check(event(vector=[1, 2]))
    with pytest.raises(BadEventError, match="vector has 3 numbers; the first one had 2"):
        encoder.check(event(vector=[1, 2, 3]))
    with pytest.raises(BadEventError, match="vector has 0 numbers; the first one had 2"):
        encoder.check(event(vector=[]))
    encoder.check(event(vector=[3, 4]))


def test_events_without_numbers_are_refused() -> None:
    """Events without numbers are refused."""
    with pytest.raises(BadEventError, match="vector and features are missing"):
        Dense().check(event(text="up"))


FEATURES = st.dictionaries(
    st.sampled_from("abcdef"), st.floats(-9, 9) | st.none() | st.sampled_from(["x", "y"])
)
EVENTS = st.lists(
    st.builds(event, features=FEATURES) | st.builds(event, features=FEATURES, vector=st.just([1.0, 2.0])),
    max_size=8,
)


@given(EVENTS)
def test_a_row_does_not_depend_on_its_batch(events: list[Event]) -> None:
    """A row does not depend on its batch."""
    alone = Dense()
    singles = [row for one in events for row in rows(alone, [one])]
    assert rows(Dense(), events) == singles
    assert [len(row) for row in singles] == sorted(len(row) for row in singles)


@given(EVENTS, EVENTS)
def test_an_encoder_that_takes_over_a_state_goes_on_alike(before: list[Event], after: list[Event]) -> None:
    """An encoder that takes over a state goes on alike."""
    encoder, restarted = Dense(), Dense()
    encoder.encode(before)
    restarted.load_state(json.loads(json.dumps(encoder.state())))
    assert rows(encoder, after) == rows(restarted, after)
    assert encoder.name == restarted.name


def test_a_first_vector_that_is_too_long_fixes_nothing() -> None:
    """One wrong event of 450,000 numbers would cost 4.5 GB, and refuse all good ones after it."""
    encoder = Dense()
    with pytest.raises(BadEventError, match="vector has 450000 numbers; longest of the encoder is 16384"):
        encoder.check(event(vector=[0.0] * 450_000))
    encoder.check(event(vector=[1.0, 2.0]))
    assert encoder.encode([event(vector=[1.0, 2.0])])[0].tolist() == [1.0, 2.0]
