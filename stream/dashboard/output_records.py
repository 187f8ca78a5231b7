"""What the dashboard reads: one output record, wherever it was kept."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from stream.records import DriftRecord, LabelRecord, PartitionRecord, PredictionRecord, Record


class OutputRecord(NamedTuple):
    """One record that a worker or a replay wrote.

    Parameters
    ----------
    kind
        "prediction", "drift", "label-stats", "partition-stats" or "dead-letter".
    partition, offset
        Where the event stands that it comes from.
    time
        When it was written, in seconds since 1970; None where that is not known.
    event_time
        When the event was put on its topic; likewise.
    value
        Its JSON, if it has any.
    reason, detail
        Why a dead letter is one.
    """

    kind: str
    partition: int
    offset: int
    time: float | None = None
    event_time: float | None = None
    value: bytes | None = None
    reason: str = ""
    detail: str = ""


class NotOursError(ValueError):
    """A record that no worker wrote: what the dashboard leaves out."""


class _Line(msgspec.Struct):
    """A line of a replay's file; see `stream.replay.replay.Line`."""

    source: str
    value: msgspec.Raw = msgspec.Raw()
    reason: str = ""


predictions = msgspec.json.Decoder(PredictionRecord)
drift_events = msgspec.json.Decoder(DriftRecord)
labels = msgspec.json.Decoder(LabelRecord)
partitions = msgspec.json.Decoder(PartitionRecord)
_line = msgspec.json.Decoder(_Line)


def of_record(record: Record) -> OutputRecord:
    """Return a record of an output topic.

    Raises
    ------
    NotOursError
        When its headers do not say what it is.
    """
    # A dead letter carries its sender's headers first; of two with a name, ours is the later one.
    headers = dict(record.headers)
    kind, partition, offset = _source(headers.get("ce_id", b"").decode(errors="replace"))
    return OutputRecord(
        kind,
        partition,
        offset,
        record.timestamp / 1000,
        _time(headers),
        record.value,
        headers.get("ithaca_reason", b"").decode(errors="replace"),
        headers.get("ithaca_detail", b"").decode(errors="replace"),
    )


def of_line(line: bytes) -> OutputRecord:
    """Return a line of a replay's file.

    Raises
    ------
    NotOursError
        When it is none.
    """
    try:
        found = _line.decode(line)
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
