"""Slots of a fixed-size table, assigned to the most recently used keys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drift.core import Lists, Parametrised, State, fields


class Slots(Parametrised):
    """Assigns each key a slot below `size`; when all are taken, the least recently used key is evicted.

    Parameters
    ----------
    size
        Number of slots, at least 1; also the most keys that one call may ask for.

    Examples
    --------
    >>> slots = Slots(2)
    >>> slots.take([7, 8]), slots.take([7]), slots.take([9])
    (([0, 1], [0, 1]), ([0], []), ([1], [1]))
    """

    state_fields = fields(Lists("_keys", dtype=np.int64))

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"Slots need size in [1, inf). Got {size!r} instead.")
        self.size = size
        self._places: dict[int, int] = {}  # Least recently used first.
        self._keys: list[int] = []

    def take(self, keys: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return the slot of each key, and the slots that this call assigned anew."""
        places, fresh = [], []
        for key in keys[: self.size]:
            place = self._places.pop(key, None)
            if place is None:
                place = self._vacate()
                self._keys[place] = key
                fresh.append(place)
            self._places[key] = place
            places.append(place)
        return places, fresh

    def _vacate(self) -> int:
        if len(self._keys) < self.size:
            self._keys.append(-1)
            return len(self._keys) - 1
        return self._places.pop(next(iter(self._places)))

    def key(self, place: int) -> int:
        """Return the key that a slot is assigned to."""
        return self._keys[place]

    def state(self) -> State:
        """Return the whole state as arrays."""
        return super().state() | {"used": np.array([*self._places], dtype=np.int64)}

    def load_state(self, state: State) -> None:
        """Load the state of slots of the same size."""
        super().load_state(state)
        places = {key: place for place, key in enumerate(self._keys)}
        self._places = {key: places[key] for key in np.asarray(state["used"]).tolist()}
