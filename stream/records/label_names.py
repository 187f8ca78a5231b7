"""Names of labels: the same label is written in more than one way."""

from __future__ import annotations

import re
import unicodedata

from stream.records.schema import BadEventError

_PLAIN = re.compile(r"[!-.0-~]+(?:[ /][!-.0-~]+)*")
"""Printable ASCII, single spaces and slashes inside: most names, which are as they should be."""
_EDGES = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\u200b\u200c\u200d\u2060\ufeff"
"""White space, the last of which in Unicode is U+3000, and characters without width."""


def twin_key(name: str) -> str:
    """Return what a name has in common with those that most likely mean the same label.

    They differ in case, in white space, or in the width or form of characters.

    Examples
    --------
    >>> twin_key("Crude  Oil") == twin_key("crude oil") == twin_key("\uff43rude oil") != twin_key("crude-oil")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def normalised(field: str, name: str) -> str:
    """Return a label's name in Unicode's composed form (NFC), without space at its ends.

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
        When nothing is left of it, or of a part of the path that it is.

    Examples
    --------
    >>> normalised("labels[0]", " cafe\u0301\u200b")
    'café'
    >>> normalised("labels[0]", "energy//crude")
    Traceback (most recent call last):
    ...
    stream.records.schema.BadEventError: labels[0] is 'energy//crude', a path with an empty part; ...
    """
    if _PLAIN.fullmatch(name):
        return name
    plain = unicodedata.normalize("NFC", name).strip(_EDGES)
    if not plain:
        raise BadEventError("value", f"{field} is {name!r}; a name has at least one visible character")
    if not all(part.strip(_EDGES) for part in plain.split("/")):
        raise BadEventError(
            "value", f"{field} is {name!r}, a path with an empty part; write it as 'parent/child'"
        )
    return plain
