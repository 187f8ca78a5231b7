"""A partition at work, and how it gets there: its task, its way out, and its snapshots."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Generator

from stream.config import Settings
from stream.kafka import FencedError, History, Membership, Offsets, Outbox, topic_id
from stream.pipeline import LearnerError, Outcome, Task
from stream.records import topic
from stream.snapshot import Identity, Keeper, Recovered, Store, StoredSnapshot, announcement, recover
from stream.telemetry import Telemetry
from stream.worker.restoration import AgainError

LAST_SNAPSHOT_S = 3.0
"""How long a last snapshot may take."""
MOST_REFUSED = 100
"""At so many records of a partition a learner may throw; beyond that, it is not the records."""
RELEARNED_AT_ONCE = 200
"""Events that are relearned in one step: between two steps, other partitions have their turn."""

log = logging.getLogger(__name__)


@dataclasses.dataclass
class AssignedPartition:
    """One of our partitions: its task, its way out, and what is processed but not committed."""

    task: Task
    outbox: Outbox
    keeper: Keeper
    committed: int
    snapshot: StoredSnapshot | None = None
    pending: Outcome | None = None
    doubtful: bool = False
    retry_at: float = 0.0

    def commit(self, membership: Membership, committed: Callable[[], int | None]) -> None:
        """Write what is pending and commit its offset, together; once, whatever became of earlier attempts.

        Parameters
        ----------
        membership
            The group's: a worker that has been thrown out cannot commit.
        committed
            Asks the broker for the group's offset. It decides when an earlier attempt ended in doubt.

        Raises
        ------
        FencedError
            When another worker writes for this partition.
        UnwrittenError, BrokerError
            When it is not done, or not known to be done; try again.
        """
        outcome = self.pending
        if outcome is None:
            return
        if outcome.next_offset > self.committed and not self._settled(outcome, committed):
            self.doubtful = True
            self.outbox.write(outcome.outputs, outcome.next_offset, membership)
            self.doubtful = False
        self.committed = max(self.committed, outcome.next_offset)
        self.pending = None

    def _settled(self, outcome: Outcome, committed: Callable[[], int | None]) -> bool:
        """Whether an outcome whose transaction seemed to fail was committed all the same."""
        if not self.doubtful:
            return False
        # Reopening ends whatever was open, one way or the other: only then is the offset final.
        self.outbox.reopen()
        reached = committed() or 0
        if self.committed < reached < outcome.next_offset:
            raise FencedError(
                f"Another worker of this group went on to offset {reached}, in the middle of our batch from "
                f"{self.committed} to {outcome.next_offset}; nothing of it was emitted."
            )
        self.doubtful = False
        return reached >= outcome.next_offset

    def close(self) -> None:
        """Let go; what is pending is discarded, and whoever has the partition next does it again."""
        self.outbox.close()


class PartitionLoader:
    """Brings partitions back: outbox, newest snapshot, and silent relearning up to the committed offset.

    Runs on one thread beside the stream's, whose consumer it does not touch.

    Parameters
    ----------
    settings
        Stream, group, broker and snapshots.
    make_task
        Makes a partition's task, given the first offset whose outputs count.
    membership
        The group's, at this moment.
    telemetry
        Whom to tell how far a partition is.
    """

    def __init__(
        self,
        settings: Settings,
        make_task: Callable[[int], Task],
        membership: Callable[[], Membership],
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._make_task = make_task
        self._membership = membership
        self._telemetry = telemetry
        self._topic = topic(settings.stream, "events")
        self._topic_id: str | None = None
        self._refused: dict[int, dict[int, str]] = {}

    def restore(self, partition: int) -> Generator[None, None, AssignedPartition]:
        """Bring a partition back, step by step; see `stream.worker.restoration`.

        Raises
        ------
        RecoveryError
            When events that the model needs are gone.
        BrokerError, UnwrittenError, FencedError, OSError
            When it failed this time; begin anew.
        """
        # First the outbox: it settles what the last owner left open, and only then is the offset final.
        outbox = Outbox(self._settings, partition)
        try:
            yield
            store = self._store(partition)
            recovered = self._recover(store)
            yield
            recovered.task.refused = self._refused.get(partition, {})
            assigned = AssignedPartition(
                recovered.task,
                outbox,
                self._keeper(store, recovered.task),
                recovered.task.live_from,
                recovered.kept,
            )
            self._note(assigned, store, recovered)
            yield from self._relearn(partition, assigned)
        except LearnerError as error:
            outbox.close()
            self.refuse(partition, error)
            raise AgainError(str(error)) from error
        except BaseException:
            outbox.close()
            raise
        return assigned

    def refuse(self, partition: int, error: LearnerError) -> None:
        """Leave a record out, at which the learner threw, from the next restoration on.

        Raises
        ------
        LearnerError
            When there are more than `MOST_REFUSED` of them.
        """
        refused = self._refused.setdefault(partition, {})
        refused[error.offset] = error.detail
        if len(refused) > MOST_REFUSED:
            raise error

    def _recover(self, store: Store) -> Recovered:
        offsets = Offsets.of(self._settings)
        try:
            return recover(
                self._make_task,
                store,
                committed=offsets.committed(store.identity.partition),
                beginning=offsets.beginning(store.identity.partition),
                rebuild=self._settings.snapshot.rebuild,
            )
        finally:
            offsets.close()

    def _note(self, assigned: AssignedPartition, store: Store, recovered: Recovered) -> None:
        """Write down that events are missing, rightly, so that the next start does not take them for lost."""
        if recovered.gap is not None:
            announced = announcement(assigned.task, store, recovered.gap, round(time.time() * 1000))
            assigned.outbox.write([announced], assigned.task.live_from, self._membership())
        if recovered.unsaved:
            save(assigned, self._telemetry)
            assigned.keeper.wait(LAST_SNAPSHOT_S)

    def _relearn(self, partition: int, assigned: AssignedPartition) -> Generator[None, None, None]:
        task = assigned.task
        log.info(
            "partition %d: relearning silently from offset %d to %d",
            partition,
            task.next_offset,
            task.live_from,
        )
        if task.next_offset >= task.live_from:
            return
        self._telemetry.restoring(partition, task)
        history = History(self._settings.kafka, self._topic, task.next_offset, task.live_from, whole=True)
        try:
            for records in history.batches(partition, RELEARNED_AT_ONCE):
                task.process(records)
                self._telemetry.restoring(partition, task)
                if assigned.keeper.due(task):
                    save(assigned, self._telemetry)
                yield
        except GeneratorExit:
            # The partition goes. All that was relearned is committed: its next owner can go on from here.
            if assigned.keeper.stale(task):
                save(assigned, self._telemetry)
                assigned.keeper.wait(LAST_SNAPSHOT_S)
            raise
        finally:
            history.close()

    def _store(self, partition: int) -> Store:
        settings = self._settings.snapshot
        if self._topic_id is None:
            self._topic_id = topic_id(self._settings.kafka, self._topic)
        return Store(
            settings.location,
            self._settings.group,
            Identity(self._topic, self._topic_id, partition, self._settings.configuration),
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


def save(assigned: AssignedPartition, telemetry: Telemetry) -> None:
    """Take a snapshot of a partition; see `Keeper.save`."""
    telemetry.snapshot_taken(assigned.keeper.save(assigned.task))
