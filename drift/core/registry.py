"""Factories by name, some of which are imported only on first use."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class Registry(Mapping[str, Callable[..., T]]):
    """Classes or functions that create objects of one kind, by name, for the command line and settings.

    Parameters
    ----------
    kind
        What the objects are called in error messages.
    makers
        A class or function by its name; or its place, "module:attribute", which is imported on first use:
        for those that need a package that takes seconds to import.

    Examples
    --------
    >>> numbers = Registry("number", {"int": int, "fraction": "fractions:Fraction"})
    >>> list(numbers), numbers["fraction"](1, 2)
    (['int', 'fraction'], Fraction(1, 2))
    """

    def __init__(self, kind: str, makers: Mapping[str, Callable[..., T] | str]) -> None:
        self.kind = kind
        self._makers = dict(makers)

    def __getitem__(self, name: str) -> Callable[..., T]:
        """Return the class or function of a name."""
        maker = self._makers[name]
        if isinstance(maker, str):
            module, _, attribute = maker.partition(":")
            maker = self._makers[name] = getattr(importlib.import_module(module), attribute)
        return maker

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names in order of registration."""
        return iter(self._makers)

    def __len__(self) -> int:
        """Return how many names there are."""
        return len(self._makers)

    def place(self, name: str) -> str | None:
        """Return where the factory of a name is, "module:attribute"; None once it is imported."""
        maker = self._makers[name]
        return maker if isinstance(maker, str) else None

    def make(self, name: str, parameters: Mapping[str, Any]) -> T:
        """Return a new object by its name; parameters that are left out have their defaults.

        Raises
        ------
        ValueError
            When there is no such name or parameter, or one is missing, the message lists the valid ones;
            or the object needs more memory than there is.

        Examples
        --------
        >>> Registry("number", {"int": int}).make("itn", {})
        Traceback (most recent call last):
        ...
        ValueError: There is no number named 'itn'. Did you mean 'int'?
        """
        if name not in self._makers:
            raise ValueError(f"There is no {self.kind} named {name!r}. {suggestion(name, self)}")
        maker = self[name]
        signature = inspect.signature(maker)
        takes = f"It takes {_listed(signature.parameters)}." if signature.parameters else "It takes none."
        for parameter in parameters:
            if parameter not in signature.parameters:
                close = difflib.get_close_matches(parameter, signature.parameters, n=1)
                meant = f"Did you mean {close[0]!r}? " if close else ""
                raise ValueError(f"The {self.kind} {name!r} has no parameter {parameter!r}. {meant}{takes}")
        try:
            signature.bind(**parameters)
        except TypeError as error:
            raise ValueError(f"The {self.kind} {name!r}: {error}. {takes}") from error
        try:
            return maker(**parameters)
        except (MemoryError, OverflowError) as error:
            given = ", ".join(f"{each}={value!r}" for each, value in parameters.items())
            raise ValueError(
                f"The {self.kind} {name!r} with {given} needs more memory than there is: {error}. "
                "Make it smaller."
            ) from error


def suggestion(name: str, names: Collection[str]) -> str:
    """Return advice for an unknown name: the closest valid name, or all of them.

    Examples
    --------
    >>> suggestion("majorty", ["majority", "priors"])
    "Did you mean 'majority'?"
    >>> suggestion("x", ["majority", "priors"])
    "Choose among 'majority', 'priors'."
    """
    close = difflib.get_close_matches(name, names, n=3)
    return f"Did you mean {_listed(close)}?" if close else f"Choose among {_listed(sorted(names))}."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
