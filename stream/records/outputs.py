"""Records to write, with key, encoded value and CloudEvents headers; one function per kind of output."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from drift.alarms import Alarm
from stream.records.drift_events import drift_record
from stream.records.label_records import LabelRecord, PartitionRecord
from stream.records.lessons import Shared
from stream.records.predictions import PredictionRecord
from stream.records.schema import BadEventError, Headers, Output, Record, encode

PASSED_ON = ("traceparent", "tracestate")
"""Headers of a record that what comes of it has too."""


def headers(record: Record, kind: str, source: str, *, passed_on: bool = True) -> Headers:
    """Return the headers of something that comes of a record.

    Parameters
    ----------
    record
        The record.
    kind
        The kind of output; its part before the first dot is the type, all of it is part of the id.
    source
        CloudEvents source.
    passed_on
        Whether the record's trace context goes with it.
    """
    ours = (
        ("ce_specversion", "1.0"),
        ("ce_id", f"{record.topic}/{record.partition}/{record.offset}/{kind}"),
        ("ce_type", f"ithaca.{kind.partition('.')[0]}"),
        ("ce_source", source),
        ("ce_time", _rfc3339(record.timestamp)),
    )
    kept = [header for header in record.headers if passed_on and header[0] in PASSED_ON]
    return (*((name, value.encode()) for name, value in ours), *kept)


def dead_letter_output(record: Record, bad: BadEventError, source: str) -> Output:
    """Return a record as a dead letter: its own key, value and headers, with the reason behind these."""
    added: Headers = (
        *headers(record, "dead-letter", source, passed_on=False),
        ("ithaca_reason", bad.reason.encode()),
        ("ithaca_detail", bad.detail.encode()),
    )
    return Output("dlq", record.key, record.value, (*record.headers, *added))


def prediction_output(record: Record, prediction: PredictionRecord, source: str) -> Output:
    """Return a prediction, under its event's key."""
    return Output("predictions", record.key, encode(prediction), headers(record, "prediction", source))


def lesson_output(record: Record, shared: Shared, kind: str, source: str) -> Output:
    """Return a record of the lessons topic, which has one partition, where order is total."""
    return Output("lessons", record.key, encode(shared), headers(record, kind, source), 0)


def drift_output(record: Record, alarm: Alarm, name: str, source: str) -> Output:
    """Return the drift event that reports an alarm; `name` tells it from others of the same record."""
    described = headers(record, f"drift.{name}", source)
    return Output("drift", alarm.subject.encode(), encode(drift_record(alarm)), described)


def statistics_outputs(
    record: Record, labels: Iterable[LabelRecord], partition: PartitionRecord, source: str
) -> list[Output]:
    """Return the statistics of some labels, under their names, and of the partition."""
    outputs = [
        Output(
            "label-stats",
            each.label.encode(),
            encode(each),
            headers(record, f"label-stats.{position}", source),
        )
        for position, each in enumerate(labels)
    ]
    described = headers(record, "partition-stats", source)
    return [*outputs, Output("label-stats", b"", encode(partition), described)]


def _rfc3339(milliseconds: int) -> str:
    # Producers may set any 64-bit time stamp; one outside the calendar becomes the epoch.
    try:
        time = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        time = datetime.datetime.fromtimestamp(0, datetime.UTC)
    return time.isoformat(timespec="milliseconds")
