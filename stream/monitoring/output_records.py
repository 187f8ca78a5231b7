"""Records as the dashboard reads them: what workers wrote, and the events and labels that came in."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from stream.records import (
    DEFAULT_LIMITS,
    BadEventError,
    DriftRecord,
    Envelope,
    Event,
    Feedback,
    LabelRecord,
    Limits,
    PartitionRecord,
    PredictionRecord,
    Record,
    TriageRecord,
    decode,
)


class OutputRecord(NamedTuple):
    """One record that a worker or a replay wrote.

    Parameters
    ----------
    kind
        "prediction", "drift", "finding", "label-stats", "partition-stats" or "dead-letter".
    partition, offset
        Position of the event that the record belongs to.
    time
        When it was written, in seconds since 1970; None if unknown.
    event_time
        When the event was written to its topic; likewise.
    value
        Its value as JSON, if it has one.
    reason, detail
        Reason and detail of a dead letter.
    shared
        Whether the position is on the lessons that all partitions share.
    at
        Its own offset on its topic; None in a file.
    source
        The topic that `offset` is on, where it is a dead letter.
    """

    kind: str
    partition: int
    offset: int
    time: float | None = None
    event_time: float | None = None
    value: bytes | None = None
    reason: str = ""
    detail: str = ""
    shared: bool = False
    at: int | None = None
    source: str = ""


class InputRecord(NamedTuple):
    """One record of the events topic.

    Parameters
    ----------
    partition, offset
        Its position.
    time
        When it was written, in seconds since 1970.
    message
        The event, or the feedback, in it.
    """

    partition: int
    offset: int
    time: float
    message: Event | Feedback


class TriageEntry(NamedTuple):
    """A record of the triage topic: its key, and the decision; None where it was taken back."""

    key: str
    decision: TriageRecord | None


class NotOursError(ValueError):
    """A record that no worker wrote; the dashboard skips it."""


class _Line(msgspec.Struct):
    """A line of a replay's file; see `stream.replay.replay.Line`."""

    source: str
    value: msgspec.Raw = msgspec.Raw()
    reason: str = ""


prediction_decoder = msgspec.json.Decoder(PredictionRecord)
drift_decoder = msgspec.json.Decoder(DriftRecord)
label_decoder = msgspec.json.Decoder(LabelRecord)
partition_decoder = msgspec.json.Decoder(PartitionRecord)
_triage_decoder = msgspec.json.Decoder(TriageRecord)
_line_decoder = msgspec.json.Decoder(_Line)


def of_record(record: Record) -> OutputRecord:
    """Parse a record of an output topic.

    Raises
    ------
    NotOursError
        When its headers do not name its kind.
    """
    headers = dict(record.headers)
    ce_id = headers.get("ce_id", b"").decode(errors="replace")
    kind, partition, offset = _source(ce_id)
    origin = ce_id.rsplit("/", 3)[0]
    return OutputRecord(
        kind,
        partition,
        offset,
        record.timestamp / 1000,
        _time(headers),
        record.value,
        headers.get("ithaca_reason", b"").decode(errors="replace"),
        headers.get("ithaca_detail", b"").decode(errors="replace"),
        origin.endswith(".lessons"),
        record.offset,
        origin,
    )


def of_input(
    record: Record, envelope: Envelope | None = None, limits: Limits = DEFAULT_LIMITS
) -> InputRecord | None:
    """Parse a record of the events topic; None where a worker takes it for neither an event nor feedback."""
    try:
        message = decode(record.value, record.headers, envelope)
        limits.check(message)
    except BadEventError:
        return None  # The worker writes it as a dead letter, which is read too.
    if not isinstance(message, Event | Feedback):
        return None
    return InputRecord(record.partition, record.offset, record.timestamp / 1000, message)


def of_triage(record: Record) -> TriageEntry:
    """Parse a record of the triage topic.

    Raises
    ------
    NotOursError
        When it is none.
    """
    try:
        decision = _triage_decoder.decode(record.value) if record.value else None
        return TriageEntry((record.key or b"").decode(), decision)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotOursError(f"no record of the triage topic: {error}") from error


def of_line(line: bytes) -> OutputRecord:
    """Parse a line of a replay's file.

    Raises
    ------
    NotOursError
        When it is not such a line.
    """
    try:
        found = _line_decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotOursError(f"not a replay's line: {error}") from error
    return OutputRecord(*_source(found.source), value=bytes(found.value), reason=found.reason)


def _source(ce_id: str) -> tuple[str, int, int]:
    parts = ce_id.rsplit("/", 3)
    try:
        _, partition, offset, kind = parts
        return kind.partition(".")[0], int(partition), int(offset)
    except ValueError as error:
        raise NotOursError(f"the header ce_id is {ce_id!r}, not topic/partition/offset/kind") from error


def _time(headers: Mapping[str, bytes]) -> float | None:
    try:
        return datetime.datetime.fromisoformat(headers["ce_time"].decode()).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None
