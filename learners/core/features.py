"""A growing table of feature names, which converts dictionaries of named features to vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from drift.core import Stateful, Values, Vector, fields
from learners.core.parameters import check_number

_LARGEST = float(np.finfo(np.float32).max)
# A name may come with numbers and with strings; a first character distinguishes the two kinds of slot.
_NUMBER, _STRING = "#", "="


class FeatureSpace(Stateful):
    """Converts named features to vectors, with slots assigned in order of first appearance.

    A number takes one slot. A string takes `buckets` slots per feature name, one of which is 1 (chosen by
    its hash), so values never seen before need no new memory. A name that is absent is 0 (the sparse
    convention); None is *missing* and becomes NaN, which learners replace by the usual value (for a name that
    only had strings, none of its slots is 1).

    Parameters
    ----------
    limit
        Most slots, at least 1. When they are used up, new names share existing slots by hash: memory stays
        bounded and accuracy degrades slowly. With too small a limit features collide.
    buckets
        Slots per string feature. Too few and distinct strings collide, too many and vectors grow.

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
        """Return a vector of shape (len(self),), after assigning slots to new names.

        Raises
        ------
        TypeError
            For a value that is not a number, a string, a bool or None; slots assigned before it are kept.
        """
        placed = [self._place(str(name), value, grow=True) for name, value in features.items()]
        return self._fill(placed)

    def peek(self, features: Mapping[Any, Any]) -> Vector:
        """Return the vector that `vector` would return, without slots for new names."""
        placed = [self._place(str(name), value, grow=False) for name, value in features.items()]
        return self._fill(placed)

    def _fill(self, placed: list[tuple[int, float] | None]) -> Vector:
        x = np.zeros(self._size)
        for slot, value in filter(None, placed):
            x[slot] += value
        # Values are clipped to the range of float32: one extreme number must not become infinity.
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
            # From here on every new name shares a slot, even one that would still fit: shared slots are
            # chosen by a hash modulo the size, so the size must not change any more.
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
