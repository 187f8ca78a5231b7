"""The published schemas: as the code is, good for what is written, no field named after a label or topic."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import msgspec
import pytest

from tests.schemas import FOLDER, RECORDS, check, validator, written
from tests.stream.standins import event, feedback, make_task, records


def test_files_are_as_the_code_is() -> None:
    """`python -m tests.schemas --write` writes them."""
    assert {file.stem for file in FOLDER.glob("*.json")} == set(RECORDS)
    for name in RECORDS:
        assert (FOLDER / f"{name}.json").read_text() == written(name)


def names(value: Any) -> Iterator[str]:
    """Give every name of a field in a JSON value, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names(inner)


def test_no_field_is_named_after_a_label_or_a_topic() -> None:
    """Readers that find columns by looking would find one a label."""
    values = [event(number, labels=[f"label-{number}"]) for number in range(50)]
    found = [
        set(names(json.loads(output.value or b""))) for output in make_task().process(records(values)).outputs
    ]
    assert not {name for each in found for name in each if name.startswith(("label-", "s."))}


def test_what_is_read_is_as_published() -> None:
    """Events and feedback that the tests use, which the decoder takes."""
    for name, value in (("event", event(1)), ("feedback", feedback(1))):
        validator(name).validate(json.loads(value))


@pytest.mark.parametrize("wrong", ["score", "ts", "trained_through"])
def test_a_record_that_is_not_as_published_is_noticed(wrong: str) -> None:
    """The check that all tests make can fail."""
    (good,) = [each for each in make_task().process(records([event(0)])).outputs if each.kind != "drift"]
    check([good])
    value = json.loads(good.value or b"")
    value |= {"score": {"scores": [{"label": "a", "score": None}]}, "ts": {"ts": 7}}.get(wrong, {wrong: {}})
    with pytest.raises(jsonschema.ValidationError):
        validator("prediction").validate(value)
    with pytest.raises(msgspec.ValidationError):
        check([good._replace(value=json.dumps(value).encode())])


def test_headers_say_what_a_record_is() -> None:
    """Each once."""
    (good,) = [each for each in make_task().process(records([event(0)])).outputs if each.kind != "drift"]
    for headers in (good.headers[:-1], (*good.headers, good.headers[0])):
        with pytest.raises((AssertionError, KeyError)):
            check([good._replace(headers=headers)])
