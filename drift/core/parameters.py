"""Checks of constructor parameters, with uniform error messages."""

from __future__ import annotations

import math
from collections.abc import Collection


def check_number(
    owner: object,
    name: str,
    value: object,
    kind: type[int] | type[float],
    low: float,
    high: float = math.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    """Raise ValueError unless `value` is a finite number of a kind between two bounds.

    Parameters
    ----------
    owner
        What has the parameter, or its name.
    name, value, kind
        The parameter's. An int is a float, too; a boolean is neither.
    low, high
        The bounds, which are allowed unless `open_low` or `open_high`.

    Examples
    --------
    >>> check_number("KNN", "k", 0, int, 1)
    Traceback (most recent call last):
    ...
    ValueError: The 'k' parameter of KNN must be an int in [1, inf). Got 0 instead.
    """
    open_high = open_high or high == math.inf
    if isinstance(value, int | float if kind is float else int) and not isinstance(value, bool):
        above = low < value if open_low else low <= value
        if above and (value < high if open_high else value <= high):
            return
    article = "an int" if kind is int else "a float"
    bounds = f"{'(' if open_low else '['}{low}, {high}{')' if open_high else ']'}"
    raise ValueError(
        f"The {name!r} parameter of {_name(owner)} must be {article} in {bounds}. Got {value!r} instead."
    )


def check_choice(owner: object, name: str, value: object, choices: Collection[str]) -> None:
    """Raise ValueError unless `value` is one of some names.

    Examples
    --------
    >>> check_choice("IHOMER", "rule", "f1", ["subset", "hamming"])
    Traceback (most recent call last):
    ...
    ValueError: The 'rule' parameter of IHOMER must be a str among {'hamming', 'subset'}. Got 'f1' instead.
    """
    if value in choices:
        return
    names = ", ".join(repr(choice) for choice in sorted(choices))
    raise ValueError(
        f"The {name!r} parameter of {_name(owner)} must be a str among {{{names}}}. Got {value!r} instead."
    )


def check_flag(owner: object, name: str, value: object) -> None:
    """Raise ValueError unless `value` is a boolean.

    Examples
    --------
    >>> check_flag("HDDMA", "two_sided_test", "no")
    Traceback (most recent call last):
    ...
    ValueError: The 'two_sided_test' parameter of HDDMA must be a bool. Got 'no' instead.
    """
    if not isinstance(value, bool):
        raise ValueError(f"The {name!r} parameter of {_name(owner)} must be a bool. Got {value!r} instead.")


def _name(owner: object) -> str:
    return owner if isinstance(owner, str) else type(owner).__name__
