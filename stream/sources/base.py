"""The interface of sources, and its two kinds: a list of events, and a table of vectors with labels."""

from __future__ import annotations

import codecs
import collections
import dataclasses
import gzip
import hashlib
import io
import itertools
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import msgspec
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from drift.core import Vector
from learners.core import Features, given_part, sparse_part
from stream.records import BadEventError, Event, Input, normalised, shortened


class SourceError(ValueError):
    """A file that cannot be read as a stream: the message names the fact, what was got and the next step."""


class Source(Protocol):
    """A finite stream whose messages can be read in any order.

    Attributes
    ----------
    name
        Its name in reports.
    problems
        Records that were left out because they are not events, one sentence each.
    """

    @property
    def name(self) -> str:
        """Its name in reports."""
        ...

    @property
    def problems(self) -> Sequence[str]:
        """Records that were left out because they are not events, one sentence each."""
        ...

    def __len__(self) -> int:
        """Return the number of messages."""
        ...

    def message(self, position: int) -> Input:
        """Return one message; an event's vector, if the source has one, comes from `vector`."""
        ...

    def vector(self, position: int) -> Vector | None:
        """Return one message's vector, or None where an encoder has to compute it from the event."""
        ...


@dataclasses.dataclass(frozen=True)
class EventList:
    """Events that are still to be encoded, feedback on them, and taxonomy operations."""

    name: str
    messages: Sequence[Input]
    problems: Sequence[str] = ()

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self.messages)

    def message(self, position: int) -> Input:
        """See `Source.message`."""
        return self.messages[position]

    def vector(self, position: int) -> None:
        """Return None: an encoder has to compute the vector."""


@dataclasses.dataclass(frozen=True)
class Table:
    """Vectors with label sets.

    Parameters
    ----------
    name
        Its name in reports.
    x
        One row per message, float32, dense or CSR; NaN is missing. Shape (n, d).
    y
        CSR, non-zero where a label is on. Shape (n, L).
    labels
        Names of the labels, in order of y's columns.
    negative
        For messages whose labels are not complete, by row: the known negatives.
    """

    name: str
    x: NDArray[np.float32] | scipy.sparse.csr_matrix
    y: scipy.sparse.csr_matrix
    labels: Sequence[str]
    negative: Mapping[int, list[str]] = dataclasses.field(default_factory=dict)
    problems: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Raise an error for parts that do not fit together."""
        rows, columns = self.y.shape
        if self.x.shape[0] != rows or len(self.labels) != columns:
            raise SourceError(
                f"{self.name} does not fit together: X has {self.x.shape[0]} rows, Y has {rows} rows and "
                f"{columns} columns, and {len(self.labels)} labels are named. Write all from the same data."
            )
        if twice := [name for name, times in collections.Counter(self.labels).items() if times > 1]:
            raise SourceError(
                f"{self.name} has {len(twice)} labels that are named more than once, such as "
                f"{shortened(twice[0], 64)!r}. Name each differently."
            )

    def __len__(self) -> int:
        """Return the number of messages."""
        return int(self.y.shape[0])

    def message(self, position: int) -> Event:
        """Return a message's labels; its id is its row."""
        on = self.y.indices[self.y.indptr[position] : self.y.indptr[position + 1]]
        negative = self.negative.get(position)
        return Event(
            id=str(position),
            ts=0.0,
            labels=[self.labels[label] for label in on.tolist()],
            labels_complete=negative is None,
            not_=negative or [],
        )

    def vector(self, position: int) -> Vector:
        """Return a message's vector of shape (d,); in a sparse table it is its own sparse part too."""
        if isinstance(self.x, np.ndarray):
            return np.asarray(self.x[position], dtype=np.float32)
        row = slice(self.x.indptr[position], self.x.indptr[position + 1])
        vector = np.zeros(self.x.shape[1], dtype=np.float32)
        vector[self.x.indices[row]] = self.x.data[row]
        part = sparse_part(vector)
        return Features(vector, part) if len(part.indices) else vector


def fingerprint(source: Source) -> str:
    """Return a digest of a stream's messages and vectors, in order: equal where a run would be the same."""
    running = hashlib.blake2b(digest_size=16)
    for position in range(len(source)):
        vector = source.vector(position)
        arrays = [] if vector is None else [vector, *(given_part(vector) or ())]
        parts = [msgspec.json.encode(source.message(position)), *(array.tobytes() for array in arrays)]
        for part in parts:
            running.update(len(part).to_bytes(8, "little") + part)
    return running.hexdigest()


def label_names(path: Path, names: Sequence[str]) -> list[str]:
    """Return the names of a file's labels as the service would write them.

    Raises
    ------
    SourceError
        When the service would refuse one of them.
    """
    try:
        return [normalised(f"label {number}", name) for number, name in enumerate(names, start=1)]
    except BadEventError as error:
        raise SourceError(f"{path}: {shortened(str(error), 400)}. Name it differently.") from error


def stem(path: Path) -> str:
    """Return a file's name without the endings of the formats that are read.

    Examples
    --------
    >>> stem(Path("emotions-train.ARFF.GZ"))
    'emotions-train'
    """
    return re.sub(r"(\.(arff|jsonl|ndjson))?(\.gz)?$", "", path.name, flags=re.IGNORECASE)


def read_lines(path: Path, limit: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Give the first `limit` lines of a text file that are not blank, and their numbers, from 1.

    Gzip is known by its first bytes or by the name. A line ends with LF, CR or both; a byte order mark is
    left out.

    Raises
    ------
    SourceError
        When a gzipped file breaks off or is none, or the text is UTF-16.
    """
    yield from itertools.islice(((number, line) for number, line in _lines(path) if line.strip()), limit)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with _opened(path) as file:
            # Latin-1 has a character for every byte, so that whatever the encoding is, lines come back whole.
            for number, line in enumerate(io.TextIOWrapper(file, encoding="latin-1"), start=1):
                raw = line.removesuffix("\n").encode("latin-1")
                if number == 1 and raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    raise SourceError(f"{path} is in UTF-16. Save it as UTF-8.")
                yield number, raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{path} cannot be unpacked: {error}. Fetch or gzip it again.") from error


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as file:
        packed = path.suffix.lower() == ".gz" or file.peek(2)[:2] == b"\x1f\x8b"
        yield cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file
