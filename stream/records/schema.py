"""Input records (events, feedback, taxonomy operations), and the frame of any record.

All values are JSON, in frozen structs. `decoding` reads and checks what comes in; whatever is wrong with it
becomes a `BadEventError`, and the task turns that into a dead letter. What is written has modules of its own:
`predictions`, `drift_events`, `label_records`.
"""

from __future__ import annotations

import datetime
import functools
import re
from typing import Annotated, NamedTuple

import msgspec
import numpy as np

MAX_DETAIL_CHARACTERS = 400
"""Longest detail of a `BadEventError`, in characters, as it is written to a header."""

UNDECODABLE = "ithaca_undecodable"
"""Header of a record that stands for undecodable ones: says which offsets, and why."""

Headers = tuple[tuple[str, bytes], ...]

Count = Annotated[int, msgspec.Meta(ge=0)]
"""A number of something, or an offset."""
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
"""A probability, or a part of a whole."""


class Record(NamedTuple):
    """One record of an input topic, as read from the broker.

    Parameters
    ----------
    topic, partition, offset
        Its position.
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


class Position(msgspec.Struct, frozen=True):
    """Where a record stands."""

    topic: str
    partition: Count
    offset: Count


class Output(NamedTuple):
    """One record to write.

    Parameters
    ----------
    kind
        Which of the stream's topics it goes to: "predictions", "drift", "label-stats" or "dlq".
    key, value, headers
        As in `Record`.
    partition
        Where to; None (the default) is the partition of the record that it comes of.
    """

    kind: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None


REASONS = (
    "json",
    "schema",
    "value",
    "size",
    "limit",
    "tombstone",
    "undecodable",
    "encoder",
    "control",
    "learner",
)
"""Reasons for which an event cannot be used, in one word each."""


class BadEventError(ValueError):
    """An input record that cannot be used, and why.

    Parameters
    ----------
    reason
        One of `REASONS`, for counters.
    detail
        One sentence that names the field and what was got. Limited to `MAX_DETAIL_CHARACTERS` and to
        characters that UTF-8 can carry, whatever the input was.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = shortened(detail, MAX_DETAIL_CHARACTERS)
        super().__init__(self.detail)


MILLISECONDS, TOO_LARGE = 1e11, 1e13
"""Numbers from the first on are times in milliseconds (in seconds the year 5138); from the second on none."""

READ_AHEAD = 4096
"""Times of the last so many events that are kept as they were read, longer than a batch."""
_NUMBER = re.compile(r"(\d{10}|\d{13})(\.\d*)?")
"""Seconds or milliseconds of this century, as a string."""
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """The common fields of events and feedback: the event's id, and its labels.

    Parameters
    ----------
    id
        Id of the event; predictions repeat it.
    ts
        When it happened: ISO 8601 (UTC where it names no zone), or seconds or milliseconds since 1970.
    labels
        The true labels; None (the default) when they are not known yet.
    labels_complete
        Whether labels not named are negative (the default) or unknown.
    not_
        Known negatives; `not` in JSON.
    """

    id: str
    ts: str | float
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
        return bool(self.labels or self.not_) or self.negative is None

    @property
    def seconds(self) -> float:
        """`ts` in seconds since 1970."""
        return self.time.timestamp()

    @property
    def time(self) -> datetime.datetime:
        """`ts` as a time in UTC.

        Raises
        ------
        ValueError, OverflowError
            When it is none, or one that no calendar holds.
        """
        return _time_of(self.ts)


@functools.lru_cache(maxsize=READ_AHEAD)
def _time_of(ts: str | float) -> datetime.datetime:
    # An event's time is asked for as it is checked, as it is kept, and as its prediction is written.
    if isinstance(ts, str) and not _NUMBER.fullmatch(ts):
        # Python's reader finds a date in most strings of digits; only one of eight digits is one.
        if ts.isdigit() and len(ts) != len("20260131"):
            raise ValueError("neither a date nor a number of seconds or milliseconds")
        moment = datetime.datetime.fromisoformat(ts)
        return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).astimezone(datetime.UTC)
    number = float(ts)
    if abs(number) >= TOO_LARGE:
        raise OverflowError("finer than milliseconds, or a calendar's digits")
    return _EPOCH + datetime.timedelta(seconds=number if abs(number) < MILLISECONDS else number / 1000)


class Event(Labelled, frozen=True, kw_only=True):
    """One event: something to label, perhaps with its labels; without any it is predicted only.

    Parameters
    ----------
    text, features, vector
        What the encoder reads: text, named features (numbers, strings, null for missing) or numbers.
    """

    text: str | None = None
    features: dict[str, float | bool | str | None] | None = None
    vector: list[float] | None = None


class Feedback(Labelled, frozen=True, kw_only=True):
    """Labels that arrive later than their event, or correct earlier ones.

    `ts` is when they became known.
    """


class Control(msgspec.Struct, frozen=True, omit_defaults=True):
    """An operation on the taxonomy of the labels, as it is written; see `learners.core.Operation`.

    Parameters
    ----------
    operation
        The kind of operation.
    label
        Path of the label that it changes.
    to
        The result; the number of names depends on the kind.
    """

    operation: str
    label: str
    to: list[str] = msgspec.field(default_factory=list)


Input = Event | Feedback | Control
"""The content of a valid record on the events topic."""


def _as_python_number(value: object) -> object:
    # numpy's float64 passes as a float for a type checker, but not for the encoder.
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"a {type(value).__name__} has no place in a record")


_encoder = msgspec.json.Encoder(enc_hook=_as_python_number)


def encode(record: msgspec.Struct) -> bytes:
    """Return a record's JSON."""
    return _encoder.encode(record)


def shortened(text: str, most: int) -> str:
    """Return a text cut to so many characters, all of which can be encoded as UTF-8."""
    text = text if len(text) <= most else f"{text[: most - 1]}…"
    return text.encode(errors="replace").decode()
