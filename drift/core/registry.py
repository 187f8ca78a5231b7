"""Makers by name, some of which are imported only when they are asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")


class Registry(Mapping[str, Callable[..., T]]):
    """What makes things of one kind, by name, for the command line and configuration.

    Parameters
    ----------
    makers
        A class or function by its name; or where it is, "module:attribute", which is imported on first use:
        for those that need a package that takes seconds to import.

    Examples
    --------
    >>> numbers = Registry({"int": int, "fraction": "fractions:Fraction"})
    >>> list(numbers), numbers["fraction"](1, 2)
    (['int', 'fraction'], Fraction(1, 2))
    """

    def __init__(self, makers: Mapping[str, Callable[..., T] | str]) -> None:
        self._makers = dict(makers)

    def __getitem__(self, name: str) -> Callable[..., T]:
        """Return what makes the thing of a name."""
        maker = self._makers[name]
        if isinstance(maker, str):
            module, _, attribute = maker.partition(":")
            maker = self._makers[name] = getattr(importlib.import_module(module), attribute)
        return maker

    def __iter__(self) -> Iterator[str]:
        """Go through the names in their order."""
        return iter(self._makers)

    def __len__(self) -> int:
        """Return how many names there are."""
        return len(self._makers)
