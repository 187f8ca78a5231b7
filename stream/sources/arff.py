"""Multi-label ARFF, dense and sparse, in the dialects of Mulan and of MEKA.

Both are Weka's attribute-relation format, read as Weka reads it: white space or commas between values,
comments after `%`, ranges behind a type, and weights behind a row, which are not used. What a sparse row
leaves out is 0, which is a nominal's first value; `?` is missing, and a label that is `?` is unknown.

The dialects differ in how the labels are named. Mulan keeps an XML file of the same name beside it; MEKA
writes `-C n` into the relation's name: the first n attributes are labels, or the last n where n is negative.

Numbers stay as they are. A nominal feature of two values is 1 where it has the one that is rarer in what was
read, so that such features are sparse; of more values it is one-hot, because their order means nothing.

References
----------
.. [1] G. Tsoumakas et al., "Mulan: a Java library for multi-label learning", JMLR 12, 2011.
.. [2] J. Read et al., "MEKA: a multi-label/multi-target extension to Weka", JMLR 17, 2016.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from stream.records import MAX_NUMBER, shortened
from stream.sources.arff_labels import Attribute, label_columns, on_code
from stream.sources.base import SourceError, Table, label_names, read_lines, stem

_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_NAME = re.compile(rf"({_QUOTED}|[^\s{{]+)\s*(.*)")
_FIELD = re.compile(rf"((?:{_QUOTED}|[^,'\"])*)(?:,|$)")
_TOKEN = re.compile(rf"{_QUOTED}|(?:[^\s,'\"\\]|\\.)+")
_BEFORE_COMMENT = re.compile(rf"(?:{_QUOTED}|[^%'\"\\]|\\.)*")
_INDEX = re.compile(r"[0-9]{1,9}")
_WEIGHT = re.compile(r"(.*\S)\s*,?\s*\{\s*[\d.eE+-]+\s*\}")

Row = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Columns and values of the non-zero entries."""


class _UnlearnableError(ValueError):
    """A row that is as the header says and has a number that cannot be learned."""


@dataclasses.dataclass(frozen=True)
class Header:
    """The part of a file before `@data`."""

    relation: str
    attributes: list[Attribute]


def read_arff(path: Path, limit: int | None = None, labels: Path | None = None) -> Table:
    """Read the first `limit` rows of a multi-label ARFF file, gzipped or not.

    A row with a number that cannot be learned is left out and told of in `problems`, as the service would
    send such an event to the dead-letter topic and go on. A line that is not UTF-8 is read as Windows-1252.

    Parameters
    ----------
    path
        The file.
    limit
        Most rows; None (the default) takes all.
    labels
        File that names the labels; None (the default) looks where the dialects do. See `label_columns`.

    Raises
    ------
    SourceError
        When it is not ARFF, does not name its labels, or has a row that does not fit its
        header; the message names the line.
    """
    lines = _Lines(path)
    header = _read_header(lines)
    columns = label_columns(path, header.relation, header.attributes, labels)
    codes, problems = _read_rows(lines, header.attributes, limit)
    names = label_names(path, [header.attributes[column].name for column in columns])
    of_labels = [
        Attribute(name, header.attributes[column].codes) for name, column in zip(names, columns, strict=True)
    ]
    y, negative = _truth(path, codes[:, columns], of_labels)
    rest = np.setdiff1d(np.arange(len(header.attributes)), columns)
    x = _features(codes[:, rest].tocsc(), [header.attributes[column] for column in rest])
    # A stored value takes twice the room in CSR. Vectors from CSR are their own sparse part.
    dense = 2 * x.nnz > x.shape[0] * x.shape[1]
    return Table(stem(path), x.toarray() if dense else x, y, names, negative, problems)


class _Lines:
    """The lines with content, without comments; errors name the last one read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._numbered = read_lines(path)
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        for number, raw in self._numbered:
            self.number = number
            line = _uncommented(_decoded(raw)).strip()
            if line:
                yield line

    def error(self, sentence: str) -> SourceError:
        return SourceError(f"{self._path}, line {self.number}: {sentence}")


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _uncommented(line: str) -> str:
    if "%" not in line:
        return line
    found = _BEFORE_COMMENT.match(line)
    return line[: found.end()] if found and line.startswith("%", found.end()) else line


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
        values = _fields(kind[1:-1])
        values = _tokens(kind[1:-1]) if len(values) == 1 else values
        codes = {_unquoted(value): code for code, value in enumerate(values)}
        if len(codes) < len(values):
            raise lines.error(f"attribute {shortened(name, 64)!r} names a value twice. Name each once.")
        return Attribute(name, codes)
    if re.match(r"(numeric|real|integer)\b", kind, re.IGNORECASE):
        return Attribute(name, None)
    raise lines.error(
        f"attribute {shortened(name, 64)!r} is of type {kind[:40]!r}; numeric and nominal ones "
        "can be read. Turn text into numbers first (Weka's StringToWordVector), or write the stream as JSON "
        "lines with `text`."
    )


def _read_rows(
    lines: _Lines, attributes: Sequence[Attribute], limit: int | None
) -> tuple[scipy.sparse.csr_matrix, list[str]]:
    """Return numbers and the codes of nominal values, and what was left out."""
    rows: list[Row] = []
    problems: list[str] = []
    for line in itertools.islice(lines, limit):
        try:
            rows.append((_sparse_row if line.startswith("{") else _dense_row)(line, attributes))
        except _UnlearnableError as error:
            problems.append(f"line {lines.number}: {error}")
        except ValueError as error:
            raise lines.error(f"the row does not fit the header: {error}. Got {line[:60]!r}.") from error
    empty: Row = (np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32))
    columns, values = (np.concatenate(parts) for parts in zip(empty, *rows, strict=True))
    starts = np.cumsum([0, *(len(row[0]) for row in rows)])
    codes = scipy.sparse.csr_matrix((values, columns, starts), shape=(len(rows), len(attributes)))
    return codes, problems


def _dense_row(line: str, attributes: Sequence[Attribute]) -> Row:
    if line.endswith("}"):
        line = _without_weight(line)
    fields = _fields(line)
    if len(fields) != len(attributes):
        tokens = _tokens(line)
        if len(tokens) != len(attributes) or ("," in line and len(fields) > len(attributes)):
            raise ValueError(f"it has {len(fields)} values for {len(attributes)} attributes")
        fields = tokens
    row = np.array(list(map(_number, attributes, fields)), dtype=np.float32)
    columns = np.flatnonzero(row).astype(np.int32)
    return columns, row[columns]


def _sparse_row(line: str, attributes: Sequence[Attribute]) -> Row:
    line = _without_weight(line)
    if not line.endswith("}"):
        raise ValueError("a sparse row ends with '}'")
    tokens = _tokens(line[1:-1])
    if len(tokens) % 2:
        raise ValueError("a sparse row has pairs of an attribute and its value")
    row: dict[int, float] = {}
    for index, text in zip(tokens[::2], tokens[1::2], strict=True):
        if not _INDEX.fullmatch(index) or int(index) >= len(attributes):
            last = len(attributes) - 1
            raise ValueError(f"attribute {shortened(index, 64)!r} is out of range: they are 0 to {last}")
        column = int(index)
        if column in row:
            raise ValueError(f"attribute {column} is given twice")
        row[column] = _number(attributes[column], text)
    kept = [column for column in sorted(row) if row[column] != 0]
    return np.array(kept, dtype=np.int32), np.array([row[column] for column in kept], dtype=np.float32)


def _number(attribute: Attribute, text: str) -> float:
    """Return a value as a number: the code of a nominal one, NaN for a missing one."""
    if text == "?":
        return float("nan")
    if attribute.codes is None:
        try:
            # Python's reader of numbers passes over underscores.
            number = float(text if "_" not in text else "")
        except ValueError:
            raise ValueError(f"could not convert string to float: {shortened(text, 64)!r}") from None
        if abs(number) > MAX_NUMBER:
            raise _UnlearnableError(
                f"{shortened(attribute.name, 64)} is {shortened(text, 64)}; only numbers up to "
                f"{MAX_NUMBER:.3g} can be learned: write ? for a missing one"
            )
        return number
    code = attribute.codes.get(_unquoted(text))
    if code is None:
        got = shortened(text, 64)
        raise ValueError(f"{shortened(attribute.name, 64)} is {got}, which is none of its values")
    return code


def _truth(
    path: Path, y: scipy.sparse.csr_matrix, labels: Sequence[Attribute]
) -> tuple[scipy.sparse.csr_matrix, dict[int, list[str]]]:
    """Return which labels are on; and of rows that do not say it of all, those known to be off."""
    first = [column for column, label in enumerate(labels) if on_code(path, label) == 0]
    # Values of 0 are not among the data.
    others = np.flatnonzero(~np.isnan(y.data) & (y.data != 1))
    if len(others):
        name, value = labels[y.indices[others[0]]].name, y.data[others[0]]
        raise SourceError(
            f"{path}: label {shortened(name, 64)!r} is neither 0 nor 1 but {value:g}. Correct the number of "
            "labels, or the values."
        )
    if first:
        turned = y.tolil()
        turned[:, first] = 1.0 - y[:, first].toarray()
        y = turned.tocsr()
    unknown = np.isnan(y.data)
    rows = np.repeat(np.arange(y.shape[0]), np.diff(y.indptr))[unknown]
    negative: dict[int, list[str]] = {}
    for row in np.unique(rows).tolist():
        said = set(y.indices[y.indptr[row] : y.indptr[row + 1]].tolist())
        negative[row] = [label.name for column, label in enumerate(labels) if column not in said]
    y.data[unknown] = 0
    y.eliminate_zeros()
    y.sort_indices()
    return y, negative


def _features(codes: scipy.sparse.csc_matrix, attributes: Sequence[Attribute]) -> scipy.sparse.csr_matrix:
    """Return features as numbers only; columns that stay as they are stay together."""
    missing = np.isnan(codes.data)
    columns = np.repeat(np.arange(codes.shape[1]), np.diff(codes.indptr))
    ones = np.bincount(columns[~missing], minlength=codes.shape[1])
    known = codes.shape[0] - np.bincount(columns[missing], minlength=codes.shape[1])
    parts, begin = [], 0
    for column, attribute in enumerate(attributes):
        values = 0 if attribute.codes is None else len(attribute.codes)
        if values > 2 or (values == 2 and 2 * ones[column] > known[column]):
            given = codes[:, [column]].toarray()
            coded = np.arange(values) if values > 2 else np.zeros(1)
            one_hot = np.where(np.isnan(given), np.nan, given == coded).astype(np.float32)
            parts += [codes[:, begin:column], scipy.sparse.csc_matrix(one_hot)]
            begin = column + 1
    return scipy.sparse.csr_matrix(scipy.sparse.hstack([*parts, codes[:, begin:]], dtype=np.float32))


def _without_weight(line: str) -> str:
    found = _WEIGHT.fullmatch(line)
    return found[1].removesuffix(",").rstrip() if found else line


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


def _tokens(text: str) -> list[str]:
    """Split at white space and commas outside quotes, as Weka does; quotes stay."""
    if _TOKEN.sub("", text).replace(",", "").strip():
        raise ValueError(f"a quote is not closed in {text[:40]!r}")
    return _TOKEN.findall(text)


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    return re.sub(r"\\(.)", r"\1", text) if "\\" in text else text
