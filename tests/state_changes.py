"""States with one value changed, to see whether loading takes it over."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from drift.core import State, digest

FIELDS = 8
"""Most columns of an array that is a table of fields."""


class Kept(Protocol):
    """Whatever has a state."""

    def state(self) -> State:
        """Return it."""

    def load_state(self, state: State) -> None:
        """Take it over."""


def not_taken_over(make: Callable[[], Kept], state: State) -> list[str]:
    """Return the places of a state at which a changed value is lost, unless loading refuses it."""
    return [place for place, changed in _changes(state) if not _taken_over(make(), changed)]


def _taken_over(fresh: Kept, changed: State) -> bool:
    try:
        fresh.load_state(copy.deepcopy(changed))
        found = fresh.state()
    except Exception:
        return True
    return digest(found) == digest(changed)


def _changes(state: State) -> Iterator[tuple[str, State]]:
    """Yield each place with a number, and the whole state with another number there."""
    for path in _places(state, ()):
        changed = copy.deepcopy(state)
        owner: Any = changed
        for key in path[:-1]:
            owner = owner[key]
        owner[path[-1]] = _changed(owner[path[-1]])
        yield "/".join(_named(key) for key in path), changed


def _named(key: str | int | tuple[int, ...]) -> str:
    """Return a key as it is shown; of a position in a table its column."""
    if isinstance(key, tuple):
        return f"column {key[-1]}" if len(key) == 2 else "last"
    return str(key)


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _places(each, (*path, key))
    elif isinstance(value, list):
        yield from (_places(value[0], (*path, 0)) if value else ())
    elif isinstance(value, np.ndarray) and value.size:
        # The columns of a table are fields of their own.
        columns = value.shape[1] if value.ndim == 2 and value.shape[1] <= FIELDS else 1
        last = np.unravel_index(value.size - 1, value.shape)
        yield from ((*path, (*last[:-1], last[-1] - column)) for column in range(columns))
    elif isinstance(value, (bool, int, float)):
        yield path


def _changed(value: Any) -> Any:
    """Return another number of the same type; of 0 and 1, which may be a truth value, the other one."""
    return type(value)(1 - int(value)) if value in (0, 1) else value + 1
