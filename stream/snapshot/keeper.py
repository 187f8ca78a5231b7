"""Scheduling of snapshots, and writing them while the stream goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from stream.pipeline import Pipeline
from stream.snapshot.contents import Snapshot, StoredSnapshot, take
from stream.snapshot.store import Store

log = logging.getLogger(__name__)


class Keeper:
    """Takes the snapshots of one partition's task. The stream waits only for a copy in memory.

    The memory of a copy is kept for the next one: it is as large as the task's state.

    A snapshot that cannot be written costs a warning. Writing is retried when the next one is due, and when
    the partition is left, even if no records came in between.

    Parameters
    ----------
    store
        Where they are written.
    every_s, every_records
        A snapshot is due after so many seconds, or offsets where that is given, whichever comes first.
    written, failed
        Called for each snapshot or failure, in the writing thread.
    clock
        Monotonic seconds; tests pass their own.
    """

    def __init__(
        self,
        store: Store,
        *,
        every_s: float = 60.0,
        every_records: int | None = None,
        written: Callable[[StoredSnapshot], None] = lambda kept: None,
        failed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._every_s = every_s
        self._every_records = every_records
        self._written, self._failed = written, failed
        self._clock = clock
        self._taken_at = clock()
        self._offset = 0
        self._forbidden: bool | None = None
        self._unwritten = ""
        self._latest: Snapshot | None = None
        self._writing: threading.Thread | None = None

    @property
    def topic_id(self) -> str | None:
        """Id of the topic that the task's events come from."""
        return self._store.identity.topic_id

    def begin(self, offset: int) -> None:
        """Note the offset at which the task begins: the next snapshot is due a full interval later."""
        self._offset, self._taken_at = offset, self._clock()

    def due(self, task: Pipeline) -> bool:
        """Whether a snapshot is due, and the previous one has been written."""
        if self._forbidden or not self.stale(task) or self._busy():
            return False
        records = task.next_offset - self._offset
        return self._clock() - self._taken_at >= self._every_s or (
            self._every_records is not None and records >= self._every_records
        )

    def stale(self, task: Pipeline) -> bool:
        """Whether the task has taken in records since the last snapshot that was or is being written."""
        return task.next_offset != self._offset or bool(self._unwritten)

    def missing(self, task: Pipeline) -> str:
        """Say which snapshot of the task as it is was not written, and why; nothing where none should be."""
        if self._forbidden or not (self.stale(task) or self._busy()):
            return ""
        identity = self._store.identity
        why = self._unwritten or "there was not enough time"
        return f"{identity.topic} partition {identity.partition} at offset {task.next_offset} ({why})"

    def save(self, task: Pipeline) -> float:
        """Take a snapshot and write it in the background, unless the previous one is still being written.

        Return how long the stream had to wait, in seconds. Call it only when everything the task has done is
        committed.
        """
        if self._forbidden or self._busy():
            return 0.0
        began = time.perf_counter()
        self._latest = snapshot = take(task, self._store.identity, self._latest)
        stall_s = time.perf_counter() - began
        self.begin(task.next_offset)
        if self._forbidden is None:
            self._forbidden = self._judged(snapshot)
        if not self._forbidden:
            self._writing = threading.Thread(
                target=self._write, args=(snapshot,), name="snapshot", daemon=True
            )
            self._writing.start()
        return stall_s

    def wait(self, seconds: float | None) -> None:
        """Wait until the last snapshot is written, at most `seconds`."""
        if self._writing is not None:
            self._writing.join(seconds)

    def _busy(self) -> bool:
        return self._writing is not None and self._writing.is_alive()

    def _judged(self, snapshot: Snapshot) -> bool:
        """Whether these snapshots must not be written; logs a warning, once, if they contain pickles."""
        if snapshot.pickled and self._store.allow_pickle:
            log.warning(
                "snapshots hold pickled models: whoever can write to %s can run code here", self._store.folder
            )
        elif snapshot.pickled:
            log.warning(
                "no snapshots are taken: this learner's models can only be pickled. Set "
                "snapshot.allow_pickle = true if nobody else can write to %s; until then a restart relearns "
                "everything",
                self._store.folder,
            )
        return snapshot.pickled and not self._store.allow_pickle

    def _write(self, snapshot: Snapshot) -> None:
        try:
            size = self._store.write(snapshot)
        except Exception as error:
            # Any kind of storage may raise its own exceptions; none is a reason to stop the stream.
            log.warning("the snapshot at offset %d was not written: %s", snapshot.offset, error)
            self._unwritten = str(error) or type(error).__name__
            self._failed()
        else:
            self._unwritten = ""
            self._written(StoredSnapshot(snapshot.offset, size, snapshot.taken_at))
