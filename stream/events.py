"""The records on the topics: what an event must look like, and what we say of it.

Everything is JSON, decoded into frozen structs. Whatever is wrong with an input becomes a `BadEvent`
that names the field and says what was got; the task turns it into a dead letter.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

MAX_EVENT_BYTES = 1_000_000
"""Largest event value that is read, in bytes; larger ones are dead letters."""
MAX_LABELS = 1_000
"""Most labels (or known negatives) one event may name."""
MAX_LABEL_CHARACTERS = 256
"""Longest label name, in characters."""

Headers = tuple[tuple[str, bytes], ...]


class Record(NamedTuple):
    """One record of an input topic, as the broker has it.

    Parameters
    ----------
    topic, partition, offset
        Where it stands.
    timestamp
        The broker's or producer's time stamp, in milliseconds since 1970.
    key, value
        Bytes, or None.
    headers
        Name and bytes, in order.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Output(NamedTuple):
    """One record to write.

    Parameters
    ----------
    kind
        Which of the stream's topics it goes to: "predictions", "drift" or "dlq".
    key, value, headers
        As in `Record`.
    """

    kind: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class BadEvent(ValueError):
    """An input record that cannot be used, and why.

    Parameters
    ----------
    reason
        One word for the kind of trouble, for counters: "json", "schema", "value", "size", "tombstone", "encoder".
    detail
        One sentence that names the field and says what was got.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event: something to label, perhaps with its labels.

    Parameters
    ----------
    id
        Names the event; predictions carry it.
    ts
        When it happened: ISO 8601, or seconds since 1970.
    text, features, vector
        What the encoder reads: text, named features (numbers, strings, null for missing) or numbers.
    labels
        The true labels; None (the default) when they are not known yet: predict only.
    labels_complete
        Whether labels not named are negative (the default) or unknown.
    not_
        Known negatives; `not` in JSON.
    """

    id: str
    ts: str | float
    text: str | None = None
    features: dict[str, float | bool | str | None] | None = None
    vector: list[float] | None = None
    labels: list[str] | None = None
    labels_complete: bool = True
    not_: list[str] = msgspec.field(default_factory=list, name="not")

    @property
    def negative(self) -> list[str] | None:
        """The known negatives, or None where every label not named is negative."""
        return None if self.labels is not None and self.labels_complete else self.not_

    @property
    def teaches(self) -> bool:
        """Whether there is anything to learn from it."""
        return self.labels is not None or bool(self.not_)


class Model(msgspec.Struct, frozen=True):
    """Which model made a prediction: messages learned and the hash chain over them."""

    updates: int
    digest: str


class PredictionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One prediction as it is written.

    Parameters
    ----------
    id
        The event's.
    labels
        Predicted labels.
    scores
        Probabilities of the likeliest labels and of every predicted one, best first.
    clusters
        Ids of the label clusters that the predicted labels live in.
    trained_through
        Per topic, the offset of the last record the model had learned from: always below the event's own.
    model, encoder, run
        What made it: the model, the encoder's name, the run's name.
    """

    id: str
    labels: list[str]
    scores: dict[str, float]
    clusters: list[int]
    trained_through: Mapping[str, int]
    model: Model
    encoder: str
    run: str


class DriftRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One drift event as it is written: which detector saw what, where, how much, and what was done."""

    detector: str
    scope: str
    subject: str
    statistic: float
    threshold: float
    window: int
    action: str
    p: float | None = None


_events = msgspec.json.Decoder(Event)
_encoder = msgspec.json.Encoder()


def encode(record: msgspec.Struct) -> bytes:
    """Return a record's JSON."""
    return _encoder.encode(record)


def decode_event(value: bytes | None) -> Event:
    """Return the event in a record's value.

    Raises
    ------
    BadEvent
        When there is none: says which field is wrong and what was got.

    Examples
    --------
    >>> decode_event(b'{"id": "1", "ts": 0, "text": "wheat up"}').text
    'wheat up'
    >>> decode_event(b'{"id": 7, "ts": 0}')
    Traceback (most recent call last):
    ...
    stream.events.BadEvent: Expected `str`, got `int` - at `$.id`
    """
    if value is None:
        raise BadEvent("tombstone", "the value is null; an event must be a JSON object")
    if len(value) > MAX_EVENT_BYTES:
        raise BadEvent("size", f"the value has {len(value)} bytes; at most {MAX_EVENT_BYTES} are read")
    try:
        event = _events.decode(value)
    except msgspec.ValidationError as error:
        raise BadEvent("schema", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadEvent("json", f"the value is not JSON: {error}") from error
    check_event(event)
    return event


def check_event(event: Event) -> None:
    """Raise BadEvent when a well-typed event has a value that cannot be used."""
    if not event.id:
        raise BadEvent("value", "id is empty; every event needs one")
    _check_time(event.ts)
    for field, names in (("labels", event.labels or []), ("not", event.not_)):
        _check_labels(field, names)
    for position, number in enumerate(event.vector or []):
        if not math.isfinite(number):
            raise BadEvent("value", f"vector[{position}] is {number}; only finite numbers can be encoded")
    for name, feature in (event.features or {}).items():
        if isinstance(feature, float) and not math.isfinite(feature):
            raise BadEvent("value", f"features[{name!r}] is {feature}; use null for a missing number")


def _check_time(ts: str | float) -> None:
    if isinstance(ts, str):
        try:
            datetime.datetime.fromisoformat(ts)
        except ValueError as error:
            raise BadEvent("value", f"ts is {ts[:64]!r}; write ISO 8601 or seconds since 1970") from error
    elif not math.isfinite(ts):
        raise BadEvent("value", f"ts is {ts}; write ISO 8601 or seconds since 1970")


def _check_labels(field: str, names: list[str]) -> None:
    if len(names) > MAX_LABELS:
        raise BadEvent("value", f"{field} names {len(names)} labels; at most {MAX_LABELS} are read")
    for position, name in enumerate(names):
        if not name or len(name) > MAX_LABEL_CHARACTERS:
            raise BadEvent(
                "value",
                f"{field}[{position}] has {len(name)} characters; a label has 1 to {MAX_LABEL_CHARACTERS}",
            )
