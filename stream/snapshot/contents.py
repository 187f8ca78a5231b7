"""What a snapshot says: a task's whole state, the offset it belongs to, and whose it is."""

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
    """A snapshot that cannot be used: says which, why, and what to do where something can be done."""


class Identity(NamedTuple):
    """Whose state it is. A state is of use only to a task that would have come to the same one.

    Parameters
    ----------
    topic, topic_id, partition
        Where the events are. The id tells a topic from an earlier one of the same name; None asks for either.
    configuration
        Digest of the settings that determine a model's arithmetic.
    parts
        By part of the state that can be left by itself, what is set of it; see `Settings.parts`.
    """

    topic: str
    topic_id: str | None
    partition: int
    configuration: str
    parts: Mapping[str, Any] = MappingProxyType({})

    def left(self, theirs: Identity) -> list[str]:
        """Return the parts of another's state that do not fit, because they are set otherwise here."""
        return [part for part, ours in self.parts.items() if theirs.parts.get(part, ours) != ours]


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A task's state at an offset.

    Parameters
    ----------
    identity
        Whose it is.
    offset
        One past the last record taken in.
    updates
        Messages learned from.
    taken_at
        When, in seconds since 1970; for people and gauges only.
    written_by
        Version of the program.
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
        """Whether anything in it is a pickle, which executes code when it is loaded."""
        return holds_pickle(self.state)


class StoredSnapshot(NamedTuple):
    """A snapshot in its place: its offset, its size in bytes, and when it was taken (since 1970)."""

    offset: int
    size: int
    taken_at: float


def take(task: Pipeline, identity: Identity, spare: Snapshot | None = None) -> Snapshot:
    """Return a snapshot that shares nothing with the task: it may learn on while this is written.

    Parameters
    ----------
    task
        Whose state to copy.
    identity
        Whose snapshot it is.
    spare
        One that nobody needs any more: the new one takes over its memory, which is several times faster
        than asking for new memory. None (the default) asks for new memory.
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
