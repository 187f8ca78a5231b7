"""Multi-label ARFF, dense and sparse, in the dialects of Mulan and of MEKA.

Both are Weka's attribute-relation format; they differ in how the labels are named. Mulan keeps an XML
file of the same name beside it; MEKA writes `-C n` into the relation's name: the first n attributes are
labels, or the last n where n is negative. Numbers stay as they are, nominal values become the index of
the value, `?` becomes NaN; what a sparse row leaves out is 0, which is a nominal's first value. A label
that is `?` is unknown.

References
----------
.. [1] G. Tsoumakas et al., "Mulan: a Java library for multi-label learning", JMLR 12, 2011.
.. [2] J. Read et al., "MEKA: a multi-label/multi-target extension to Weka", JMLR 17, 2016.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from stream.sources.base import SourceError, Table, open_text

_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_NAME = re.compile(rf"({_QUOTED}|[^\s{{]+)\s*(.*)")
_FIELD = re.compile(rf"((?:{_QUOTED}|[^,'\"])*)(?:,|$)")
_MEKA = re.compile(r"-C\s+(-?\d+)")
_LABEL_VALUES = (("0", "1"), ("false", "true"), ("0",), None)

Row = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Columns and values of the non-zero entries."""


@dataclasses.dataclass(frozen=True)
class Attribute:
    """One column: its name and, where it is nominal, the index of each of its values."""

    name: str
    codes: dict[str, int] | None

    def number(self, text: str) -> float:
        """Return a value as a number: the index of a nominal one, NaN for a missing one."""
        if text == "?":
            return float("nan")
        if self.codes is None:
            return float(text)
        code = self.codes.get(_unquoted(text))
        if code is None:
            raise ValueError(f"{self.name} is {text}, which is none of its values")
        return code


@dataclasses.dataclass(frozen=True)
class Header:
    """The part of a file before `@data`."""

    relation: str
    attributes: list[Attribute]


def read_arff(path: Path, limit: int | None = None) -> Table:
    """Read the first `limit` rows of a multi-label ARFF file, gzipped or not.

    Raises
    ------
    SourceError
        When it is not ARFF, does not name its labels, or has a row that does not fit its
        header; the message names the line.
    """
    with open_text(path) as file:
        lines = _Lines(path, file)
        header = _read_header(lines)
        labels = _label_columns(path, header)
        values = _read_rows(lines, header.attributes, limit)
    names = [header.attributes[label].name for label in labels]
    y, negative = _truth(path, values[:, labels], names)
    x = values[:, np.setdiff1d(np.arange(len(header.attributes)), labels)]
    # A stored value takes twice the memory in CSR. Vectors from CSR are their own sparse part.
    dense = 2 * x.nnz > x.shape[0] * x.shape[1]
    name = path.name.removesuffix(".gz").removesuffix(".arff")
    return Table(name, x.toarray() if dense else x, y, names, negative)


class _Lines:
    """The lines with content; errors name the last one read."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path = path
        self._numbered = enumerate(file, start=1)
        self._number = 0

    def __iter__(self) -> Iterator[str]:
        for number, raw in self._numbered:
            self._number = number
            line = raw.strip()
            if line and not line.startswith("%"):
                yield line

    def error(self, sentence: str) -> SourceError:
        return SourceError(f"{self._path}, line {self._number}: {sentence}")


def _read_header(lines: _Lines) -> Header:
    relation = ""
    attributes: list[Attribute] = []
    for line in lines:
        keyword, *rest = line.split(None, 1)
        match keyword.lower(), rest:
            case "@relation", [text]:
                relation = text
            case "@attribute", [text]:
                attributes.append(_attribute(lines, text))
            case "@data", []:
                return Header(relation, attributes)
            case _:
                raise lines.error(
                    f"got {line[:40]!r}, expected @relation, @attribute or @data. Is it an ARFF file?"
                )
    raise lines.error("the file ends before @data. Is it a whole ARFF file?")


def _attribute(lines: _Lines, text: str) -> Attribute:
    match = _NAME.fullmatch(text)
    name, kind = (_unquoted(match[1]), match[2].strip()) if match else (text, "")
    if kind.startswith("{") and kind.endswith("}"):
        values = [_unquoted(value) for value in _fields(kind[1:-1])]
        return Attribute(name, {value: code for code, value in enumerate(values)})
    if kind.lower().split(" ")[0] in ("numeric", "real", "integer"):
        return Attribute(name, None)
    raise lines.error(
        f"attribute {name!r} is of type {kind[:40]!r}; numeric and nominal ones can be read. Turn text into "
        "numbers first (Weka's StringToWordVector), or write the stream as JSON lines with `text`."
    )


def _label_columns(path: Path, header: Header) -> list[int]:
    stem = path.name.removesuffix(".gz").removesuffix(".arff")
    beside = path.with_name(f"{stem}.xml")
    if beside.exists():
        columns = _mulan_columns(beside, header.attributes)
    elif meka := _MEKA.search(header.relation):
        columns = _meka_columns(path, int(meka[1]), len(header.attributes))
    else:
        raise SourceError(
            f"{path} does not say which attributes are labels. Put Mulan's {beside.name} beside it, or write "
            "MEKA's `-C n` into the relation's name (the first n attributes are labels, the last n if n < 0)."
        )
    for column in columns:
        codes = header.attributes[column].codes
        if (codes if codes is None else tuple(codes)) not in _LABEL_VALUES:
            raise SourceError(
                f"{path}: label {header.attributes[column].name!r} has the values {list(codes or [])}; "
                "a label is {0,1} or {false,true}, in this order, or numeric."
            )
    return columns


def _mulan_columns(beside: Path, attributes: Sequence[Attribute]) -> list[int]:
    try:
        root = ElementTree.parse(beside).getroot()
    except ElementTree.ParseError as error:
        raise SourceError(
            f"{beside} is not XML: {error}. It should name the labels as Mulan does."
        ) from error
    # A label's children are labels too: Mulan writes hierarchies as nested elements.
    names = {node.get("name"): None for node in root.iter() if node.tag.rpartition("}")[2] == "label"}
    columns = [column for column, attribute in enumerate(attributes) if attribute.name in names]
    missing = sorted(map(str, names.keys() - {attributes[column].name for column in columns}))
    if missing or not columns:
        raise SourceError(
            f"{beside} names {len(names)} labels, of which {len(missing)} are no attributes: {missing[:3]}. "
            "Give the XML file that belongs to the ARFF file."
        )
    return columns


def _meka_columns(path: Path, number: int, attributes: int) -> list[int]:
    if not 0 < abs(number) < attributes:
        raise SourceError(
            f"{path}: `-C {number}` cannot be, it has {attributes} attributes. Correct the relation's name."
        )
    return list(range(number) if number > 0 else range(attributes + number, attributes))


def _read_rows(lines: _Lines, attributes: Sequence[Attribute], limit: int | None) -> scipy.sparse.csr_matrix:
    rows: list[Row] = []
    for line in itertools.islice(lines, limit):
        try:
            rows.append((_sparse_row if line.startswith("{") else _dense_row)(line, attributes))
        except (ValueError, IndexError) as error:
            raise lines.error(f"the row does not fit the header: {error}. Got {line[:60]!r}.") from error
    empty: Row = (np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32))
    columns, values = (np.concatenate(parts) for parts in zip(empty, *rows, strict=True))
    starts = np.cumsum([0, *(len(row[0]) for row in rows)])
    return scipy.sparse.csr_matrix((values, columns, starts), shape=(len(rows), len(attributes)))


def _dense_row(line: str, attributes: Sequence[Attribute]) -> Row:
    fields = _fields(line)
    if len(fields) != len(attributes):
        raise ValueError(f"it has {len(fields)} values for {len(attributes)} attributes")
    numbers = [attribute.number(field) for attribute, field in zip(attributes, fields, strict=True)]
    row = np.array(numbers, dtype=np.float32)
    columns = np.flatnonzero(row).astype(np.int32)
    return columns, row[columns]


def _sparse_row(line: str, attributes: Sequence[Attribute]) -> Row:
    if not line.endswith("}"):
        raise ValueError("a sparse row ends with '}' (instance weights are not read)")
    row: dict[int, float] = {}
    for pair in _fields(line[1:-1]):
        index, _, text = pair.partition(" ")
        column = int(index)
        if column < 0 or column in row:
            raise ValueError(f"attribute {column} is negative or given twice")
        row[column] = attributes[column].number(text.strip())
    kept = [column for column in sorted(row) if row[column] != 0]
    return np.array(kept, dtype=np.int32), np.array([row[column] for column in kept], dtype=np.float32)


def _truth(
    path: Path, y: scipy.sparse.csr_matrix, names: Sequence[str]
) -> tuple[scipy.sparse.csr_matrix, dict[int, list[str]]]:
    unknown = np.isnan(y.data)
    if not (unknown | (y.data == 1)).all():
        raise SourceError(f"{path}: a label is neither 0 nor 1. Correct the number of labels, or the values.")
    rows = np.repeat(np.arange(y.shape[0]), np.diff(y.indptr))[unknown]
    negative: dict[int, list[str]] = {}
    for row in np.unique(rows).tolist():
        said = set(y.indices[y.indptr[row] : y.indptr[row + 1]].tolist())
        negative[row] = [name for label, name in enumerate(names) if label not in said]
    y.data[unknown] = 0
    y.eliminate_zeros()
    y.sort_indices()
    return y, negative


def _fields(text: str) -> list[str]:
    """Split at commas outside quotes; quotes stay, so that a quoted '?' is not a missing value."""
    if "'" not in text and '"' not in text:
        return [field.strip() for field in text.split(",")] if text.strip() else []
    fields: list[str] = []
    position = 0
    while position < len(text):
        match = _FIELD.match(text, position)
        if match is None:
            raise ValueError(f"a quote is not closed in {text[position : position + 40]!r}")
        fields.append(match[1].strip())
        position = match.end()
    return fields


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    return re.sub(r"\\(.)", r"\1", text) if "\\" in text else text
