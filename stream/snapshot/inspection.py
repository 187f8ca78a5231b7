"""Finding and comparing snapshot files from outside a worker."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from numpy.typing import NDArray

from drift.core import State, digest
from stream.config import Settings
from stream.pipeline import Pipeline, make_answerer, make_replica, make_task
from stream.snapshot.contents import Snapshot, SnapshotError
from stream.snapshot.store import ANSWERS, SUFFIX


def find(where: str) -> tuple[AbstractFileSystem, list[str]]:
    """Return the file system and the paths of the snapshots at a location: a file, or all in a folder.

    Raises
    ------
    SnapshotError
        When there is none, or the location cannot be reached.
    """
    try:
        files, path = url_to_fs(where)
    except (ImportError, ValueError) as error:
        raise SnapshotError(f"{where} cannot be reached: {error}") from error
    if not files.exists(path):
        raise SnapshotError(
            f"There is nothing at {where}. Name a snapshot or the folder in snapshot.location."
        )
    if not files.isdir(path):
        return files, [path]
    found = sorted(name for name in files.find(path) if name.endswith(SUFFIX))
    if not found:
        raise SnapshotError(f"There is no snapshot in {where}; their names end in {SUFFIX}.")
    return files, found


def unloadable(files: AbstractFileSystem, path: str, snapshot: Snapshot) -> str:
    """Return why a snapshot that is whole would not be used by this version; empty if it would.

    It is loaded into what the settings beside it make, and must come out of it as it was. One with pickled
    models is not loaded, because that executes code.

    Raises
    ------
    SnapshotError
        When that cannot be told.
    """
    if snapshot.pickled:
        raise SnapshotError("it holds pickled models, which are not loaded here")
    kind = ANSWERS if path.endswith(f"{ANSWERS}{SUFFIX}") else ""
    short = f"{snapshot.identity.configuration[:12]}{kind}"
    beside = f"{os.path.dirname(path)}/{short}.json"
    if not files.exists(beside):
        raise SnapshotError(f"its settings, {short}.json, are not beside it")
    stream, _, kind = snapshot.identity.topic.rpartition(".")
    try:
        settings = Settings.model_validate(json.loads(files.cat_file(beside)) | {"stream": stream})
        loaded = _made(settings, kind, snapshot)
        loaded.load_state(snapshot.state)
    except Exception as error:
        # Whatever a restoring worker would stumble over.
        return f"{type(error).__name__}: {error}"
    return "" if digest(loaded.state()) == digest(snapshot.state) else "loaded, it is another state"


def _made(settings: Settings, kind: str, snapshot: Snapshot) -> Pipeline:
    if kind == "lessons":
        return make_replica(settings)
    if "learner" in snapshot.state:
        return make_task(settings)
    replica = make_replica(settings)
    return make_answerer(settings, lambda: replica)


def differences(one: State, other: State) -> dict[str, str]:
    """Return how two states differ, by part; a part without differences has an empty text."""
    first, second = _flat(one), _flat(other)
    return {
        path: _difference(first.get(path, _ABSENT), second.get(path, _ABSENT))
        for path in sorted({*first, *second})
    }


_ABSENT = object()


def _difference(one: Any, other: Any) -> str:
    if _ABSENT in (present := [value if value is _ABSENT else None for value in (one, other)]):
        return f"only in the {'second' if present[0] is _ABSENT else 'first'}"
    if not isinstance(one, np.ndarray) or not isinstance(other, np.ndarray):
        return "" if digest({"": one}) == digest({"": other}) else f"{_short(one)} and {_short(other)}"
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        return f"{one.dtype}{list(one.shape)} and {other.dtype}{list(other.shape)}"
    apart = _apart(one, other)
    if not apart.any():
        return ""
    said = f"{int(apart.sum())} of {one.size} values"
    if one.dtype.kind != "f":
        return said
    return f"{said}, by {float(np.nanmax(np.abs(one - other)[apart], initial=0.0)):.3g} at most"


def _apart(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    both_missing = np.isnan(one) & np.isnan(other) if one.dtype.kind == "f" else np.zeros(one.shape, np.bool_)
    return np.asarray((one != other) & ~both_missing)


def _flat(state: State, prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in state.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}/")
        else:
            flat[prefix + key] = value
    return flat


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
