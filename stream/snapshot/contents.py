"""The content of a snapshot: a task's whole state, the offset it belongs to, and its identity."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from drift.core import State, holds_pickle
from stream import __version__
from stream.pipeline import Pipeline


class SnapshotError(ValueError):
    """A snapshot that cannot be used: names it, the reason, and the next step if there is one."""


class Identity(NamedTuple):
    """Where a state belongs. It can only be used by a task that would have reached the same state.

    Parameters
    ----------
    topic, topic_id, partition
        Source of the events. The id tells a topic from an earlier one of the same name; None accepts either.
    configuration
        Digest of the settings that determine a model's arithmetic.
    parts
        Settings of each part of the state that can be discarded alone; see `Settings.parts`.
    """

    topic: str
    topic_id: str | None
    partition: int
    configuration: str
    parts: Mapping[str, Any] = MappingProxyType({})

    def left(self, theirs: Identity) -> list[str]:
        """Return the parts of another's state that cannot be used, because their settings differ."""
        return [part for part, ours in self.parts.items() if theirs.parts.get(part, ours) != ours]


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A task's state at an offset.

    Parameters
    ----------
    identity
        Where it belongs.
    offset
        One past the last record taken in.
    updates
        Messages learned from.
    taken_at
        Time of the snapshot, in seconds since 1970; for people and gauges only.
    written_by
        Version of the program that wrote it.
    state
        What `Task.state` returned.
    """

    identity: Identity
    offset: int
    updates: int
    taken_at: float
    written_by: str
    state: State

    @property
    def pickled(self) -> bool:
        """Whether it contains a pickle, which executes code when it is loaded."""
        return holds_pickle(self.state)


class StoredSnapshot(NamedTuple):
    """A snapshot in the store: its offset, its size in bytes, and when it was taken (since 1970)."""

    offset: int
    size: int
    taken_at: float


def take(task: Pipeline, identity: Identity, spare: Snapshot | None = None) -> Snapshot:
    """Return a snapshot that shares no memory with the task, which can go on learning while it is written.

    Parameters
    ----------
    task
        The task whose state is copied.
    identity
        Identity of the snapshot.
    spare
        A snapshot that is no longer needed: its memory is reused, which is several times faster than an
        allocation. None (the default) allocates memory.
    """
    state = _copied(task.state(), spare.state if spare else {})
    return Snapshot(identity, task.next_offset, task.updates, time.time(), __version__, state)


def _copied(state: State, spare: State) -> State:
    return {key: _copy(value, spare.get(key)) for key, value in state.items()}


def _copy(value: Any, spare: Any) -> Any:
    if isinstance(value, dict):
        return _copied(value, spare if isinstance(spare, dict) else {})
    if not isinstance(value, np.ndarray):
        return copy.deepcopy(value)
    if not isinstance(spare, np.ndarray) or (spare.shape, spare.dtype) != (value.shape, value.dtype):
        return value.copy()
    np.copyto(spare, value)
    return spare
