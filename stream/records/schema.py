"""The records on the topics: what an event looks like, and what we say of it.

Everything is JSON, in frozen structs; `stream.records.decoding` reads and judges what comes in. Whatever is
wrong with an input becomes a `BadEventError`; the task turns it into a dead letter.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np

MAX_DETAIL_CHARACTERS = 400
"""Longest detail of a `BadEventError`, in characters: it travels in a header."""

LISTED = 10
"""How many of a prediction's best scores are kept at least; P@k and partial labels are scored on these."""

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
    partition
        Where to; None (the default) is the partition of the record that it comes of.
    """

    kind: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None


REASONS = ("json", "schema", "value", "size", "tombstone", "encoder", "control", "learner")
"""What can be wrong with an event, in one word each."""


class BadEventError(ValueError):
    """An input record that cannot be used, and why.

    Parameters
    ----------
    reason
        One of `REASONS`, for counters.
    detail
        One sentence that names the field and says what was got. Kept to `MAX_DETAIL_CHARACTERS` and to
        characters that UTF-8 can carry, whatever the input was.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = short(detail, MAX_DETAIL_CHARACTERS)
        super().__init__(self.detail)


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """What events and feedback have in common: whose labels, and what is said of them.

    Parameters
    ----------
    id
        Names the event; predictions carry it.
    ts
        When it happened: ISO 8601 (UTC where it names no zone), or seconds since 1970.
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
        if not isinstance(self.ts, str):
            return float(self.ts)
        moment = datetime.datetime.fromisoformat(self.ts)
        return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()


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
    """Labels that come later than their event, or correct what was said of it before.

    `ts` is when they became known.
    """


class Control(msgspec.Struct, frozen=True, omit_defaults=True):
    """An operation on the taxonomy of the labels, as it is written; see `learners.core.Operation`.

    Parameters
    ----------
    operation
        Its kind.
    label
        Path of the label that it changes.
    to
        What it becomes; as many as the kind takes.
    """

    operation: str
    label: str
    to: list[str] = msgspec.field(default_factory=list)


Input = Event | Feedback | Control
"""What a good record of the events topic holds."""


class Model(msgspec.Struct, frozen=True):
    """Which model made a prediction: messages learned and the hash chain over them."""

    updates: int
    digest: str


class TrueLabels(msgspec.Struct, frozen=True, omit_defaults=True):
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


class Sure(msgspec.Struct, frozen=True):
    """How sure a prediction is.

    Parameters
    ----------
    labels
        The labels that cannot be excluded, likeliest first: the conformal set.
    reject
        Whether the predicted labels should not be relied on.
    """

    labels: list[str]
    reject: bool


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
    confidence
        How sure it is. None where that is switched off.
    """

    id: str
    labels: list[str]
    scores: dict[str, float]
    clusters: list[int]
    trained_through: Mapping[str, int]
    model: Model
    encoder: str
    run: str
    truth: TrueLabels | None = None
    why: Why | None = None
    confidence: Sure | None = None


class DriftRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One drift event as it is written; see `drift.alarms.Alarm`.

    Parameters
    ----------
    control
        The control record that was applied, or that is proposed, as `action` says.
    """

    detector: str
    scope: str
    subject: str
    statistic: float
    threshold: float
    window: int
    action: str
    p: float | None = None
    since: int | None = None
    before: float | None = None
    after: float | None = None
    control: Control | None = None


def _plain(value: object) -> object:
    # numpy's float64 is a float to a type checker, and none to the encoder.
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"a {type(value).__name__} has no place in a record")


_encoder = msgspec.json.Encoder(enc_hook=_plain)


def encode(record: msgspec.Struct) -> bytes:
    """Return a record's JSON."""
    return _encoder.encode(record)


def short(text: str, most: int) -> str:
    """Return a text cut to so many characters, all of which UTF-8 can carry."""
    text = text if len(text) <= most else f"{text[: most - 1]}…"
    return text.encode(errors="replace").decode()
