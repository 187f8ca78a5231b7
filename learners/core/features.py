"""A growing table of feature names: dictionaries of named features become vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from drift.core import Stateful, Values, Vector, fields
from learners.core.parameters import check_number

_LARGEST = float(np.finfo(np.float32).max)
# A name may come with numbers and with strings; the two kinds of slot are told apart by a first character.
_NUMBER, _STRING = "#", "="


class FeatureSpace(Stateful):
    """Named features as vectors whose slots are given in order of first appearance.

    A number takes one slot. A string takes `buckets` slots per feature name, one of which is 1 (its
    hash says which), so values never seen before need no new memory. A name that is absent is 0 (the
    sparse convention); None is *missing* and becomes NaN, which learners read as "the usual value" (for a
    name known by strings alone, none of its slots is 1).

    Parameters
    ----------
    limit
        Most slots there can be, at least 1. Names that come when the slots are used up share old slots
        by hash: memory stays bounded and accuracy fades slowly. Too small a limit mixes features up.
    buckets
        Slots a string feature takes. Too few and distinct strings look alike, too many and vectors grow.

    Examples
    --------
    >>> space = FeatureSpace(buckets=2)
    >>> space.vector({"temperature": 21.5, "state": None})
    array([21.5,  nan], dtype=float32)
    >>> space.vector({"temperature": 20, "wind": True}).tolist()
    [20.0, 0.0, 1.0]
    >>> len(space.vector({"country": "GR"}))
    5
    """

    state_fields = fields(Values("limit", "buckets", "_slots", "_size"))

    def __init__(self, limit: int = 4096, buckets: int = 16) -> None:
        check_number(self, "limit", limit, int, 1)
        check_number(self, "buckets", buckets, int, 1)
        self.limit = limit
        self.buckets = buckets
        self._slots: dict[str, int] = {}
        self._size = 0

    def __len__(self) -> int:
        """Return the length of a vector."""
        return self._size

    def vector(self, features: Mapping[Any, Any]) -> Vector:
        """Return a vector of shape (len(self),), after giving slots to the names that are new.

        Raises
        ------
        TypeError
            For a value that is not a number, a string, a bool or None; slots given before it stay.
        """
        placed = [self._place(str(name), value, grow=True) for name, value in features.items()]
        return self._fill(placed)

    def peek(self, features: Mapping[Any, Any]) -> Vector:
        """Return the vector that `vector` would, without the slots of names that are new."""
        placed = [self._place(str(name), value, grow=False) for name, value in features.items()]
        return self._fill(placed)

    def _fill(self, placed: list[tuple[int, float] | None]) -> Vector:
        x = np.zeros(self._size)
        for slot, value in filter(None, placed):
            x[slot] += value
        # What float32 cannot hold becomes the largest it can: one wild number must not end as infinity.
        return np.clip(x, -_LARGEST, _LARGEST).astype(np.float32)

    def _place(self, name: str, value: Any, *, grow: bool) -> tuple[int, float] | None:
        if isinstance(value, str):
            first = self._first_slot(_STRING + name, self.buckets, grow=grow)
            return None if first is None else ((first + _hash(value) % self.buckets) % self.limit, 1.0)
        if value is None and _NUMBER + name not in self._slots and _STRING + name in self._slots:
            return None
        number = _number(name, value)
        first = self._first_slot(_NUMBER + name, 1, grow=grow)
        return None if first is None else (first, number)

    def _first_slot(self, key: str, width: int, *, grow: bool) -> int | None:
        slot = self._slots.get(key)
        if slot is not None:
            return slot
        full = self._size + width > self.limit
        if not grow and not (full and self._size == self.limit):
            return None
        if full:
            # From here on every new name shares, also one that would still fit: a shared slot is named
            # by a hash modulo the size, so the size must not change any more.
            self._size = self.limit
            return _hash(key) % self.limit
        slot = self._slots[key] = self._size
        self._size += width
        return slot


def _number(name: str, value: Any) -> float:
    if value is None:
        return float("nan")
    if not isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating):
        raise TypeError(
            f"The feature {name!r} is a {type(value).__name__}; "
            "features are numbers, strings, booleans or None."
        )
    try:
        return min(max(float(value), -_LARGEST), _LARGEST) if value == value else float("nan")
    except OverflowError:
        return _LARGEST if value > 0 else -_LARGEST


def _hash(text: str) -> int:
    data = text.encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
