"""Collection of the worker's figures, and the immutable status that other threads read.

The worker's threads write; the metrics endpoint and the live view read `Telemetry.status` from their own.
There are no figures of single labels: thousands of labels would be thousands of series.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Histogram

from drift.alarms import Alarm
from stream.encoders import Encoder
from stream.pipeline import Answerer, Outcome, Replica
from stream.records import Event
from stream.snapshot import StoredSnapshot
from stream.telemetry.status import (
    LessonsStatus,
    PartitionStatus,
    Restoration,
    WorkerStatus,
    partition_status,
)

LATEST_ALARMS = 8
"""Number of latest alarms in the status."""
STATISTICS_EVERY_S = 1.0
"""Least seconds between two collections of a partition's scores and statistics, which cost O(labels)."""

EVENT_BUCKETS = (1, 4, 16, 64, 256, 1024, 4096)
SECONDS_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Upper bounds of the histograms: events that the encoder was given at once, and durations."""


@dataclasses.dataclass
class _Partition:
    """Figures of one partition that are kept between batches."""

    status: PartitionStatus
    updates: int
    taken_at: float
    snapshot: StoredSnapshot | None


class Telemetry:
    """Takes in what the worker reports, and returns its status.

    Parameters
    ----------
    build
        What is running: version, run, encoder, learner.
    clock
        Monotonic seconds; tests pass their own.

    Attributes
    ----------
    encode_events
        How many events the encoder was given at once, as a histogram.
    times
        Durations of the parts of a batch, as histograms.

    Examples
    --------
    >>> Telemetry().status().ready
    False
    """

    def __init__(
        self, build: Mapping[str, str] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.build = dict(build or {})
        self.encode_events = Histogram(
            "ithaca_encode_events",
            "Events that the encoder was given at once.",
            registry=None,
            buckets=EVENT_BUCKETS,
        )
        self.times = {
            "encode": _histogram("encode", "Encoding a batch of events, on another thread where done ahead."),
            "predict_learn": _histogram("predict_learn", "Predicting and learning a batch."),
            "commit": _histogram("commit", "Writing and committing a batch's transaction."),
            "batch": _histogram("batch", "A batch from poll to commit."),
            "snapshot": _histogram("snapshot", "Copying the state for a snapshot: what the stream waits."),
        }
        self._clock = clock
        self._lock = threading.Lock()
        self._began = self._beat = clock()
        self._counts: collections.Counter[str] = collections.Counter()
        self._dead_letters: collections.Counter[str] = collections.Counter()
        self._alarms: collections.Counter[str] = collections.Counter()
        self._latest: collections.deque[Alarm] = collections.deque(maxlen=LATEST_ALARMS)
        self._partitions: dict[int, _Partition] = {}
        self._restorations: dict[int, Restoration] = {}
        self._relearned: dict[int, int] = {}
        self._joined = False
        self._trouble: str | None = None
        self._idle_since = math.inf
        self._lessons: LessonsStatus | None = None
        self._encoding = _Encoding()

    # What the worker reports -------------------------------------------------------------------------

    def beat(self) -> None:
        """Record a sign of life; called once per iteration of the worker's loop."""
        self._beat = self._clock()

    def joined(self, settled: bool, trouble: str | None = None) -> None:
        """Record whether the group has assigned our partitions, and why nothing can be read, if so."""
        self._joined, self._trouble = settled, trouble
        if not settled or self._partitions or self._restorations:
            self._idle_since = math.inf
        else:
            self._idle_since = min(self._idle_since, self._clock())

    def stopping(self) -> None:
        """Record that the worker ends: it reads no more records."""
        self._trouble = "stopping"

    def restoring(self, partition: int, task: Answerer | None = None) -> None:
        """Record that a partition was assigned, or how far it is restored; from the restoring thread."""
        with self._lock:
            if task is None:
                self._restorations[partition] = Restoration(partition)
            elif partition in self._restorations:
                before = self._relearned.get(partition, task.updates)
                self._counts["learned"] += task.updates - before
                self._relearned[partition] = task.updates
                self._restorations[partition] = Restoration(partition, task.next_offset, task.live_from)

    def gained(self, partition: int, task: Answerer, snapshot: StoredSnapshot | None = None) -> None:
        """Record that a partition is restored and at work, and the snapshot its task came from."""
        with self._lock:
            self._restorations.pop(partition, None)
            self._relearned.pop(partition, None)
            self._partitions[partition] = _Partition(
                partition_status(partition, task, None), task.updates, self._clock(), snapshot
            )

    def gone(self, partition: int) -> None:
        """Record that a partition was given up; its series disappear."""
        with self._lock:
            self._partitions.pop(partition, None)
            self._restorations.pop(partition, None)
            self._relearned.pop(partition, None)

    def processed(self, seconds: float) -> None:
        """Record that a batch was predicted and learned, and encoded where that was not done ahead."""
        self.times["predict_learn"].observe(max(0.0, seconds - self._encoding.seconds))
        self._encoding.seconds = 0.0

    def committed(
        self,
        partition: int,
        task: Answerer,
        outcome: Outcome,
        *,
        lag: int | None,
        commit_s: float,
        batch_s: float,
    ) -> None:
        """Record a finished batch, the lag, and how long the transaction and the whole batch took."""
        with self._lock:
            self._take(partition, task, lag)
            if not outcome.outputs:
                return  # Nothing was written.
            self._counts["batches"] += 1
            self._counts["predictions"] += sum(output.kind == "predictions" for output in outcome.outputs)
            self._dead_letters.update(outcome.dead_letters)
            self._alarms.update(alarm.scope for alarm in outcome.alarms)
            self._latest.extend(outcome.alarms)
        self.times["commit"].observe(commit_s)
        self.times["batch"].observe(batch_s)

    def followed(self, replica: Replica, lag: int | None, lag_s: float, *, owner: bool) -> None:
        """Record the position of a shared model's replica, and whether we write the lessons' outputs."""
        with self._lock:
            kept = self._lessons.snapshot if self._lessons is not None and owner else None
            self._lessons = LessonsStatus(replica.next_offset, lag, lag_s, owner, kept)

    def observed(self, outcome: Outcome) -> None:
        """Record the outputs of lessons, which have been written."""
        with self._lock:
            self._dead_letters.update(outcome.dead_letters)
            self._alarms.update(alarm.scope for alarm in outcome.alarms)
            self._latest.extend(outcome.alarms)

    def failed(self, partition: int | None) -> None:
        """Record a failed transaction of a partition, or of the lessons, which will be retried."""
        with self._lock:
            self._counts["failures"] += 1
            if partition is not None and partition in self._partitions:
                self._partitions[partition].status = dataclasses.replace(
                    self._partitions[partition].status, failing=True
                )

    def waiting(self, partition: int, lag: int | None) -> None:
        """Record the lag of a partition, even while nothing of it is committed."""
        with self._lock:
            kept = self._partitions[partition]
            kept.status = dataclasses.replace(kept.status, lag=lag)

    def fenced(self) -> None:
        """Record that another worker had taken over a partition; our state of it is discarded."""
        with self._lock:
            self._counts["fencings"] += 1

    def snapshot_taken(self, stall_s: float) -> None:
        """Record how long the stream waited for a snapshot's copy."""
        self.times["snapshot"].observe(stall_s)

    def snapshot_written(self, partition: int | None, kept: StoredSnapshot) -> None:
        """Record a snapshot of a partition, or of the lessons; it may have been given up by now."""
        with self._lock:
            self._counts["snapshots"] += 1
            if partition is None and self._lessons is not None and self._lessons.owner:
                self._lessons = self._lessons._replace(snapshot=kept)
            if partition is not None and partition in self._partitions:
                self._partitions[partition].snapshot = kept

    def snapshot_failed(self) -> None:
        """Record a snapshot that could not be written."""
        with self._lock:
            self._counts["snapshot_failures"] += 1

    def _take(self, partition: int, task: Answerer, lag: int | None) -> None:
        kept, now = self._partitions[partition], self._clock()
        self._counts["learned"] += task.updates - kept.updates
        kept.updates = task.updates
        if now - kept.taken_at >= STATISTICS_EVERY_S or lag == 0:
            kept.status, kept.taken_at = partition_status(partition, task, lag), now
        else:
            kept.status = dataclasses.replace(
                kept.status, lag=lag, next_offset=task.next_offset, failing=False
            )

    def timed(self, encoder: Encoder) -> Encoder:
        """Return the encoder with its time measured; give it to the tasks."""
        return _Timed(encoder, self)

    # What others read -------------------------------------------------------------------------------

    def status(self) -> WorkerStatus:
        """Return the present status, immutable."""
        now = self._clock()
        with self._lock:
            return WorkerStatus(
                uptime_s=now - self._began,
                silence_s=now - self._beat,
                idle_s=max(0.0, now - self._idle_since),
                joined=self._joined,
                trouble=self._trouble,
                predictions=self._counts["predictions"],
                learned=self._counts["learned"],
                batches=self._counts["batches"],
                failures=self._counts["failures"],
                fencings=self._counts["fencings"],
                snapshots=self._counts["snapshots"],
                snapshot_failures=self._counts["snapshot_failures"],
                dead_letters=dict(sorted(self._dead_letters.items())),
                alarms=dict(sorted(self._alarms.items())),
                latest_alarms=tuple(self._latest),
                partitions=tuple(
                    dataclasses.replace(kept.status, snapshot=kept.snapshot)
                    for _, kept in sorted(self._partitions.items())
                ),
                lessons=self._lessons,
                restorations=tuple(each for _, each in sorted(self._restorations.items())),
            )


class _Encoding(threading.local):
    """Seconds spent encoding since the last batch, per thread: restoring and encoding ahead have others."""

    seconds = 0.0


class _Timed:
    """An encoder whose time is measured."""

    def __init__(self, encoder: Encoder, telemetry: Telemetry) -> None:
        self._encoder = encoder
        self._telemetry = telemetry
        self.check = encoder.check
        self.state = encoder.state
        self.load_state = encoder.load_state

    @property
    def name(self) -> str:
        return self._encoder.name

    def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
        began = time.perf_counter()
        try:
            return self._encoder.encode(events)
        finally:
            seconds = time.perf_counter() - began
            self._telemetry.times["encode"].observe(seconds)
            self._telemetry.encode_events.observe(len(events))
            self._telemetry._encoding.seconds += seconds


def _histogram(name: str, text: str) -> Histogram:
    return Histogram(f"ithaca_{name}_seconds", text, registry=None, buckets=SECONDS_BUCKETS)
