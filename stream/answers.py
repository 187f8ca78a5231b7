"""What is written about a record: CloudEvents headers, and the dead letter of one that cannot be used."""

from __future__ import annotations

import datetime

from stream.events import BadEventError, Headers, Output, Record

PASSED_ON = ("traceparent", "tracestate")
"""Headers of a record that what comes of it has too."""


def headers(record: Record, kind: str, source: str, *, passed_on: bool = True) -> Headers:
    """Return the headers of something that comes of a record.

    Parameters
    ----------
    record
        The record.
    kind
        What comes of it; up to the first dot the type, all of it part of the id.
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


def dead_letter(record: Record, bad: BadEventError, source: str) -> Output:
    """Return a record as a dead letter: its own key, value and headers, with the reason behind these."""
    added: Headers = (
        *headers(record, "dead-letter", source, passed_on=False),
        ("ithaca_reason", bad.reason.encode()),
        ("ithaca_detail", bad.detail.encode()),
    )
    return Output("dlq", record.key, record.value, (*record.headers, *added))


def _rfc3339(milliseconds: int) -> str:
    # Producers may stamp a record with any 64-bit number; what no calendar holds becomes its epoch.
    try:
        time = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        time = datetime.datetime.fromtimestamp(0, datetime.UTC)
    return time.isoformat(timespec="milliseconds")
