"""Which attributes of an ARFF file are labels, and which of their values means that they apply."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

from stream.sources.base import SourceError, read_lines, stem

_MEKA = re.compile(r"-C\s+(-?\d{1,9})(?!\d)")
_PART = re.compile(r"[-_.](train|test)$", re.IGNORECASE)
_ON, _OFF = ("1", "true", "t", "yes", "y", "on"), ("0", "false", "f", "no", "n", "off", "-1")


@dataclasses.dataclass(frozen=True)
class Attribute:
    """One column: its name and, where it is nominal, the index of each of its values."""

    name: str
    codes: dict[str, int] | None


def label_columns(
    path: Path, relation: str, attributes: Sequence[Attribute], named: Path | None = None
) -> list[int]:
    """Return the columns of the labels.

    Parameters
    ----------
    path, relation, attributes
        The ARFF file, its relation's name and its columns.
    named
        File that names the labels: Mulan's XML, or a label a line. None (the default) takes Mulan's XML
        beside the ARFF file, one for its parts `-train` and `-test`, else MEKA's `-C n`.

    Raises
    ------
    SourceError
        When nothing says it, or what says it does not fit.
    """
    beside = list(dict.fromkeys((f"{stem(path)}.xml", f"{_PART.sub('', stem(path))}.xml")))
    found = [named] if named else [file for file in map(path.with_name, beside) if file.exists()]
    if found:
        return _named_columns(found[0], attributes)
    if meka := _MEKA.search(relation):
        return _meka_columns(path, int(meka[1]), len(attributes))
    raise SourceError(
        f"{path} does not say which attributes are labels. Name a file that does with --labels (Mulan's XML, "
        f"or a label a line), put Mulan's {' or '.join(beside)} beside it, or write MEKA's `-C n` into the "
        "relation's name (the first n attributes are labels, the last n if n < 0)."
    )


def on_code(path: Path, label: Attribute) -> int:
    """Return the code of the value that says that a label applies, however it spells yes and no.

    Raises
    ------
    SourceError
        When its values are others.

    Examples
    --------
    >>> on_code(Path("s.arff"), Attribute("urban", {"TRUE": 0, "FALSE": 1}))
    0
    """
    values = list(label.codes or ("0", "1"))
    spelled = [True if each.lower() in _ON else False if each.lower() in _OFF else None for each in values]
    if None in spelled or len(set(spelled)) < len(spelled):
        raise SourceError(
            f"{path}: label {label.name!r} has the values {values}; a label is numeric, or has two values "
            "such as {0,1} or {no,yes}. Is it a label?"
        )
    return spelled.index(True) if True in spelled else 1


def _named_columns(file: Path, attributes: Sequence[Attribute]) -> list[int]:
    names = _xml_names(file) if file.suffix.lower() == ".xml" else _listed_names(file)
    columns = [column for column, attribute in enumerate(attributes) if attribute.name in names]
    missing = sorted(names - {attributes[column].name for column in columns})
    if missing or not columns:
        raise SourceError(
            f"{file} names {len(names)} labels, of which {len(missing)} are no attributes: {missing[:3]}. "
            "Give the file that belongs to the ARFF file."
        )
    return columns


def _xml_names(file: Path) -> set[str]:
    try:
        root = ElementTree.parse(file).getroot()
    # An encoding that there is not is a LookupError.
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise SourceError(f"{file} is not XML: {error}. It should name the labels as Mulan does.") from error
    # A label's children are labels too: Mulan writes hierarchies as nested elements.
    return {str(node.get("name")) for node in root.iter() if node.tag.rpartition("}")[2] == "label"}


def _listed_names(file: Path) -> set[str]:
    names = (line.decode(errors="replace").strip() for _, line in read_lines(file))
    return {name for name in names if name}


def _meka_columns(path: Path, number: int, attributes: int) -> list[int]:
    if not 0 < abs(number) < attributes:
        raise SourceError(
            f"{path}: `-C {number}` cannot be, it has {attributes} attributes. Correct the relation's name."
        )
    return list(range(number) if number > 0 else range(attributes + number, attributes))
