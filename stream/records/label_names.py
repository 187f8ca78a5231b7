"""Names of labels: the same label is written in more than one way."""

from __future__ import annotations

import re
import unicodedata

from stream.records.schema import BadEventError

_PLAIN = re.compile(r"[!-.0-~]+(?:[ /][!-.0-~]+)*")
"""Printable ASCII, single spaces and slashes inside: most names, which are as they should be."""
_UNSEEN = (
    *range(0x20), *range(0x7F, 0xA0), 0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x180E, *range(0x200B, 0x2010),
    *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x2800, 0x3164, 0xFEFF, 0xFFA0, *range(0xFFF9, 0xFFFC),
)  # fmt: skip
_EDGES = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "".join(map(chr, _UNSEEN))
"""White space, the last of which in Unicode is U+3000, and what is not seen: control characters, those
without width, marks of direction, fillers."""
MAX_NAME_CHARACTERS = 256
"""Longest name of a label or a feature, in characters."""


def twin_key(name: str) -> str:
    """Return what a name has in common with those that most likely mean the same label.

    They differ in case, in white space, or in the width or form of characters.

    Examples
    --------
    >>> twin_key("Crude  Oil") == twin_key("crude oil") == twin_key("\uff43rude oil") != twin_key("crude-oil")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def check_length(field: str, name: str) -> None:
    """Raise BadEventError for a name of a label or a feature that is empty or too long."""
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS:
        raise BadEventError(
            "value", f"{field} has {len(name)} characters; a name has 1 to {MAX_NAME_CHARACTERS}"
        )


def normalised(field: str, name: str) -> str:
    """Return a label's name in Unicode's composed form (NFC), without what is not seen at its ends.

    Case is kept, and space inside.

    Parameters
    ----------
    field
        Where the name stands, for the error.
    name
        The name as it was written.

    Raises
    ------
    BadEventError
        When nothing is left of it, or of a part of the path that it is, or it is longer in that form than
        `MAX_NAME_CHARACTERS`.

    Examples
    --------
    >>> normalised("labels[0]", " cafe\u0301\u200b")
    'café'
    >>> normalised("labels[0]", "energy//crude")
    Traceback (most recent call last):
    ...
    stream.records.schema.BadEventError: labels[0] is 'energy//crude', a path with an empty part; ...
    """
    if len(name) <= MAX_NAME_CHARACTERS and _PLAIN.fullmatch(name):
        return name
    plain = unicodedata.normalize("NFC", name).strip(_EDGES)
    if not plain:
        raise BadEventError("value", f"{field} is {name!r}; a name has at least one visible character")
    check_length(field, plain)
    if not all(part.strip(_EDGES) for part in plain.split("/")):
        raise BadEventError(
            "value", f"{field} is {name!r}, a path with an empty part; write it as 'parent/child'"
        )
    return plain
