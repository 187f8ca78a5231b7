"""The ranges that docstrings promise of parameters: what is inside is accepted, what is beyond refused."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any, NamedTuple

import pytest

from tests.numpydoc import parameters
from tests.structure import modules

RANGE = re.compile(
    r"\bin (?P<left>[\[(])(?P<low>-?[\d.]+), (?P<high>inf|[\d.]+)(?P<right>[\])])"
    r"|at least (?P<least>\d+)\b|\b(?P<open>positive|above 0)\b"
)


class Promise(NamedTuple):
    """What the docstring of a class says of one parameter.

    Parameters
    ----------
    kind
        The class.
    name
        The parameter.
    accepted, refused
        Values next to either end of its range, inside and outside.
    """

    kind: type[Any]
    name: str
    accepted: tuple[float, ...]
    refused: tuple[float, ...]

    def __str__(self) -> str:
        """Return the class and the parameter, as the name of a test."""
        return f"{self.kind.__name__}.{self.name}"

    def check(self, **needed: object) -> None:
        """Make one with each value; `needed` are the parameters that have no default."""
        for value in self.accepted:
            self.kind(**needed | {self.name: value})
        for value in self.refused:
            with pytest.raises(ValueError, match=rf"Got .*{re.escape(repr(value))}"):
                self.kind(**needed | {self.name: value})


def promises(package: str) -> list[Promise]:
    """Return what the docstrings of a package say.

    Examples
    --------
    >>> print(*promises("drift.alarms"))
    RateLimit.most RateLimit.length
    >>> promises("drift.alarms")[0][2:]
    ((1,), (0,))
    """
    return [
        Promise(kind, name, *_ends(found, "float" not in inspect.get_annotations(kind.__init__)[name]))
        for module in modules()
        if module.startswith(f"{package}.")
        for _, kind in inspect.getmembers(importlib.import_module(module), inspect.isclass)
        if kind.__module__ == module and "__init__" in vars(kind)
        for names, text in parameters(kind)
        for name in names
        if (found := RANGE.search(text))
    ]


def _ends(found: re.Match[str], whole: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
    number, step = (int, 1) if whole else (float, 1e-6)
    ends = [(number(found["low"] or found["least"] or 0), step, found["left"] != "(" and not found["open"])]
    if found["high"] not in (None, "inf"):
        ends.append((number(found["high"]), -step, found["right"] == "]"))
    accepted = tuple(end if closed else end + inwards for end, inwards, closed in ends)
    return accepted, tuple(end - inwards if closed else end for end, inwards, closed in ends)
