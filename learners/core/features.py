"""A growing table of feature names, which converts dictionaries of named features to vectors."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from drift.core import State, Stateful, Values, Vector, check_number, fields

EARLY = 256
"""Slots that are given at first sight; beyond them, names have to come again."""
EARNED = 3
"""Messages with a name until it has a slot, beyond the early ones."""
CANDIDATES = 10_000
"""Names without a slot whose messages are counted: those that came last."""
UNSEEN = 10_000
"""Messages without a name after which its slot may be another's, where all are taken."""
_LARGEST = float(np.finfo(np.float32).max)
# A name may come with numbers and with strings; a first character distinguishes the two kinds of slot.
_NUMBER, _STRING = "#", "="


class FeatureSpace(Stateful):
    """Converts named features to vectors, with slots assigned in order of appearance.

    The first names have slots at once. Beyond `EARLY` slots a name has one from its third message on, and
    is left out until then: names that stay rare neither lengthen vectors nor take slots from later ones. A
    number takes one slot. A string takes `buckets` slots per feature name, one of which is 1 (chosen by its
    hash), so values never seen before need no new memory. A name that is absent is 0 (the sparse
    convention); None is *missing* and becomes NaN, which learners replace by the usual value (for a name that
    only had strings, none of its slots is 1).

    Parameters
    ----------
    limit
        Most slots, at least 1. When they are used up, a new name takes over that of a name unseen for 10,000
        messages (and at first what was learned of that), or else shares one by hash: memory stays bounded and
        accuracy degrades slowly. With too small a limit features collide.
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

    state_fields = fields(Values("limit", "buckets", "_slots", "_size", "_clock", "_all_seen_until"))

    def __init__(self, limit: int = 4096, buckets: int = 16) -> None:
        check_number(self, "limit", limit, int, 1)
        check_number(self, "buckets", buckets, int, 1)
        self.limit = limit
        self.buckets = buckets
        self._slots: dict[str, list[int]] = {}  # The slot, and the last message with the name.
        self._candidates: dict[str, int] = {}  # Messages with each, least recent first.
        self._size = self._clock = self._all_seen_until = 0

    def __len__(self) -> int:
        """Return the length of a vector."""
        return self._size

    @property
    def scheme(self) -> str:
        """What vectors depend on, for the names of encoders."""
        return f"{self.limit}-{self.buckets}-{EARNED}"

    def vector(self, features: Mapping[Any, Any]) -> Vector:
        """Return a vector of shape (len(self),), after assigning slots to new names.

        Raises
        ------
        TypeError
            For a value that is not a number, a string, a bool or None; nothing has changed then.
        """
        values = _read(features)
        self._clock += 1
        return self._fill([self._place(name, value, grow=True) for name, value in values])

    def peek(self, features: Mapping[Any, Any]) -> Vector:
        """Return the vector that `vector` would return, without slots for new names."""
        return self._fill([self._place(name, value, grow=False) for name, value in _read(features)])

    def _fill(self, placed: list[tuple[int, float] | None]) -> Vector:
        x = np.zeros(self._size)
        for slot, value in filter(None, placed):
            x[slot] += value
        # Values are clipped to the range of float32: one extreme number must not become infinity.
        return np.clip(x, -_LARGEST, _LARGEST).astype(np.float32)

    def _place(self, name: str, value: str | float | None, *, grow: bool) -> tuple[int, float] | None:
        if isinstance(value, str):
            first = self._first_slot(_STRING + name, grow=grow)
            return None if first is None else ((first + _hash(value) % self.buckets) % self.limit, 1.0)
        if value is None and _NUMBER + name not in self._slots and _STRING + name in self._slots:
            return None
        first = self._first_slot(_NUMBER + name, grow=grow)
        return None if first is None else (first, math.nan if value is None else value)

    def _first_slot(self, key: str, *, grow: bool) -> int | None:
        """Return the first slot of a key, which is None while it is too rare to have any."""
        held = self._slots.get(key)
        if held is None:
            return self._earn(key, self._width(key)) if grow else self._shared(key)
        if grow:
            held[1] = self._clock
        return held[0]

    def _earn(self, key: str, width: int) -> int | None:
        """Count a message with a key without a slot, and return the slot that it has from now on, or None."""
        count = self._candidates.pop(key, 0) + 1
        slot = None
        if count >= EARNED or self._size + width <= min(EARLY, self.limit):
            slot = self._new_slot(width)
        if slot is not None:
            self._slots[key] = [slot, self._clock]
            return slot
        self._candidates[key] = count
        if len(self._candidates) > CANDIDATES:
            del self._candidates[next(iter(self._candidates))]
        return self._shared(key)

    def _new_slot(self, width: int) -> int | None:
        """Return unused slots, or those of the name that has not been seen for longest; None if all have."""
        if self._size + width <= self.limit:
            self._size += width
            return self._size - width
        # From here on the size must not change: shared slots are chosen by a hash modulo the size.
        self._size = self.limit
        if self._clock <= self._all_seen_until:
            return None
        fitting = [key for key in self._slots if self._width(key) == width]
        oldest = min(fitting, key=lambda key: self._slots[key][1], default=None)
        seen = self._clock if oldest is None else self._slots[oldest][1]
        if oldest is None or seen + UNSEEN >= self._clock:
            self._all_seen_until = min(seen + UNSEEN, self._clock + UNSEEN // 10)
            return None
        return self._slots.pop(oldest)[0]

    def _width(self, key: str) -> int:
        return self.buckets if key[0] == _STRING else 1

    def _shared(self, key: str) -> int | None:
        """Return the slot that a key shares, where it has earned one and all are taken; else None."""
        earned = self._size == self.limit and self._candidates.get(key, 0) >= EARNED
        return _hash(key) % self.limit if earned else None

    def state(self) -> State:
        """Return all slots, and what is counted of names without."""
        return super().state() | {"candidates": [list(each) for each in self._candidates.items()]}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned, with its limit and buckets."""
        super().load_state(state)
        self._candidates = dict(map(tuple, state["candidates"]))


def _read(features: Mapping[Any, Any]) -> list[tuple[str, str | float | None]]:
    """Return names as texts, and values as texts, numbers or None."""
    return [
        (str(name), value if value is None or isinstance(value, str) else _number(name, value))
        for name, value in features.items()
    ]


def _number(name: object, value: Any) -> float:
    if not isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating):
        raise TypeError(
            f"The feature {name!r} is a {type(value).__name__}; "
            "features are numbers, strings, booleans or None."
        )
    try:
        return min(max(float(value), -_LARGEST), _LARGEST) if value == value else math.nan
    except OverflowError:
        return _LARGEST if value > 0 else -_LARGEST


def _hash(text: str) -> int:
    data = text.encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
