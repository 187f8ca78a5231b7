"""A growing table of feature names: dictionaries of named features become vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.parameters import check_number


class FeatureSpace:
    """Named features as vectors whose slots are given in order of first appearance.

    A number takes one slot. A string takes `buckets` slots per feature name, one of which is 1 (its
    hash says which), so values never seen before need no new memory. A name that is absent is 0 (the
    sparse convention); None is *missing* and becomes NaN, which learners read as "the usual value".

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

    def vector(self, features: Mapping[Any, Any]) -> NDArray[np.float32]:
        """Return a vector of shape (len(self),), after giving slots to the names that are new."""
        placed = [self._place(str(name), value, grow=True) for name, value in features.items()]
        return self._fill(placed)

    def peek(self, features: Mapping[Any, Any]) -> NDArray[np.float32]:
        """Return the vector that `vector` would, without remembering names that are new."""
        placed = [self._place(str(name), value, grow=False) for name, value in features.items()]
        return self._fill(placed)

    def _fill(self, placed: list[tuple[int, float] | None]) -> NDArray[np.float32]:
        x = np.zeros(self._size, dtype=np.float32)
        for slot, value in filter(None, placed):
            x[slot] += value
        return x

    def _place(self, name: str, value: Any, *, grow: bool) -> tuple[int, float] | None:
        if isinstance(value, str):
            first = self._first_slot(f"{name}=", self.buckets, grow=grow)
            return None if first is None else (first + _hash(value) % self.buckets, 1.0)
        first = self._first_slot(name, 1, grow=grow)
        if first is None:
            return None
        return first, float("nan") if value is None else float(value)

    def _first_slot(self, key: str, width: int, *, grow: bool) -> int | None:
        slot = self._slots.get(key)
        if slot is not None:
            return slot
        if self._size + width > self.limit:
            return _hash(key) % max(1, self._size - width + 1)
        if not grow:
            return None
        slot = self._slots[key] = self._size
        self._size += width
        return slot

    def state(self) -> dict[str, Any]:
        """Return parameters and slots as plain JSON values."""
        return {"limit": self.limit, "buckets": self.buckets, "slots": dict(self._slots), "size": self._size}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> FeatureSpace:
        """Rebuild a space from `state`."""
        space = cls(state["limit"], state["buckets"])
        space._slots = dict(state["slots"])
        space._size = state["size"]
        return space


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
