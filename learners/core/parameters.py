"""Checks of constructor parameters, with uniform error messages."""

from __future__ import annotations

from collections.abc import Collection


def check_number(
    owner: object,
    name: str,
    value: object,
    kind: type[int] | type[float],
    low: float,
    high: float = float("inf"),
    *,
    open_low: bool = False,
) -> None:
    """Raise ValueError unless `value` is a number of a kind in [low, high] (or (low, high]).

    Examples
    --------
    >>> check_number("KNN", "k", 0, int, 1)
    Traceback (most recent call last):
    ...
    ValueError: The 'k' parameter of KNN must be an int in [1, inf). Got 0 instead.
    """
    is_kind = isinstance(value, int | float if kind is float else int) and not isinstance(value, bool)
    if is_kind and (low < value if open_low else low <= value) and value <= high:  # type: ignore[operator]
        return
    article = "an int" if kind is int else "a float"
    bounds = f"{'(' if open_low else '['}{low}, {high}{')' if high == float('inf') else ']'}"
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


def _name(owner: object) -> str:
    return owner if isinstance(owner, str) else type(owner).__name__
