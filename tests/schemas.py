"""JSON Schemas of the records: `python -m tests.schemas [--write]` makes those in `stream/records/schemas`.

Without `--write` nothing is changed, and the exit status is 1 where a file differs from the code; the tests
look as well. They also check every record that a test has a pipeline write, with `check`.
"""

from __future__ import annotations

import collections
import functools
import json
import sys
from collections.abc import Iterable
from typing import Any

import jsonschema
import msgspec

from drift.alarms import Alarm
from stream.records import ORIGINAL, TriageRecord, drift_events, label_records, predictions, triage
from stream.records import schema as records
from stream.records.drift_events import DriftRecord
from stream.records.label_records import LabelRecord, PartitionRecord
from stream.records.predictions import PredictionRecord
from stream.records.schema import Control, Event, Feedback, Labelled, Output
from tests.numpydoc import parameters, summary
from tests.structure import ROOT

FOLDER = ROOT / "stream" / "records" / "schemas"
MODULES = (drift_events, label_records, predictions, records, triage)
DIALECT = "https://json-schema.org/draft/2020-12/schema"
RECORDS: dict[str, tuple[type[msgspec.Struct], type | None]] = {
    "event": (Event, Labelled),
    "feedback": (Feedback, Labelled),
    "control": (Control, None),
    "prediction": (PredictionRecord, None),
    "drift": (DriftRecord, Alarm),
    "label-stats": (LabelRecord, None),
    "partition-stats": (PartitionRecord, None),
    "triage": (TriageRecord, None),
}
"""Each kind of record, as its `ce_type` has it where it has one; and what documents fields besides."""
FULLY_CHECKED = 50
"""Records of each kind that are checked against their schema, from the first one; then every 50th."""

_checked = collections.Counter[str]()


def schema(name: str) -> dict[str, Any]:
    """Return the schema of a kind of record."""
    record, besides = RECORDS[name]
    (found,), definitions = msgspec.json.schema_components([record], ref_template="#/$defs/{name}")
    structs = {
        each.__name__: each for module in MODULES for each in vars(module).values() if _is_struct(each)
    }
    for title, each in definitions.items():
        each |= _described(each["properties"], structs[title], besides)
    own = definitions.pop(found["$ref"].rpartition("/")[2])
    return {"$schema": DIALECT, **own} | ({"$defs": definitions} if definitions else {})


def _is_struct(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, msgspec.Struct)


def _described(
    properties: dict[str, Any], record: type[msgspec.Struct], besides: type | None
) -> dict[str, Any]:
    """Return what the docstrings say of a record and of its fields."""
    entries = [*(parameters(besides) if besides else ()), *parameters(record)]
    texts = {name: {"description": text} for names, text in entries for name in names}
    described = {
        field.encode_name: properties[field.encode_name] | texts.get(field.name, {})
        for field in msgspec.structs.fields(record)
    }
    return {"description": summary(record), "properties": described}


def written(name: str) -> str:
    """Return a schema as its file has it."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


@functools.cache
def validator(kind: str) -> jsonschema.Draft202012Validator:
    """Return what checks against the published schema of a kind of record."""
    text = (FOLDER / f"{kind}.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


def check(outputs: Iterable[Output]) -> None:
    """Fail where a record is not as its schema has it, or its headers do not say what it is.

    Raises
    ------
    AssertionError, msgspec.ValidationError, jsonschema.ValidationError
        At the first that is not.
    """
    for output in outputs:
        headers = dict(output.headers)
        ours = [name for name, _ in output.headers if not name.startswith(ORIGINAL)]
        assert len(ours) == len(set(ours)), output.headers
        kind = headers["ce_type"].decode().removeprefix("ithaca.")
        as_json = headers["content-type"] == b"application/json"
        assert as_json == (kind != "dead-letter"), headers
        kind = "drift" if kind == "finding" else kind
        if kind in RECORDS:
            _check_value(kind, output.value or b"")


def _check_value(kind: str, value: bytes) -> None:
    # Its type says the same as its schema, of which it is made, three hundred times as fast.
    msgspec.json.decode(value, type=RECORDS[kind][0])
    _checked[kind] += 1
    if _checked[kind] <= FULLY_CHECKED or not _checked[kind] % FULLY_CHECKED:
        validator(kind).validate(json.loads(value))


def main() -> int:
    """Compare, or write."""
    files = {FOLDER / f"{name}.json": written(name) for name in RECORDS}
    differing = [file for file, text in files.items() if not file.exists() or file.read_text() != text]
    for file in differing:
        if "--write" in sys.argv:
            file.write_text(files[file], encoding="utf-8")
        print(f"{file.name}: {'written' if '--write' in sys.argv else 'differs from the code'}")
    return int(bool(differing) and "--write" not in sys.argv)


if __name__ == "__main__":
    raise SystemExit(main())
