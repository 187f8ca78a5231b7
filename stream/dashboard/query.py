"""What a request's query asks for: one that cannot be understood is refused, and answered as no other."""

from __future__ import annotations

from collections.abc import Collection, Mapping

LARGEST = 2**62
"""Largest number asked for; offsets are below it."""
_DIGITS = 19


class QueryError(ValueError):
    """A query that cannot be answered; the message names the parameter, what was got and what it may be."""


def check_names(given: Collection[str], known: Collection[str]) -> None:
    """Refuse a query that names a parameter which is not known here: it would be answered without it.

    Raises
    ------
    QueryError
        When there is one.

    Examples
    --------
    >>> check_names({"partitoin": "1"}, ("source", "partition", "offset"))
    Traceback (most recent call last):
    ...
    stream.dashboard.query.QueryError: 'partitoin' is no parameter here; there are source, partition, offset.
    """
    for name in given:
        if name not in known:
            raise QueryError(f"{_short(name)} is no parameter here; there are {', '.join(known)}.")


def number(given: Mapping[str, str], name: str, default: int = 0, most: int = LARGEST) -> int:
    """Return a whole number from the query, at most `most`; the default where it is missing or empty.

    Raises
    ------
    QueryError
        When it is none.

    Examples
    --------
    >>> number({"page": "3"}, "page"), number({}, "page"), number({"count": "900"}, "count", 12, 200)
    (3, 0, 200)
    >>> number({"partition": "abc"}, "partition")
    Traceback (most recent call last):
    ...
    stream.dashboard.query.QueryError: partition is 'abc'; write a whole number, 0 or more.
    """
    text = given.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()):
        raise QueryError(f"{name} is {_short(text)}; write a whole number, 0 or more.")
    digits = text.lstrip("0")
    return most if len(digits) > _DIGITS else min(int(digits or "0"), most)


def chosen(given: Mapping[str, str], name: str, choices: Collection[str], default: str) -> str:
    """Return one of some words from the query; the default where it is missing or empty.

    Raises
    ------
    QueryError
        When it is none of them.
    """
    text = given.get(name, "") or default
    if text not in choices:
        raise QueryError(f"{name} is {_short(text)}; write one of {', '.join(choices)}.")
    return text


def placed(given: Mapping[str, str], name: str, count: int) -> int:
    """Return the place of one of `count` things from the query; the first where it is missing or empty.

    Raises
    ------
    QueryError
        When there is none at that place.
    """
    place = number(given, name)
    if place >= count:
        raise QueryError(f"{name} is {_short(given[name])}, and the last is {count - 1}.")
    return place


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
