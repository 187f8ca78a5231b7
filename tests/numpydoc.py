"""Reads summaries and parameters from numpydoc docstrings, for tables."""

from __future__ import annotations

import inspect
import re


def summary(documented: object) -> str:
    """Return the first sentence of a docstring, on one line.

    Examples
    --------
    >>> summary(summary)
    'Return the first sentence of a docstring, on one line.'
    """
    first = " ".join((inspect.getdoc(documented) or "").split("\n\n")[0].split())
    return re.split(r"(?<=\.) (?=[A-Z`])", first)[0]


def parameters(documented: object) -> list[tuple[list[str], str]]:
    """Return each entry of the section "Parameters": the parameters' names, and its text on one line.

    Examples
    --------
    >>> parameters(parameters)
    [(['documented'], 'Whatever has a docstring.')]

    Parameters
    ----------
    documented
        Whatever has a docstring.
    """
    text = inspect.getdoc(documented) or ""
    found = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[^\n]*\n-+$|\Z)", text, re.S | re.M)
    entries: list[tuple[list[str], str]] = []
    for block in re.split(r"\n(?=\S)", found[1].strip()) if found else ():
        head, _, body = block.partition("\n")
        names = [name.strip().lstrip("*") for name in head.split(" : ")[0].split(",")]
        entries.append((names, " ".join(body.split())))
    return entries
