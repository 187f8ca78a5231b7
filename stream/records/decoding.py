"""Decoding a record: an event, feedback, an operation, or a `BadEventError` that names the problem."""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from learners.core import OPERATIONS
from stream.records.envelopes import Envelope, advice, check_is_feedback, unwrapped
from stream.records.label_names import check_length, normalised
from stream.records.schema import (
    UNDECODABLE,
    BadEventError,
    Control,
    Event,
    Feedback,
    Headers,
    Input,
    shortened,
)

MAX_EVENT_BYTES = 1_000_000
"""Largest event value that is read, in bytes; larger ones are dead letters."""
MAX_KEY_BYTES = 100_000
"""Largest key of an event that is read, in bytes; predictions repeat it."""
MAX_LABELS = 1_000
"""Most labels (or known negatives) one event may name."""
MAX_ID_CHARACTERS = 1_000
"""Longest event id, in characters; predictions repeat it."""
MAX_NUMBER = float(np.finfo(np.float32).max)
"""Largest absolute number in a vector or a feature: the largest float32."""
MAX_DEPTH = 100
"""Deepest nesting of arrays and objects in an event, itself included."""
FEEDBACK_TYPE = b"ithaca.feedback"
"""Value of the `ce_type` header of a record that is feedback, whatever fields it has."""
CONTROL_TYPE = b"ithaca.control"
"""The same for a record that is a taxonomy operation."""

_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


class _Marks(msgspec.Struct):
    """The fields that identify a record as a control record if it is not an event."""

    operation: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_events = msgspec.json.Decoder(Event)
_controls = msgspec.json.Decoder(Control)
_marks = msgspec.json.Decoder(_Marks)


def decode_event(value: bytes | None) -> Event:
    """Return the event in a record's value.

    Raises
    ------
    BadEventError
        When there is none: says which field is wrong and what was got.

    Examples
    --------
    >>> decode_event(b'{"id": "1", "ts": 0, "text": "wheat up"}').text
    'wheat up'
    >>> decode_event(b'{"id": 7, "ts": 0}')
    Traceback (most recent call last):
    ...
    stream.records.schema.BadEventError: Expected `str`, got `int` - at `$.id`
    """
    event: Event = _read(value, _events)
    check_event(event)
    labels = None if event.labels is None else _normalised("labels", event.labels)
    negative = _normalised("not", event.not_)
    if labels == event.labels and negative == event.not_:
        return event
    return msgspec.structs.replace(event, labels=labels, not_=negative)


def decode_control(value: bytes | None) -> Control:
    """Return the operation on the taxonomy in a record's value; whether it is allowed, the taxonomy says.

    Raises
    ------
    BadEventError
        When there is none: says which field is wrong and what was got.

    Examples
    --------
    >>> decode_control(b'{"operation": "merge", "label": "topics/maize", "to": ["topics/corn"]}').label
    'topics/maize'
    >>> decode_control(b'{"operation": "marry", "label": "topics/maize"}')
    Traceback (most recent call last):
    ...
    stream.records.schema.BadEventError: operation is 'marry'; there are add, split, ...
    """
    control: Control = _read(value, _controls)
    if control.operation not in OPERATIONS:
        got = repr(shortened(control.operation, 64))
        raise BadEventError("value", f"operation is {got}; there are {', '.join(OPERATIONS)}")
    check_length("label", control.label)
    _check_labels("to", control.to)
    label, to = normalised("label", control.label), _normalised("to", control.to)
    return msgspec.structs.replace(control, label=label, to=to)


def decode(value: bytes | None, headers: Headers = (), envelope: Envelope | None = None) -> Input:
    """Return the event, the feedback or the operation on the taxonomy in a record.

    It is feedback if its last `ce_type` header is `ithaca.feedback`, or if it has labels (or known
    negatives), none of `text`, `features` and `vector`, and no field of another name. It is an operation
    if that header is `ithaca.control`, or if it has an `operation` and no `id`.

    Parameters
    ----------
    value, headers
        The record's.
    envelope
        What the value may be in; None (the default) makes an envelope a `BadEventError` that names it.

    Raises
    ------
    BadEventError
        As `decode_event` and `decode_control`, when a record that says it is feedback names no label, and
        when the record stands for what could not be decoded.

    Examples
    --------
    >>> decode(b'{"id": "1", "ts": 0, "text": "wheat up", "labels": ["grain"]}').labels
    ['grain']
    >>> type(decode(b'{"id": "1", "ts": 60, "labels": ["grain"]}')).__name__
    'Feedback'
    """
    said = dict(headers)
    if UNDECODABLE in said:
        raise BadEventError("undecodable", said[UNDECODABLE].decode(errors="replace"))
    declared = said.get("ce_type")
    if envelope is not None and value is not None:
        _check_bounds(value)
        value = unwrapped(value, envelope)
    if declared == CONTROL_TYPE:
        return decode_control(value)
    try:
        event = decode_event(value)
    except BadEventError as bad:
        # Checked only after a failure, so that it costs good events nothing.
        if declared != FEEDBACK_TYPE and bad.reason == "schema" and _is_control(value or b""):
            return decode_control(value)
        raise
    content = (event.text, event.features, event.vector)
    if declared != FEEDBACK_TYPE and not (event.teaches and content == (None, None, None)):
        return event
    if declared != FEEDBACK_TYPE and not check_is_feedback(value or b""):
        return event
    if not event.teaches:
        raise BadEventError("value", "this feedback has neither labels nor not: it says nothing")
    return Feedback(
        id=event.id, ts=event.ts, labels=event.labels, labels_complete=event.labels_complete, not_=event.not_
    )


def _read(value: bytes | None, decoder: msgspec.json.Decoder[Any]) -> Any:
    if value is None:
        raise BadEventError("tombstone", "the value is null; an event must be a JSON object")
    _check_bounds(value)
    value = value.removeprefix(codecs.BOM_UTF8)
    try:
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        raise BadEventError("schema", f"{error}{advice(value) if decoder is _events else ''}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadEventError("json", f"the value is not JSON: {error}") from error


def check_size(value: bytes, key: bytes | None = None) -> None:
    """Raise BadEventError when a record's value or key is larger than the limit."""
    if key is not None and len(key) > MAX_KEY_BYTES:
        raise BadEventError("size", f"the key has {len(key)} bytes; at most {MAX_KEY_BYTES} are read")
    if len(value) > MAX_EVENT_BYTES:
        raise BadEventError("size", f"the value has {len(value)} bytes; at most {MAX_EVENT_BYTES} are read")


def _is_control(value: bytes) -> bool:
    try:
        marks = _marks.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return marks.operation is not msgspec.UNSET and marks.id is msgspec.UNSET


def check_event(event: Event) -> None:
    """Raise BadEventError when a well-typed event has a value that cannot be used."""
    if not 1 <= len(event.id) <= MAX_ID_CHARACTERS:
        raise BadEventError("value", f"id has {len(event.id)} characters; an id has 1 to {MAX_ID_CHARACTERS}")
    _check_time(event)
    _check_labels("labels", event.labels or [])
    _check_labels("not", event.not_)
    if event.vector:
        _check_vector(event.vector)
    if event.features:
        _check_features(event.features)


def _check_bounds(value: bytes) -> None:
    """Raise BadEventError for what no decoder may be given: a value that is too large or too deep."""
    check_size(value)
    # The decoder's own bound is what is left of the caller's stack; an event must not be good in one
    # program and bad in another.
    if value.count(b"[") + value.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", value)):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise BadEventError("json", f"the value nests deeper than {MAX_DEPTH} arrays and objects")


def _check_time(event: Event) -> None:
    try:
        event.time  # noqa: B018
    except (ValueError, OverflowError) as error:
        got = repr(shortened(event.ts, 64)) if isinstance(event.ts, str) else event.ts
        raise BadEventError(
            "value", f"ts is {got}; write ISO 8601, or seconds or milliseconds since 1970"
        ) from error


def _check_labels(field: str, names: Collection[str]) -> None:
    if len(names) > MAX_LABELS:
        raise BadEventError("value", f"{field} has {len(names)} labels; at most {MAX_LABELS} are read")
    for position, name in enumerate(names):
        check_length(f"{field}[{position}]", name)


def _normalised(field: str, names: Sequence[str]) -> list[str]:
    return [normalised(f"{field}[{position}]", name) for position, name in enumerate(names)]


def _check_vector(vector: Collection[float]) -> None:
    wild = np.flatnonzero(~(np.abs(np.array(vector, dtype=np.float64)) <= MAX_NUMBER))
    if len(wild):
        position = int(wild[0])
        _check_number(f"vector[{position}]", list(vector)[position], "leave the event out")


def _check_features(features: Mapping[str, float | bool | str | None]) -> None:
    for name, value in features.items():
        check_length("a name in features", name)
        if isinstance(value, float):
            _check_number(f"features[{shortened(name, 64)!r}]", value, "use null for a missing number")


def _check_number(field: str, number: float, advice: str) -> None:
    if not -MAX_NUMBER <= number <= MAX_NUMBER:
        raise BadEventError(
            "value", f"{field} is {number}; only numbers up to {MAX_NUMBER:.3g} can be learned: {advice}"
        )
