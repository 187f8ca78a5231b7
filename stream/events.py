"""The records on the topics: what an event must look like, and what we say of it.

Everything is JSON, decoded into frozen structs. Whatever is wrong with an input becomes a `BadEventError`
that names the field and says what was got; the task turns it into a dead letter.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec
import numpy as np

MAX_EVENT_BYTES = 1_000_000
"""Largest event value that is read, in bytes; larger ones are dead letters."""
MAX_LABELS = 1_000
"""Most labels (or known negatives) one event may name."""
MAX_NAME_CHARACTERS = 256
"""Longest name of a label or a feature, in characters."""
MAX_ID_CHARACTERS = 1_000
"""Longest event id, in characters; predictions repeat it."""
MAX_NUMBER = float(np.finfo(np.float32).max)
"""Largest size of a number in a vector or a feature: what float32 holds."""
MAX_DEPTH = 100
"""Deepest nesting of arrays and objects in an event, itself included."""
REASONS = ("json", "schema", "value", "size", "tombstone", "encoder")
"""Why input cannot be used: the reasons of a `BadEventError`, for counters that exist from the start."""
MAX_DETAIL_CHARACTERS = 400
"""Longest detail of a `BadEventError`, in characters: it travels in a header."""

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
        Which of the stream's topics it goes to: "predictions", "drift", "label-stats" or "dlq".
    key, value, headers
        As in `Record`.
    """

    kind: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class BadEventError(ValueError):
    """An input record that cannot be used, and why.

    Parameters
    ----------
    reason
        One word for the kind of trouble, for counters: one of `REASONS`.
    detail
        One sentence that names the field and says what was got. Kept to `MAX_DETAIL_CHARACTERS` and to
        characters that UTF-8 can carry, whatever the input was.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = _short(detail, MAX_DETAIL_CHARACTERS)
        super().__init__(self.detail)


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


class Truth(msgspec.Struct, frozen=True, omit_defaults=True):
    """The true labels that came with an event, and whether those are all."""

    labels: list[str]
    complete: bool = True


class Nearest(msgspec.Struct, frozen=True):
    """A past message that a prediction leans on: the how manieth learned one, its weight, its labels."""

    number: int
    weight: float
    labels: list[str]


class Why(msgspec.Struct, frozen=True):
    """What a prediction is made of.

    Parameters
    ----------
    labels
        The labels explained: predicted ones and the next likeliest.
    opinions, weights
        By expert, its probability of each of them and how much that counts.
    nearest
        The nearest past messages; `number` n is the event whose prediction has `model.updates` n.
    """

    labels: list[str]
    opinions: dict[str, list[float]]
    weights: dict[str, list[float]]
    nearest: list[Nearest]


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
    truth
        The true labels, where the event brought them: the prediction did not know them. None else.
    why
        What it is made of, where the learner can tell. None else.
    """

    id: str
    labels: list[str]
    scores: dict[str, float]
    clusters: list[int]
    trained_through: Mapping[str, int]
    model: Model
    encoder: str
    run: str
    truth: Truth | None = None
    why: Why | None = None


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


_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_events = msgspec.json.Decoder(Event)
_encoder = msgspec.json.Encoder()


def encode(record: msgspec.Struct) -> bytes:
    """Return a record's JSON."""
    return _encoder.encode(record)


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
    stream.events.BadEventError: Expected `str`, got `int` - at `$.id`
    """
    if value is None:
        raise BadEventError("tombstone", "the value is null; an event must be a JSON object")
    if len(value) > MAX_EVENT_BYTES:
        raise BadEventError("size", f"the value has {len(value)} bytes; at most {MAX_EVENT_BYTES} are read")
    _check_depth(value)
    try:
        event = _events.decode(value)
    except msgspec.ValidationError as error:
        raise BadEventError("schema", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadEventError("json", f"the value is not JSON: {error}") from error
    check_event(event)
    return event


def check_event(event: Event) -> None:
    """Raise BadEventError when a well-typed event has a value that cannot be used."""
    if not 1 <= len(event.id) <= MAX_ID_CHARACTERS:
        raise BadEventError("value", f"id has {len(event.id)} characters; an id has 1 to {MAX_ID_CHARACTERS}")
    _check_time(event.ts)
    _check_labels("labels", event.labels or [])
    _check_labels("not", event.not_)
    _check_vector(event.vector or [])
    _check_features(event.features or {})


def _check_depth(value: bytes) -> None:
    # The decoder's own bound is what is left of the caller's stack; an event must not be good in one
    # program and bad in another.
    if value.count(b"[") + value.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", value)):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise BadEventError("json", f"the value nests deeper than {MAX_DEPTH} arrays and objects")


def _check_time(ts: str | float) -> None:
    try:
        if isinstance(ts, str):
            datetime.datetime.fromisoformat(ts)
        else:
            _EPOCH + datetime.timedelta(seconds=ts)
    except (ValueError, OverflowError) as error:
        got = repr(_short(ts, 64)) if isinstance(ts, str) else ts
        raise BadEventError("value", f"ts is {got}; write ISO 8601 or seconds since 1970") from error


def _check_labels(field: str, names: Collection[str]) -> None:
    if len(names) > MAX_LABELS:
        raise BadEventError("value", f"{field} has {len(names)} labels; at most {MAX_LABELS} are read")
    for position, name in enumerate(names):
        _check_name(f"{field}[{position}]", name)


def _check_vector(vector: Collection[float]) -> None:
    wild = np.flatnonzero(~(np.abs(np.array(vector, dtype=np.float64)) <= MAX_NUMBER))
    if len(wild):
        position = int(wild[0])
        _check_number(f"vector[{position}]", list(vector)[position], "leave the event out")


def _check_features(features: Mapping[str, float | bool | str | None]) -> None:
    for name, value in features.items():
        _check_name("a name in features", name)
        if isinstance(value, float):
            _check_number(f"features[{_short(name, 64)!r}]", value, "use null for a missing number")


def _check_name(field: str, name: str) -> None:
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS:
        raise BadEventError(
            "value", f"{field} has {len(name)} characters; a name has 1 to {MAX_NAME_CHARACTERS}"
        )


def _check_number(field: str, number: float, advice: str) -> None:
    if not -MAX_NUMBER <= number <= MAX_NUMBER:
        raise BadEventError(
            "value", f"{field} is {number}; only numbers up to {MAX_NUMBER:.3g} can be learned: {advice}"
        )


def _short(text: str, most: int) -> str:
    text = text if len(text) <= most else f"{text[: most - 1]}…"
    return text.encode(errors="replace").decode()
