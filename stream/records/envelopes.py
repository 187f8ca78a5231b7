"""Envelopes that other systems put around an event, and what a value that is no event looks like.

References
----------
CloudEvents 1.0, "JSON Event Format"; Apache Kafka, `JsonConverter` with schemas enabled; Debezium, "Change
event structure".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from stream.records.schema import BadEventError

Envelope = Literal["cloudevents", "connect", "debezium"]
"""Those that can be unwrapped."""

CONTENT = ("text", "features", "vector")
"""Fields of an event that an encoder reads."""
_FIELDS = ("id", "ts", "labels", "labels_complete", "not", *CONTENT)
_MEANT = {
    "label": "labels",
    "tags": "labels",
    "categories": "labels",
    "classes": "labels",
    "timestamp": "ts",
    "time": "ts",
    "date": "ts",
    "created_at": "ts",
    "_id": "id",
    "key": "id",
    "body": "text",
    "content": "text",
    "message": "text",
    "data": "text",
}
"""What fields of other programs are called here."""

_Object = Mapping[str, msgspec.Raw]
_objects = msgspec.json.Decoder(dict[str, msgspec.Raw])


def unwrapped(value: bytes, envelope: Envelope) -> bytes:
    """Return what is in an envelope; a value that is not in one, as workers append it, comes back as it is.

    Raises
    ------
    BadEventError
        When Debezium says that a row was deleted.

    Examples
    --------
    >>> unwrapped(b'{"schema": {}, "payload": {"id": "1"}}', "connect")
    b'{"id": "1"}'
    """
    fields = fields_of(value)
    if envelope != envelope_of(fields):
        return value
    if envelope == "debezium":
        after = bytes(_payload(fields)["after"])
        if after == b"null":
            raise BadEventError("tombstone", "Debezium says that this row was deleted: nothing to label")
        return after
    return bytes(fields["data" if envelope == "cloudevents" else "payload"])


def envelope_of(fields: _Object) -> Envelope | None:
    """Return the envelope that an object with these fields is; None where it is none."""
    if {"specversion", "data"} <= fields.keys():
        return "cloudevents"
    if {"op", "after"} <= _payload(fields).keys():
        return "debezium"
    return "connect" if _is_connect(fields) else None


def _is_connect(fields: _Object) -> bool:
    return {"schema", "payload"} <= fields.keys()


def _payload(fields: _Object) -> _Object:
    """Return the fields of what Connect wraps, or those that were given; a row may have such columns too."""
    return fields_of(bytes(fields["payload"])) if _is_connect(fields) else fields


def fields_of(value: bytes) -> _Object:
    """Return the fields of a JSON object, unread; none of what is no object."""
    try:
        return _objects.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def advice(value: bytes) -> str:
    """Return what would make an event of a value that has the wrong fields; nothing where that is not plain.

    Examples
    --------
    >>> advice(b'{"id": "1", "text": "wheat up", "label": ["grain"]}')
    ': ts is missing; rename label to labels'
    """
    fields = fields_of(value)
    if envelope := envelope_of(fields):
        return f": it is in an envelope of {envelope}; set envelope = {envelope!r}, or send what is in it"
    missing = [f"{name} is missing" for name in ("id", "ts") if name not in fields]
    meant = {name: _MEANT.get(name.lower(), name.lower()) for name in fields if name not in _FIELDS}
    renamed = [f"rename {name} to {to}" for name, to in meant.items() if to in _FIELDS and to not in fields]
    found = [each for each in (*missing, *renamed) if fields]
    return f": {'; '.join(found)}" if found else ""


def check_is_feedback(value: bytes) -> bool:
    """Return whether a labelled record without content is feedback; False: an event whose content is missing.

    Raises
    ------
    BadEventError
        When it has another field, which may be content by another name.
    """
    fields = fields_of(value)
    other = [name for name in fields if name not in _FIELDS]
    if other and not any(name in fields for name in CONTENT):
        raise BadEventError(
            "schema",
            f"it has labels and none of {', '.join(CONTENT)}, but {other[0]!r}: rename that to what the "
            "encoder reads, or give feedback the header ce_type = ithaca.feedback",
        )
    return not any(name in fields for name in CONTENT)
