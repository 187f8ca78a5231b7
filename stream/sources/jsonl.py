"""JSON lines: an event, feedback or taxonomy operation per line, as on the events topic."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

from stream.records import BadEventError, Input, decode
from stream.sources.base import EventList, SourceError


def read_jsonl(path: Path, limit: int | None = None, name: str | None = None) -> EventList:
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
    for number, line in _lines(path, limit):
        try:
            messages.append(decode(line))
        except BadEventError as bad:
            problems.append(f"line {number}: {bad.detail}")
    return EventList(name or path.name, messages, problems)


def _lines(path: Path, limit: int | None) -> Iterator[tuple[int, bytes]]:
    taken = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if taken == limit:
                    return
                if line.strip():
                    taken += 1
                    yield number, line.rstrip(b"\r\n")
    except (EOFError, gzip.BadGzipFile) as error:
        raise SourceError(f"{path} cannot be unpacked: {error}. Fetch or gzip it again.") from error
