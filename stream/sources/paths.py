"""Selects the reader for a path."""

from __future__ import annotations

from pathlib import Path

from stream.records import Envelope
from stream.sources.arff import read_arff
from stream.sources.arrays import read_arrays
from stream.sources.base import Source, SourceError
from stream.sources.jsonl import read_jsonl

FORMATS = (
    "JSON lines (*.jsonl, *.jsonl.gz), Mulan or MEKA ARFF (*.arff, *.arff.gz), "
    "or a folder with X.npz and Y.npz or with events.jsonl(.gz)"
)


def open_source(
    path: str | Path,
    limit: int | None = None,
    labels: Path | None = None,
    envelope: Envelope | None = None,
) -> Source:
    """Read the stream at a path, as it is stored, at most its first `limit` messages.

    Parameters
    ----------
    path
        File or folder.
    limit
        Most messages; None (the default) takes all.
    labels
        For ARFF: names the labels, as Mulan's XML or a label a line; None (the default) looks beside it.
    envelope
        For JSON lines: what the events are in; None (the default): in nothing.

    Raises
    ------
    SourceError
        When nothing is there, its format is unknown, or it has no labelled message.
    """
    path = Path(path)
    if not path.exists():
        raise SourceError(f"There is nothing at {path}. Give the path of a stream: {FORMATS}.")
    source = _read(path, limit, labels, envelope)
    if not len(source):
        first = f" The first problem: {source.problems[0]}." if source.problems else ""
        raise SourceError(f"{path} holds no event.{first} Give a stream with at least one labelled event.")
    return source


def _read(path: Path, limit: int | None, labels: Path | None, envelope: Envelope | None) -> Source:
    if path.is_dir():
        if (path / "X.npz").exists():
            return read_arrays(path, limit)
        for name in ("events.jsonl.gz", "events.jsonl"):
            if (path / name).exists():
                return read_jsonl(path / name, limit, path.name, envelope)
    suffixes = path.name.lower().removesuffix(".gz")
    if suffixes.endswith((".jsonl", ".ndjson")):
        return read_jsonl(path, limit, envelope=envelope)
    if suffixes.endswith(".arff"):
        return read_arff(path, limit, labels)
    raise SourceError(f"{path} is in no format that is read. Read are {FORMATS}.")
