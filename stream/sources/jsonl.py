"""JSON lines: an event, feedback or taxonomy operation per line, as on the events topic."""

from __future__ import annotations

from pathlib import Path

from stream.records import BadEventError, Envelope, Input, decode
from stream.sources.base import EventList, read_lines


def read_jsonl(
    path: Path, limit: int | None = None, name: str | None = None, envelope: Envelope | None = None
) -> EventList:
    """Read the first `limit` lines of a JSON lines file, gzipped or not.

    A line that is not an event is left out and reported in `problems`, as the service would send it to the
    dead-letter topic and go on.

    Raises
    ------
    SourceError
        When the file is truncated, or is not gzipped although its name says so.
    """
    messages: list[Input] = []
    problems: list[str] = []
    for number, line in read_lines(path, limit):
        try:
            messages.append(decode(line, envelope=envelope))
        except BadEventError as bad:
            problems.append(f"line {number}: {bad.detail}")
    return EventList(name or path.name, messages, problems)
