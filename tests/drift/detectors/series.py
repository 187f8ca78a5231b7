"""Series of numbers with and without planted changes, and checks of states."""

from __future__ import annotations

import json
from typing import Any

import numpy as np


def bernoulli(seed: int, *pieces: tuple[int, float]) -> list[float]:
    """Return 0s and 1s: for each piece so many values with that chance of a 1."""
    generator = np.random.default_rng(seed)
    return [float(value) for length, chance in pieces for value in generator.random(length) < chance]


def stored(state: Any) -> Any:
    """Return a state as storage gives it back; fail where it holds more than arrays and plain JSON values."""
    if isinstance(state, np.ndarray):
        assert state.dtype.kind in "fiub", f"{state.dtype} is no array of numbers"
        return np.frombuffer(state.tobytes(), state.dtype).reshape(state.shape)
    if isinstance(state, dict):
        return {key: stored(value) for key, value in state.items()}
    if isinstance(state, list):
        return [stored(value) for value in state]
    assert isinstance(state, str | int | float | bool | None), f"{type(state)} is no JSON value"
    return json.loads(json.dumps(state))
