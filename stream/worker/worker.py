"""The live service: joins the stream's consumer group and runs a task for each assigned partition.

A worker is one loop on one thread: poll, process, commit. A batch is processed and committed before the
next, so partitions are assigned and revoked only between batches; the next one is encoded meanwhile, on
another thread. A new partition is restored on another one, for however long that takes; its records wait
meanwhile, and the loop goes on with the others.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Collection, Sequence

from stream.config import Settings
from stream.encoders import EncoderError
from stream.kafka import (
    BrokerError,
    FencedError,
    Group,
    InstanceError,
    Polled,
    UnwrittenError,
    in_background,
)
from stream.pipeline import Answerer, LearnerError
from stream.records import Record
from stream.telemetry import Telemetry
from stream.worker.batch_size import BatchSize
from stream.worker.commits import COMMIT_S, Commits, committed_offset
from stream.worker.encode_ahead import EncodeAhead
from stream.worker.ending import LAST_SNAPSHOT_S, Ending
from stream.worker.lessons import Lessons
from stream.worker.partition import LONGEST_S, AssignedPartition, UnkeptError, save, save_last
from stream.worker.restoration import PartitionLoader
from stream.worker.restorer import RETRY_S, Restorer
from stream.worker.time_order import MOST_BYTES, MOST_HELD, TimeOrder

IDLE_S = 0.005
"""Pause in seconds after a poll without records, which adds to the latency of a quiet stream."""

LAG_EVERY_S = 1.0
"""Seconds between two measurements of the lag, even if nothing is committed."""

log = logging.getLogger(__name__)


class Worker:
    """Runs the tasks of the partitions that the group assigns to this process.

    Parameters
    ----------
    settings
        Stream, group, broker, latency target.
    make_task
        Makes a partition's task, given the first offset whose outputs count; called from another thread.
    telemetry
        Receives measurements; by default they are discarded.
    lessons
        Holds the replica that the tasks answer with, where partitions share a model; closed with the worker.

    Attributes
    ----------
    ending
        Whether and until when it ends; shared with what ends beside it.

    Raises
    ------
    BrokerError
        When there is no broker.
    """

    def __init__(
        self,
        settings: Settings,
        make_task: Callable[[int], Answerer],
        telemetry: Telemetry | None = None,
        lessons: Lessons | None = None,
    ) -> None:
        self._settings = settings
        self.ending = Ending(settings)
        self._telemetry = telemetry or Telemetry()
        self._group = Group(settings)
        self._lessons = lessons
        self._size = BatchSize(
            settings.worker.latency_ms / 1000,
            settings.worker.largest_batch,
            None if lessons is None else settings.model.lag,
        )
        self._loader = PartitionLoader(settings, make_task, self._group, self._telemetry)
        self._restorer = Restorer(self._loader.restore)
        self._assigned: dict[int, AssignedPartition[Answerer]] = {}
        self._commits = Commits()
        self._answered = self._learned = 0
        self._order = TimeOrder(fair=lessons is None)
        self._ahead = EncodeAhead(self._order)
        self._lag_due = 0.0

    def stop(self) -> None:
        """Finish the batch, commit it and end `run`; see `Ending.ask`."""
        self.ending.ask()

    def run(self) -> None:
        """Process records until `stop`.

        Raises
        ------
        InstanceError
            When another worker has the same instance name.
        LearnerError
            When the learner failed at more than `MOST_REFUSED` records of a partition.
        RecoveryError
            When events that a partition's model needs have been deleted.
        UnwrittenError
            When it was stopped with a batch that could not be committed; nothing of it was emitted.
        UnkeptError
            When it was stopped and a last snapshot could not be written; all is committed.
        """
        try:
            while not self.ending.asked:
                self._turn()
            self._telemetry.stopping()
            self._settle(self.ending.committed_by)
            unkept = self._keep(list(self._assigned), self.ending.committed_by, self.ending.kept_by)
            unwritten = sorted(partition for partition, one in self._assigned.items() if one.doubtful)
            if unwritten:
                raise UnwrittenError(
                    f"stopped while the last batch of partitions {unwritten} could not be committed; "
                    "nothing of it was emitted, and the next start does it again"
                )
        finally:
            self._close()
        if unkept := [*unkept, *(self._lessons.unkept if self._lessons else ())]:
            raise UnkeptError(unkept)

    def _turn(self) -> None:
        self._telemetry.beat()
        if self._lessons is not None:
            self._learned += self._lessons.turn(answered=self._answered > 0)
            if self.ending.asked:
                return  # No batch is begun after it: the lessons may have waited for the broker.
        polled = self._group.poll(self._wanted())
        self._telemetry.joined(self._group.joined, self._group.trouble)
        began = time.monotonic()
        self._leave(polled)
        for partition in polled.gained:
            self._restore(partition)
        self._go_live()
        self._leave_deleted_topic()
        self._order.add(polled.records)
        idle = {number: assigned for number, assigned in self._assigned.items() if assigned.pending is None}
        self._answered = 0
        for partition, records in self._ahead.take(self._size.records, idle).items():
            self._answered += self._process(partition, records)
        self._commit(began)
        for assigned in self._assigned.values():
            if assigned.pending is None and assigned.keeper.due(assigned.task):
                save(assigned, self._telemetry)
        self.ending.worked()
        if time.monotonic() >= self._lag_due:
            self._lag_due = time.monotonic() + LAG_EVERY_S
            self._show_lag()
        if self._answered:
            waiting = len(self._order) + self._group.unread(self._assigned)
            self._size.adapt(self._answered, time.monotonic() - began, self._learned, waiting)
        else:
            time.sleep(IDLE_S)
        if self._answered or len(idle) == len(self._assigned):
            self._learned = 0  # What others write while nothing waits here makes no prediction late.

    def _settle(self, until: float) -> None:
        """Commit what is pending, over a rebalance too; what is polled meanwhile is the next owner's."""
        self._end_commits(list(self._assigned), until)
        while any(each.pending is not None for each in self._assigned.values()) and time.monotonic() < until:
            self._telemetry.beat()
            self._leave(self._group.poll(1))
            self._commit(time.monotonic())
            time.sleep(IDLE_S)

    def _leave(self, polled: Polled) -> None:
        """Let go of the partitions that the group took away."""
        deadline = time.monotonic() + LAST_SNAPSHOT_S
        self._keep(polled.released, deadline, deadline)
        for partition in (*polled.released, *polled.lost):
            self._drop(partition)

    def _wanted(self) -> int:
        """Return how many records to poll: until there are some of each partition, and of all a batch."""
        # The client returns all fetched records of one partition before those of the next.
        few = len(self._order) < self._size.records
        short = few or any(not self._order.held(partition) for partition in self._assigned)
        return max(1, MOST_HELD - len(self._order)) if short and self._order.bytes < MOST_BYTES else 1

    def _show_lag(self) -> None:
        """Report the lag of each partition, whether or not anything is committed."""
        for partition in self._assigned:
            self._telemetry.waiting(partition, self._lag(partition))

    def _lag(self, partition: int) -> int | None:
        """Return how many offsets wait, what was read and is held here included; None while unknown."""
        assigned = self._assigned[partition]
        settled = assigned.pending is None and not self._ahead.holds(partition)
        return self._group.lag(partition, assigned.committed, settled=settled)

    def _restore(self, partition: int, delay_s: float = 0.0) -> None:
        self._group.hold(partition)
        self._telemetry.restoring(partition)
        self._restorer.begin(partition, delay_s)

    def _go_live(self) -> None:
        for partition, assigned in self._restorer.restored().items():
            self._assigned[partition] = assigned
            assigned.task.longest_s = LONGEST_S
            self._telemetry.gained(partition, assigned.task, assigned.snapshot)
            self._ahead.drop(partition)
            self._group.read_from(partition, assigned.task.next_offset)

    def _leave_deleted_topic(self) -> None:
        """Begin anew the partitions whose topic was deleted and made anew: offsets mean other events now."""
        present = self._group.topic_id
        for partition, assigned in list(self._assigned.items()):
            if present not in (None, assigned.keeper.topic_id):
                log.warning(
                    "%s was deleted and made anew: partition %d begins at its beginning, with a model that "
                    "has learned nothing. Snapshots of the earlier topic stay until newer ones replace them",
                    self._group.topic,
                    partition,
                )
                self._drop(partition)
                self._loader.forget(partition)
                self._restore(partition)

    def _process(self, partition: int, records: list[Record]) -> int:
        assigned = self._assigned[partition]
        assigned.task.wait_encoded()
        began = time.monotonic()
        try:
            taken = assigned.process(records)
        except (EncoderError, LearnerError) as error:
            self._begin_anew(partition, error)
            return 0
        if taken < len(records):
            self._ahead.drop(partition)
            self._group.read_from(partition, assigned.task.next_offset)
        self._telemetry.processed(time.monotonic() - began)
        self._telemetry.beat()
        return taken

    def _begin_anew(self, partition: int, error: EncoderError | LearnerError) -> None:
        """Restore a partition from its newest snapshot, as the task may have processed part of a batch."""
        log.warning("partition %d goes back to its newest snapshot: %s", partition, error)
        if isinstance(error, LearnerError):
            self._loader.refuse(partition, error)
        self._drop(partition)
        self._restore(partition, 0.0 if isinstance(error, LearnerError) else RETRY_S)

    def _commit(self, began: float) -> None:
        """Commit what is pending, on all partitions concurrently, and wait briefly for the end."""
        new = [
            partition
            for partition, assigned in self._assigned.items()
            if assigned.pending is not None and assigned.retry_at <= began and partition not in self._commits
        ]
        for partition in new:
            begin = functools.partial(
                self._assigned[partition].begin,
                self._group.membership(),
                committed_offset(self._settings, partition),
            )
            self._commits.begin(partition, begin, began)
        self._end_commits(new, time.monotonic() + COMMIT_S)
        for partition in new:
            if partition in self._commits:
                self._group.hold(partition)

    def _end_commits(self, partitions: Collection[int], until: float) -> None:
        """End the commits that are done; of some partitions, wait for the end until then."""
        for partition, commit in self._commits.ended(partitions, until):
            assigned = self._assigned[partition]
            try:
                outcome = assigned.end(commit.begun.result())
            except (FencedError, UnwrittenError, BrokerError) as error:
                self._uncommitted(partition, error)
                continue
            assigned.retry_at = 0.0
            self._group.go_on(partition)
            if outcome is not None:
                now, lag = time.monotonic(), self._lag(partition)
                self._telemetry.committed(
                    partition,
                    assigned.task,
                    outcome,
                    lag=lag,
                    commit_s=now - commit.began,
                    batch_s=now - commit.batch_began,
                )

    def _uncommitted(self, partition: int, error: FencedError | UnwrittenError | BrokerError) -> None:
        """Drop a fenced partition, or schedule another try."""
        if isinstance(error, InstanceError):
            raise error
        if isinstance(error, FencedError):
            log.warning("%s What it has of it is discarded", error)
            self._telemetry.fenced()
            self._drop(partition)
            # If it is still assigned to us, the group does not assign it again: we restore it by ourselves.
            self._restore(partition, RETRY_S)
            return
        log.warning("%s; trying again", error)
        self._assigned[partition].retry_at = time.monotonic() + RETRY_S
        self._group.hold(partition)
        self._telemetry.failed(partition)

    def _keep(self, partitions: Sequence[int], until: float, deadline: float) -> list[str]:
        """Commit what is given up until then, and keep it by the deadline; return which snapshots miss."""
        ours = [self._assigned[partition] for partition in partitions if partition in self._assigned]
        self._end_commits(partitions, until)
        # A commit that overlaps the end of a rebalance is refused. Nobody has the partition before our next
        # poll: once more, as a member of the new generation.
        for assigned in ours:
            assigned.retry_at = 0.0
        if time.monotonic() < until:
            self._commit(time.monotonic())
            self._end_commits(partitions, until)
        return save_last([each for each in ours if each.pending is None], self._telemetry, deadline)

    def _drop(self, partition: int) -> None:
        self._restorer.cancel(partition)
        self._ahead.drop(partition)
        self._commits.drop(partition)
        assigned = self._assigned.pop(partition, None)
        if assigned is not None:
            assigned.close()
        self._telemetry.gone(partition)

    def _close(self) -> None:
        self._restorer.close(min(LAST_SNAPSHOT_S, max(0.0, self.ending.kept_by - time.monotonic())))
        for partition in list(self._assigned):
            self._drop(partition)
        self._ahead.close()
        left = in_background(self._group.close, "leaving")
        if self._lessons is not None:
            self._lessons.close(self.ending.kept_by)
        left.result()
