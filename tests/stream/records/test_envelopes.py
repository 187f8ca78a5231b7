"""Envelopes are unwrapped where that is set, and named where not; other programs' fields are recognised."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.records.decoding import FEEDBACK_TYPE, decode
from stream.records.envelopes import Envelope
from stream.records.schema import BadEventError, Event, Feedback

EVENT = {"id": "1", "ts": 0, "text": "wheat up", "labels": ["grain"]}
CLOUD = {"specversion": "1.0", "id": "ce1", "source": "/x", "type": "t", "data": EVENT}
CHANGE = {"before": None, "after": EVENT, "op": "c"}
WRAPPED: list[tuple[Envelope, dict[str, Any]]] = [
    ("cloudevents", CLOUD),
    ("connect", {"schema": {"type": "struct"}, "payload": EVENT}),
    ("debezium", CHANGE),
    ("debezium", {"schema": {"type": "struct"}, "payload": CHANGE}),
    ("debezium", CHANGE | {"payload": {}}),
    ("debezium", CHANGE | {"payload": None, "data": 1}),
]


def encoded(value: Any) -> bytes:
    """Return JSON."""
    return json.dumps(value).encode()


@pytest.mark.parametrize(("envelope", "value"), WRAPPED)
def test_an_envelope_is_unwrapped_where_it_is_set_and_named_where_not(
    envelope: Envelope, value: dict[str, Any]
) -> None:
    """What workers append to the events is in none, and goes through."""
    plain = decode(encoded(EVENT))
    assert decode(encoded(value), envelope=envelope) == plain
    assert decode(encoded(EVENT), envelope=envelope) == plain
    with pytest.raises(BadEventError, match=f"envelope of {envelope}; set envelope = '{envelope}'") as caught:
        decode(encoded(value))
    assert caught.value.reason == "schema"


PARTS = ["id", "ts", "text", "labels", "schema", "payload", "op", "after", "before", "specversion", "data"]
CONTENT: st.SearchStrategy[Any] = st.sampled_from(
    [None, 0, "1", [], {}, EVENT, CHANGE, {"op": 1, "after": None}]
)


@given(
    st.dictionaries(st.sampled_from(PARTS), CONTENT),
    st.sampled_from(["cloudevents", "connect", "debezium"]),
)
def test_whatever_fields_an_object_has_it_is_read_or_bad(value: dict[str, Any], envelope: Envelope) -> None:
    """Those of several envelopes at once, too."""
    with contextlib.suppress(BadEventError):
        decode(encoded(value), envelope=envelope)


def test_rows_that_were_deleted_and_values_that_are_no_json() -> None:
    """They are dead letters with their own reasons."""
    for value, reason in [
        (encoded(CHANGE | {"after": None, "op": "d"}), "tombstone"),
        (b"{", "json"),
        (b"[1]", "schema"),
        (None, "tombstone"),
        (encoded(CHANGE) + b" " * 1_000_000, "size"),
    ]:
        with pytest.raises(BadEventError) as caught:
            decode(value, envelope="debezium")
        assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ({"id": 0, "text": "x", "label": ["a"], "Comments": []}, "ts is missing; rename label to labels$"),
        (
            {"id": "1", "Timestamp": 7, "body": "x"},
            "ts is missing; rename Timestamp to ts; rename body to text",
        ),
        ({"id": "1", "ts": 0, "Labels": ["a"], "text": 7}, "rename Labels to labels"),
        ({"id": 7, "ts": 0, "text": "x"}, r"got `int` - at `\$\.id`$"),
    ],
)
def test_fields_of_other_programs_are_recognised(value: dict[str, Any], advice: str) -> None:
    """The dead letter says what to rename."""
    with pytest.raises(BadEventError, match=advice):
        decode(encoded(value))


@pytest.mark.parametrize("field", ["text", "features", "vector"])
def test_an_event_whose_content_is_null_is_no_feedback(field: str) -> None:
    """It was taken for feedback on an event that never came, and vanished."""
    value = {"id": "1", "ts": 0, "labels": ["grain"]}
    assert isinstance(decode(encoded(value | {field: None})), Event)
    assert isinstance(decode(encoded(value)), Feedback)
    assert isinstance(decode(encoded(value | {field: None}), (("ce_type", FEEDBACK_TYPE),)), Feedback)


def test_content_by_another_name_is_no_feedback() -> None:
    """Unless a header says that it is."""
    value = encoded({"id": "1", "ts": 0, "body": "wheat up", "labels": ["grain"]})
    with pytest.raises(BadEventError, match="but 'body': rename that to what the encoder reads"):
        decode(value)
    assert isinstance(decode(value, (("ce_type", FEEDBACK_TYPE),)), Feedback)
