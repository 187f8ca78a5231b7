"""Every kind of bad input is a BadEventError that says what is wrong; good input comes back as it was."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.records.decoding import (
    MAX_DEPTH,
    MAX_EVENT_BYTES,
    MAX_ID_CHARACTERS,
    MAX_LABELS,
    MAX_NUMBER,
    check_event,
    decode,
    decode_event,
)
from stream.records.envelopes import Envelope
from stream.records.label_names import MAX_NAME_CHARACTERS, normalised
from stream.records.schema import (
    MAX_DETAIL_CHARACTERS,
    BadEventError,
    Control,
    Event,
    Feedback,
    Headers,
    Input,
    encode,
)
from tests.fuzz.decoding import HEADERS, one_input


def event(**fields: Any) -> bytes:
    """Return an event's JSON."""
    return json.dumps({"id": "1", "ts": 0, **fields}).encode()


def refusal(value: bytes | None) -> BadEventError:
    """Return the BadEventError that a value leads to."""
    with pytest.raises(BadEventError) as caught:
        decode_event(value)
    return caught.value


DECLARED = HEADERS[Feedback]
CHANGE = HEADERS[Control]

BAD: list[tuple[bytes | None, str, str]] = [
    (None, "tombstone", "null"),
    (b" " * (MAX_EVENT_BYTES + 1), "size", str(MAX_EVENT_BYTES + 1)),
    (b"", "json", "truncated"),
    (b"{", "json", "truncated"),
    (b'{"id": "1", "ts": 0} trailing', "json", "trailing"),
    (b"\x00\x01\x02", "json", "byte 0"),
    (b'{"id": "1", "ts": NaN}', "json", "byte 18"),
    (b'{"id": "1", "ts": 0, "vector": [Infinity]}', "json", "byte 32"),
    (b'{"id": "\xff", "ts": 0}', "json", "utf-8"),
    (b'{"id": "1", "ts": 0, "text": "\xc3\x28"}', "json", "utf-8"),
    (b'{"text": "\\ud800 alone", "id": "1", "ts": 0}', "json", "surrogate"),
    (event(more=[[]])[:-2] + b"[" * 100_000, "json", f"deeper than {MAX_DEPTH}"),
    (b"[]", "schema", "object"),
    (b"7", "schema", "object"),
    (b'{"ts": 0}', "schema", "`id`"),
    (b'{"id": "1"}', "schema", "`ts`"),
    (event(id=7), "schema", "$.id"),
    (event(id=None), "schema", "$.id"),
    (event(ts=None), "schema", "$.ts"),
    (event(ts=True), "schema", "$.ts"),
    (event(text=1), "schema", "$.text"),
    (event(features=[1]), "schema", "$.features"),
    (event(features={"a": [1]}), "schema", "$.features"),
    (event(features={"a": {}}), "schema", "$.features"),
    (event(vector={"a": 1}), "schema", "$.vector"),
    (event(vector=[1, "2"]), "schema", "$.vector[1]"),
    (event(vector=[None]), "schema", "$.vector[0]"),
    (event(vector=[True]), "schema", "$.vector[0]"),
    (event(labels="grain"), "schema", "$.labels"),
    (event(labels=["grain", 3]), "schema", "$.labels[1]"),
    (event(labels_complete=1), "schema", "$.labels_complete"),
    (event(**{"not": None}), "schema", "$.not"),
    (event(**{"not": [3]}), "schema", "$.not[0]"),
    (b'{"id": "1", "ts": 1e999}', "schema", "$.ts"),
    (b'{"id": "1", "ts": 0, "vector": [0, -1e999]}', "schema", "$.vector[1]"),
    (event(features={"a": 10**400}), "schema", "$.features"),
    (event(id=""), "value", "id has 0 characters"),
    (event(id="x" * (MAX_ID_CHARACTERS + 1)), "value", f"id has {MAX_ID_CHARACTERS + 1} characters"),
    (event(ts="yesterday"), "value", "ts is 'yesterday'"),
    (event(ts="2024-02-30"), "value", "ts is '2024-02-30'"),
    (event(ts=""), "value", "ts is ''"),
    (event(ts=1e18), "value", "ts is 1e+18"),
    (event(ts=1764219600000000), "value", "seconds or milliseconds since 1970"),
    (event(ts=20260131120000), "value", "seconds or milliseconds since 1970"),
    (event(ts="20260131120000"), "value", "ts is '20260131120000'"),
    (event(ts="202601311200"), "value", "ts is '202601311200'"),
    (event(ts="9999-12-31T23:59:59-23:59"), "value", "ts is '9999"),
    (event(ts=-1e300), "value", "ts is -1e+300"),
    (event(vector=[0.0, 1e39]), "value", "vector[1] is 1e+39"),
    (event(features={"wind": -1e39}), "value", "features['wind'] is -1e+39"),
    (event(features={"": 1}), "value", "a name in features has 0 characters"),
    (event(features={"x" * 1000: 1}), "value", "a name in features has 1000 characters"),
    (event(labels=[""]), "value", "labels[0] has 0 characters"),
    (event(labels=["a", "x" * (MAX_NAME_CHARACTERS + 1)]), "value", "labels[1]"),
    (event(**{"not": [""]}), "value", "not[0] has 0 characters"),
    (event(labels=["a"] * (MAX_LABELS + 1)), "value", f"labels has {MAX_LABELS + 1} labels"),
    (event(**{"not": ["a"] * (MAX_LABELS + 1)}), "value", f"not has {MAX_LABELS + 1} labels"),
]


@pytest.mark.parametrize(
    ("value", "reason", "says"), BAD, ids=[f"{reason}: {says}" for _, reason, says in BAD]
)
def test_bad_input_names_the_trouble(value: bytes | None, reason: str, says: str) -> None:
    """Bad input names the trouble."""
    bad = refusal(value)
    assert bad.reason == reason
    assert says in bad.detail


def test_an_event_at_every_limit_is_read() -> None:
    """An event at every limit is read."""
    value = event(
        id="x" * MAX_ID_CHARACTERS,
        ts="9999-12-31T23:59:59+00:00",
        vector=[MAX_NUMBER, -MAX_NUMBER],
        features={"x" * MAX_NAME_CHARACTERS: MAX_NUMBER, "y": -MAX_NUMBER},
        labels=["y" * MAX_NAME_CHARACTERS] * MAX_LABELS,
    )
    assert decode_event(value + b" " * (MAX_EVENT_BYTES - len(value))).vector == [MAX_NUMBER, -MAX_NUMBER]


def test_fields_that_are_not_ours_are_passed_over() -> None:
    """Fields that are not ours are passed over."""
    assert decode_event(event(text="up", paths=["places/usa"], split={"train": [1, None]})).text == "up"


def test_of_a_repeated_key_the_last_one_counts() -> None:
    """Of a repeated key the last one counts."""
    assert decode_event(b'{"id": "1", "id": "2", "ts": 0}').id == "2"


def test_a_byte_order_mark_is_no_part_of_an_event() -> None:
    """Editors write one."""
    assert decode(b"\xef\xbb\xbf" + event()) == decode(event())


def test_whole_numbers_and_booleans_are_features() -> None:
    """Whole numbers and booleans are features."""
    assert decode_event(event(features={"n": 3, "on": True, "gone": None, "land": "GR"})).features == {
        "n": 3.0,
        "on": True,
        "gone": None,
        "land": "GR",
    }


@pytest.mark.parametrize("depth", [MAX_DEPTH - 1, MAX_DEPTH])
def test_the_bound_on_nesting_does_not_depend_on_the_callers_stack(depth: int) -> None:
    """The bound on nesting does not depend on the callers stack."""
    nested = event(more=0)[:-2] + b"[" * depth + b"]" * depth + b"}"

    def decode_below(frames: int) -> bool:
        if frames:
            return decode_below(frames - 1)
        try:
            decode_event(nested)
        except BadEventError:
            return False
        return True

    assert decode_below(0) == decode_below(sys.getrecursionlimit() // 2) == (depth < MAX_DEPTH)


@pytest.mark.parametrize("envelope", [None, "cloudevents", "connect", "debezium"])
def test_a_deep_value_is_refused_before_it_is_unwrapped(envelope: Envelope | None) -> None:
    """Whatever it is in: looking for what is in it would end the process's stack."""
    deep = b'{"schema": {}, "payload": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(BadEventError, match="nests deeper"):
        decode(deep, (), envelope)


def test_brackets_in_strings_are_not_nesting() -> None:
    """Brackets in strings are not nesting."""
    text = '[{"\\' * 1000
    assert decode_event(event(text=text)).text == text


def test_a_long_run_of_quotes_that_never_close_is_refused_quickly() -> None:
    """A long run of quotes that never close is refused quickly."""
    assert refusal(b'{"id": "' + b'\\"[' * 300_000).reason == "json"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_cannot_carry_are_refused_in_events_made_by_hand(number: float) -> None:
    """Numbers that json cannot carry are refused in events made by hand."""
    with pytest.raises(BadEventError, match=r"^vector\[1\]"):
        check_event(Event(id="1", ts=0, vector=[0.0, number]))
    with pytest.raises(BadEventError, match=r"^features\['a'\]"):
        check_event(Event(id="1", ts=0, features={"a": number}))
    with pytest.raises(BadEventError, match=r"^ts"):
        check_event(Event(id="1", ts=number))


@given(st.text(st.characters()), st.text(max_size=10))
def test_a_detail_is_short_and_fits_a_header(detail: str, reason: str) -> None:
    """A detail is short and fits a header."""
    bad = BadEventError(reason, detail * 100)
    assert len(bad.detail) <= MAX_DETAIL_CHARACTERS
    assert bad.detail.encode().decode() == str(bad)


@given(st.binary(), st.sampled_from(list(HEADERS.values())))
def test_arbitrary_bytes_raise_nothing_but_bad_event(value: bytes, headers: Headers) -> None:
    """Arbitrary bytes raise nothing but bad event."""
    with pytest.raises(BadEventError) as caught:
        decode(value, headers)
    assert caught.value.detail


@given(
    st.binary() | st.sampled_from(["text", "labels", "ts"]).map(lambda name: b"\xff" + event(**{name: "1"}))
)
def test_what_is_fuzzed_holds(given: bytes) -> None:
    """`tests.fuzz` looks for what breaks it, for longer than a test may take."""
    one_input(given)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)
fields = st.sampled_from(
    ["text", "features", "vector", "labels", "labels_complete", "not", "id", "ts", "operation", "label", "to"]
)


@given(st.dictionaries(fields, values), st.sampled_from(list(HEADERS)))
def test_arbitrary_json_is_what_it_declares_to_be_or_bad(fields: dict[str, Any], kind: type[Input]) -> None:
    """And what was read says when it happened, is within the limits, and is read again as it was."""
    with contextlib.suppress(BadEventError):
        one = decode(event(**fields), HEADERS[kind])
        assert isinstance(one, kind) or kind is Event
        assert decode(encode(one), HEADERS[type(one)]) == one
        assert isinstance(one, Control) or math.isfinite(one.seconds)


def tidy(name: str) -> str | None:
    """Return a label's name as it is read; None where it is refused."""
    try:
        return normalised("labels[0]", name)
    except BadEventError:
        return None


names = st.text(min_size=1, max_size=20)
numbers = st.floats(-MAX_NUMBER, MAX_NUMBER)
labels = st.text("aé 中/", min_size=1, max_size=20).filter(lambda name: name == tidy(name))
events = st.builds(
    Event,
    id=names,
    ts=st.floats(-6e10, 2.5e11) | st.datetimes().map(lambda time: time.isoformat()),
    text=st.none() | st.text(),
    features=st.none() | st.dictionaries(names, numbers | st.booleans() | st.none() | st.text()),
    vector=st.none() | st.lists(numbers),
    labels=st.none() | st.lists(labels),
    labels_complete=st.booleans(),
    not_=st.lists(labels),
)


@given(events)
def test_a_good_event_comes_back_as_it_was(one: Event) -> None:
    """A good event comes back as it was."""
    assert decode_event(encode(one)) == one


FEEDBACK = [
    ({"labels": ["grain"]}, (), True),
    ({"labels": []}, (), True),
    ({"not": ["grain"]}, (), True),
    ({"labels": ["grain"], "text": None}, (), False),
    ({"labels": ["grain"], "text": "wheat up"}, (), False),
    ({"labels": ["grain"], "features": {}}, (), False),
    ({"labels": ["grain"], "vector": []}, (), False),
    ({}, (), False),
    ({"labels": ["grain"], "text": "wheat up"}, DECLARED, True),
    ({"labels": ["grain"], "text": "up"}, (*DECLARED, ("ce_type", b"news.article")), False),
    ({"labels": ["grain"], "text": "up"}, (("ce_type", b"news.article"), *DECLARED), True),
]


@pytest.mark.parametrize(("fields", "headers", "expected"), FEEDBACK)
def test_what_is_feedback(
    fields: dict[str, Any], headers: tuple[tuple[str, bytes], ...], expected: bool
) -> None:
    """What its last type header says it is, and what has labels and nothing to encode."""
    assert isinstance(decode(event(**fields), headers), Feedback) == expected


def test_feedback_that_says_nothing_is_refused() -> None:
    """Someone meant to say something."""
    with pytest.raises(BadEventError, match="neither labels nor not") as caught:
        decode(event(labels=None), DECLARED)
    assert caught.value.reason == "value"


@pytest.mark.parametrize(
    ("ts", "seconds"),
    [
        (1.5, 1.5),
        ("1970-01-01T00:00:02", 2.0),
        ("1970-01-01T02:00:00+02:00", 0.0),
        ("0001-01-01", -62135596800.0),
        ("9999-12-31T23:59:59", 253402300799.0),
        ("20260131", 1769817600.0),
        (1764219600, 1764219600.0),
        (1764219600000, 1764219600.0),
        (1764219600250.0, 1764219600.25),
        ("1764219600000", 1764219600.0),
        ("1786083040954", 1786083040.954),
        ("1769012201200", 1769012201.2),
        ("1764219600.5", 1764219600.5),
        (-1, -1.0),
    ],
)
def test_when_it_happened_in_seconds(ts: str | float, seconds: float) -> None:
    """UTC where the time names no zone; the ends of the calendar are no trouble; milliseconds are such."""
    assert Event(id="1", ts=ts).seconds == seconds


MERGE: dict[str, Any] = {"operation": "merge", "label": "topics/maize", "to": ["topics/corn"]}


@pytest.mark.parametrize(
    ("fields", "headers", "expected"),
    [
        (MERGE, (), True),
        (MERGE, CHANGE, True),
        (MERGE | {"id": "1", "ts": 0}, (), False),
        (MERGE | {"id": "1", "ts": 0}, CHANGE, True),
        (MERGE, (("ce_type", b"news.article"),), True),
    ],
)
def test_what_is_an_operation_on_the_taxonomy(
    fields: dict[str, Any], headers: Headers, expected: bool
) -> None:
    """What its last type header says it is, and what has an operation and no id."""
    found = decode(json.dumps(fields).encode(), headers)
    assert isinstance(found, Control) == expected
    assert not expected or found == Control("merge", "topics/maize", ["topics/corn"])


@pytest.mark.parametrize(
    ("value", "reason", "detail"),
    [
        (
            b'{"operation": "marry", "label": "a"}',
            "value",
            "operation is 'marry'; there are add, split, move, m",
        ),
        (b'{"operation": "add"}', "schema", "missing required field `label`"),
        (b'{"operation": "add", "label": ["a"]}', "schema", r"Expected `str`, got `array` - at `\$.label`"),
        (b'{"operation": "move", "label": "a", "to": "b"}', "schema", r"Expected `array`.* - at `\$.to`"),
        (b'{"operation": "add", "label": ""}', "value", "label has 0 characters"),
        (b'{"operation": "split", "label": "a", "to": ["b", ""]}', "value", r"to\[1\] has 0 characters"),
        (b'{"label": "a"}', "schema", "missing required field `id`"),
        (b"[]", "schema", "Expected `object`, got `array`"),
    ],
)
def test_operations_that_cannot_be_read_say_what_is_wrong(value: bytes, reason: str, detail: str) -> None:
    """By the field that is wrong; what is neither an event nor an operation is told as a bad event."""
    with pytest.raises(BadEventError, match=detail) as caught:
        decode(value)
    assert caught.value.reason == reason


@pytest.mark.parametrize(("deep", "accepted"), [(MAX_DEPTH - 2, True), (MAX_DEPTH - 1, False)])
def test_what_stands_side_by_side_is_not_nesting(deep: int, accepted: bool) -> None:
    """Two values at the limit, and many more brackets than the limit."""
    arm = b"[" * deep + b"]" * deep
    value = event(more=0)[:-2] + b"[" + arm + b", {}, " + arm + b"]}"
    if accepted:
        assert decode_event(value).id == "1"
    else:
        with pytest.raises(BadEventError, match="nests deeper than 100 "):
            decode_event(value)
