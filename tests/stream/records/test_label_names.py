"""One label, one name, however it is written."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.records.decoding import decode, decode_control, decode_event
from stream.records.label_names import normalised
from stream.records.schema import BadEventError, Feedback


def read(**fields: object) -> bytes:
    """Return an event's value."""
    return json.dumps({"id": "1", "ts": 0, "text": "x"} | fields).encode()


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("grain", "grain"),
        (" grain\t", "grain"),
        ("\ufeffgrain\u200b", "grain"),
        ("\u00a0grain\u3000", "grain"),
        ("cafe\u0301", "café"),
        ("topics/energy/crude ", "topics/energy/crude"),
        ("two  words", "two  words"),
        ("Grain", "Grain"),
        ("a\u200db", "a\u200db"),
        ("\u202eoil\u202c", "oil"),
        ("\u00adoil\u200e\x00", "oil"),
        ("\U0001f3f4\U000e0067\U000e007f", "\U0001f3f4\U000e0067\U000e007f"),
    ],
)
def test_a_label_has_one_name(written: str, name: str) -> None:
    """In events, in feedback, among what a label is not, and in operations; case and inner space stay."""
    event = decode_event(read(labels=[written], **{"not": ["other", written + "2"]}))
    assert event.labels == [name]
    assert event.not_[0] == "other"
    feedback = decode(json.dumps({"id": "1", "ts": 0, "labels": [written]}).encode())
    assert isinstance(feedback, Feedback)
    assert feedback.labels == [name]
    operation = {"operation": "rename", "label": written, "to": [written]}
    assert decode_control(json.dumps(operation).encode()).to == [name]


@pytest.mark.parametrize(
    "name",
    [
        " ",
        "\u200b",
        "\u00ad",
        "\u200e",
        "\u202e",
        "\u3164",
        "\u2800",
        "\x00",
        "a/\u3164/b",
        "/",
        "/energy",
        "energy/",
        "energy//crude",
        "energy/ /crude",
    ],
)
def test_a_name_without_a_visible_part_is_refused(name: str) -> None:
    """With the field and what to write."""
    with pytest.raises(BadEventError, match=r"labels\[1\]") as refused:
        decode_event(read(labels=["grain", name]))
    assert refused.value.reason == "value"


def test_a_name_is_as_long_as_it_is_written_on() -> None:
    """U+0958 becomes two characters in composed form, and what is not seen at the ends does not count."""
    with pytest.raises(BadEventError, match=r"labels\[0\] has 400 characters; a name has 1 to 256"):
        decode_event(read(labels=["\u0958" * 200]))
    assert decode_event(read(labels=["\u0958" * 128])).labels == ["\u0915\u093c" * 128]


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12))
def test_a_normalised_name_stays_as_it_is(name: str) -> None:
    """Whatever was written; in composed form, without space at its ends."""
    try:
        plain = normalised("labels[0]", name)
    except BadEventError:
        return
    assert normalised("labels[0]", plain) == plain
    assert unicodedata.is_normalized("NFC", plain)
    assert plain == plain.strip()
