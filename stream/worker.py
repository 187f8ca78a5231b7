"""The live service: takes its share of a stream's partitions and runs a task on each.

A worker is one loop on one thread: poll, process, commit. What one poll brought is processed and
committed before the next, so partitions come and go only between batches. Coming back is no special
case either: a partition's task begins as its newest snapshot has it, or anew, is silent up to the offset
that the group has committed, and live from there on.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Sequence

from stream.config import Settings
from stream.errors import EncoderError, LearnerError
from stream.events import Record
from stream.kafka import BrokerError, Group, Outbox, UnwrittenError, topic_id
from stream.snapshot import Identity, Keeper, Store, announcement, recover
from stream.task import Outcome, Task
from stream.telemetry import Telemetry

IDLE_S = 0.005
"""Pause after a poll that brought nothing: what latency a quiet stream pays."""
LEAVE_S = 3.0
"""How long the last snapshots may take, when partitions go or the worker stops."""
MOST_REFUSED = 100
"""At so many records of a partition a learner may throw; beyond that, it is not the records."""
RETRY_S = 1.0
"""Pause before a failed transaction, or the opening of a partition, is tried again."""

log = logging.getLogger(__name__)


class BatchSize:
    """How many records to take at once, so that a full batch takes about as long as it may.

    A commit costs about 4 ms whatever is in it: under load large batches carry it, and on a quiet stream
    a batch is what is there.

    Parameters
    ----------
    target_s
        How long a batch may take, in seconds.
    largest
        Most records in one batch.

    Examples
    --------
    >>> size = BatchSize(target_s=0.1, largest=1000)
    >>> size.adapt(size.records, seconds=0.02)
    >>> size.records
    128
    """

    def __init__(self, target_s: float, largest: int) -> None:
        self.records = min(64, largest)
        self._target_s = target_s
        self._largest = largest

    def adapt(self, records: int, seconds: float) -> None:
        """Take in how long a batch took; a short batch that was fast enough says nothing."""
        if records < self.records and seconds <= self._target_s:
            return
        ideal = records * self._target_s / max(seconds, 1e-6)
        bounded = min(max(ideal, self.records / 2), self.records * 2, self._largest)
        self.records = max(1, round(bounded))


@dataclasses.dataclass
class Lane:
    """One of our partitions: its task, its way out, and what is processed but not committed."""

    task: Task
    outbox: Outbox
    keeper: Keeper
    committed: int
    pending: Outcome | None = None
    doubtful: bool = False
    retry_at: float = 0.0


class Worker:
    """Runs the tasks of the partitions that the group gives this process.

    Parameters
    ----------
    settings
        Stream, group, broker, latency target.
    make_task
        Makes a partition's task, given the first offset whose outputs count.
    telemetry
        Whom to tell; by default one that nobody reads.

    Raises
    ------
    BrokerError
        When there is no broker.
    """

    def __init__(
        self, settings: Settings, make_task: Callable[[int], Task], telemetry: Telemetry | None = None
    ) -> None:
        self._settings = settings
        self._make_task = make_task
        self._telemetry = telemetry or Telemetry()
        self._group = Group(settings)
        self._size = BatchSize(settings.worker.latency_ms / 1000, settings.worker.largest_batch)
        self._lanes: dict[int, Lane] = {}
        self._unopened: dict[int, float] = {}
        self._refused: dict[int, dict[int, str]] = {}
        self._topic_id: str | None = None
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Finish the batch, commit it and end `run`; may be called from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Work until `stop`.

        Raises
        ------
        FencedError
            When another worker took over a partition without the group's knowledge.
        LearnerError
            When the learner threw at more than `MOST_REFUSED` records of a partition.
        RecoveryError
            When events that a partition's model needs are gone.
        UnwrittenError
            When it was stopped with a batch that could not be committed; nothing of it was emitted.
        """
        try:
            while not self._stopping.is_set():
                self._turn()
            self._keep(list(self._lanes))
            unwritten = {partition: lane.pending for partition, lane in self._lanes.items() if lane.pending}
            if unwritten:
                raise UnwrittenError(
                    f"stopped while the last batch of partitions {sorted(unwritten)} could not be committed; "
                    "nothing of it was emitted, and the next start does it again"
                )
        finally:
            self._close()

    def _turn(self) -> None:
        self._telemetry.beat()
        polled = self._group.poll(self._size.records)
        began = time.monotonic()
        self._keep(polled.released)
        for partition in (*polled.released, *polled.lost):
            self._drop(partition)
        self._unopened.update(dict.fromkeys(polled.gained, 0.0))
        self._open_lanes(began)
        count = 0
        for partition, records in polled.records.items():
            count += self._process(partition, records)
        for partition, lane in list(self._lanes.items()):
            if lane.pending is not None and lane.retry_at <= began:
                self._commit(partition, lane, lane.pending, began)
            if lane.pending is None and lane.keeper.due(lane.task):
                self._save(lane)
        if count:
            self._size.adapt(count, time.monotonic() - began)
        else:
            self._stopping.wait(IDLE_S)

    def _process(self, partition: int, records: list[Record]) -> int:
        lane = self._lanes.get(partition)
        if lane is None:
            return 0  # Not opened yet; opening it goes back to the beginning.
        began = time.monotonic()
        try:
            lane.pending = lane.task.process(records)
        except (EncoderError, LearnerError) as error:
            self._begin_anew(partition, error)
            return 0
        self._telemetry.processed(time.monotonic() - began)
        return len(records)

    def _begin_anew(self, partition: int, error: EncoderError | LearnerError) -> None:
        """Go back to the newest snapshot: the task may have taken in a part of its batch."""
        log.warning("partition %d goes back to its newest snapshot: %s", partition, error)
        wait_s = RETRY_S
        if isinstance(error, LearnerError):
            refused = self._refused.setdefault(partition, {})
            refused[error.offset] = error.detail
            wait_s = 0.0
            if len(refused) > MOST_REFUSED:
                raise error
        self._drop(partition)
        self._group.hold(partition)
        self._unopened[partition] = time.monotonic() + wait_s

    def _commit(self, partition: int, lane: Lane, outcome: Outcome, began: float) -> None:
        writing = time.monotonic()
        try:
            if outcome.next_offset > lane.committed and not self._settled(partition, lane, outcome):
                lane.outbox.write(outcome.outputs, outcome.next_offset, self._group.membership())
        except (UnwrittenError, BrokerError) as error:
            log.warning("%s; trying again", error)
            lane.doubtful, lane.retry_at = True, time.monotonic() + RETRY_S
            self._group.hold(partition)
            self._telemetry.failed()
            return
        lane.committed = max(lane.committed, outcome.next_offset)
        lane.pending = None
        self._group.go_on(partition)
        now, lag = time.monotonic(), self._group.lag(partition, outcome.next_offset)
        self._telemetry.committed(
            partition, lane.task, outcome, lag=lag, commit_s=now - writing, batch_s=now - began
        )

    def _settled(self, partition: int, lane: Lane, outcome: Outcome) -> bool:
        """Whether an outcome whose transaction seemed to fail was committed all the same."""
        if not lane.doubtful:
            return False
        lane.outbox.reopen()
        committed = self._group.committed(partition) or 0
        lane.doubtful = False
        return committed >= outcome.next_offset

    def _open_lanes(self, now: float) -> None:
        for partition in [waiting for waiting, at in self._unopened.items() if at <= now]:
            try:
                self._lanes[partition] = self._open(partition)
            except (UnwrittenError, BrokerError, OSError) as error:
                log.warning("partition %d is not open yet: %s; trying again", partition, error)
                self._unopened[partition] = time.monotonic() + RETRY_S
                continue
            del self._unopened[partition]

    def _open(self, partition: int) -> Lane:
        # First the outbox: it settles what the last owner left open, and only then is the offset final.
        outbox = Outbox(self._settings, partition)
        try:
            return self._recover(partition, outbox)
        except BaseException:
            outbox.close()
            raise

    def _recover(self, partition: int, outbox: Outbox) -> Lane:
        store = self._store(partition)
        recovered = recover(
            self._make_task,
            store,
            committed=self._group.committed(partition),
            beginning=self._group.beginning(partition),
            rebuild=self._settings.snapshot.rebuild,
        )
        task = recovered.task
        task.refused = self._refused.get(partition, {})
        log.info(
            "partition %d: relearning silently from offset %d to %d",
            partition,
            task.next_offset,
            task.live_from,
        )
        lane = Lane(task, outbox, self._keeper(store, task), task.live_from)
        if recovered.gap is not None:
            announced = announcement(task, store, recovered.gap, round(time.time() * 1000))
            outbox.write([announced], task.live_from, self._group.membership())
        self._telemetry.gained(partition, task, recovered.kept)
        if recovered.unsaved:
            self._save(lane)
            lane.keeper.wait(LEAVE_S)
        self._group.read_from(partition, task.next_offset)
        return lane

    def _store(self, partition: int) -> Store:
        settings, source = self._settings.snapshot, self._group.topic
        if self._topic_id is None:
            self._topic_id = topic_id(self._settings.kafka, source)
        return Store(
            settings.location,
            self._settings.group,
            Identity(source, self._topic_id, partition, self._settings.configuration),
            keep=settings.keep,
            allow_pickle=settings.allow_pickle,
        )

    def _keeper(self, store: Store, task: Task) -> Keeper:
        partition = store.identity.partition
        keeper = Keeper(
            store,
            every_s=self._settings.snapshot.every_s,
            every_records=self._settings.snapshot.every_records,
            written=lambda kept: self._telemetry.snapshot_written(partition, kept),
            failed=self._telemetry.snapshot_failed,
        )
        keeper.begin(task.next_offset)
        return keeper

    def _save(self, lane: Lane) -> None:
        self._telemetry.snapshot_taken(lane.keeper.save(lane.task))

    def _keep(self, partitions: Sequence[int]) -> None:
        """Take the last snapshots of partitions that we leave in order, all within `LEAVE_S`."""
        deadline = time.monotonic() + LEAVE_S
        settled = [
            lane
            for partition in partitions
            if (lane := self._lanes.get(partition)) is not None and lane.pending is None
        ]
        for lane in settled:
            lane.keeper.wait(max(0.0, deadline - time.monotonic()))
            if lane.keeper.stale(lane.task):
                self._save(lane)
        for lane in settled:
            lane.keeper.wait(max(0.0, deadline - time.monotonic()))

    def _drop(self, partition: int) -> None:
        self._unopened.pop(partition, None)
        lane = self._lanes.pop(partition, None)
        if lane is not None:
            lane.outbox.close()
            self._telemetry.gone(partition)

    def _close(self) -> None:
        for partition in list(self._lanes):
            self._drop(partition)
        self._group.close()
