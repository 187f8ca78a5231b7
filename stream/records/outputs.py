"""Records to write, with key, encoded value and CloudEvents headers; one function per kind of output."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from drift.alarms import FINDINGS, Alarm
from stream.records.drift_events import drift_record
from stream.records.label_records import LabelRecord, PartitionRecord
from stream.records.lessons import Shared
from stream.records.predictions import PredictionRecord
from stream.records.schema import BadEventError, Control, Headers, Output, Record, encode
from stream.records.triage import TriageRecord

PASSED_ON = ("traceparent", "tracestate")
"""Headers of a record that what comes of it has too."""
LONGEST_PASSED_ON = 1_000
"""Most bytes of such a header; longer ones, which are no trace, are left out."""
RESENT = "ithaca_resent"
"""Header of a record that was a dead letter: the topic, partition and offset of that."""
ORIGINAL = "ithaca_original_"
"""What the names of a dead letter's own headers begin with: under them it would be read as what it was."""
CONTENT_TYPE = "content-type"
JSON_VALUE: Headers = ((CONTENT_TYPE, b"application/json"),)
"""Header of a record whose value is JSON."""


def headers(record: Record, kind: str, source: str, described: Headers = JSON_VALUE) -> Headers:
    """Return the headers of something that comes of a record.

    Parameters
    ----------
    record
        The record.
    kind
        The kind of output; its part before the first dot is the type, all of it is part of the id.
    source
        CloudEvents source.
    described
        What the value is; JSON by default.
    """
    ours = (
        ("ce_specversion", b"1.0"),
        ("ce_id", f"{record.topic}/{record.partition}/{record.offset}/{kind}".encode()),
        ("ce_type", f"ithaca.{kind.partition('.')[0]}".encode()),
        ("ce_source", source.encode()),
        ("ce_time", _rfc3339(record.timestamp).encode()),
    )
    kept = [
        header for header in record.headers if header[0] in PASSED_ON and len(header[1]) <= LONGEST_PASSED_ON
    ]
    return (*ours, *described, *kept)


def dead_letter_output(record: Record, bad: BadEventError, source: str) -> Output:
    """Return a record as a dead letter: its own key and value, the reason, and its headers by other names."""
    reason = (("ithaca_reason", bad.reason.encode()), ("ithaca_detail", bad.detail.encode()))
    own = ((ORIGINAL + name, value) for name, value in record.headers if name not in PASSED_ON)
    ours = headers(record, "dead-letter", source, ((CONTENT_TYPE, b"application/octet-stream"),))
    return Output("dlq", record.key, record.value, (*ours, *reason, *own))


def resent_output(letter: Record, value: bytes | None) -> Output:
    """Return a dead letter as what it was: for its own topic and partition, with its key and headers.

    Parameters
    ----------
    letter
        The dead letter.
    value
        Its value, mended; or as it was.

    Examples
    --------
    >>> record = Record("news.events", 1, 7, 0, b"a", b"{", (("ce_type", b"my.event"),))
    >>> letter = dead_letter_output(record, BadEventError("json", "not JSON"), "/test")
    >>> resent = resent_output(Record("news.dlq", 1, 3, 0, letter.key, letter.value, letter.headers), b"{}")
    >>> resent.kind, resent.partition, resent.headers
    ('events', 1, (('ce_type', b'my.event'), ('ithaca_resent', b'news.dlq/1/3')))
    """
    ce_id = dict(letter.headers).get("ce_id", b"").decode(errors="replace")
    source, partition, _, _ = ce_id.rsplit("/", 3)
    own = [
        (name.removeprefix(ORIGINAL), content)
        for name, content in letter.headers
        if name.startswith(ORIGINAL) or name in PASSED_ON
    ]
    kept = [header for header in own if header[0] != RESENT]
    here = f"{letter.topic}/{letter.partition}/{letter.offset}".encode()
    return Output(source.rpartition(".")[2], letter.key, value, (*kept, (RESENT, here)), int(partition))


def triage_output(key: bytes, decision: TriageRecord | None) -> Output:
    """Return a decision under its key; None takes it back."""
    return Output("triage", key, None if decision is None else encode(decision), JSON_VALUE, 0)


def forwarded_output(record: Record, kind: bytes, partition: int) -> Output:
    """Return a record of another topic as one of the events; `kind` is the `ce_type` that it gets there."""
    origin = f"{record.topic}/{record.partition}/{record.offset}".encode()
    ours = {"ithaca_origin": origin, "ce_type": kind}
    own = [header for header in record.headers if header[0] not in ours]
    described = () if CONTENT_TYPE in dict(own) else JSON_VALUE
    return Output("events", record.key, record.value, (*own, *ours.items(), *described), partition)


def control_output(control: Control) -> Output:
    """Return an operation on the taxonomy, as people write it."""
    return Output("control", None, encode(control), JSON_VALUE)


def prediction_output(record: Record, prediction: PredictionRecord, source: str) -> Output:
    """Return a prediction, under its event's key."""
    return Output("predictions", record.key, encode(prediction), headers(record, "prediction", source))


def lesson_output(record: Record, shared: Shared, kind: str, source: str) -> Output:
    """Return a record of the lessons topic, which has one partition, where order is total."""
    return Output("lessons", record.key, encode(shared), headers(record, kind, source), 0)


def drift_output(record: Record, alarm: Alarm, name: str, source: str) -> Output:
    """Return the drift event, or the finding, that reports an alarm.

    `name` tells it from others of the same record.
    """
    kind = "finding" if alarm.scope in FINDINGS else "drift"
    described = headers(record, f"{kind}.{name}", source)
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
