"""Restoring a partition: outbox, newest snapshot, and silent relearning up to the committed offset."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Generator

from stream.config import Settings
from stream.kafka import BrokerError, Group, History, Offsets, Outbox, ensure_topics, topic_id
from stream.pipeline import Answerer, LearnerError
from stream.records import topic
from stream.snapshot import Attempts, Identity, Keeper, Recovered, Store, announcement, recover
from stream.telemetry import Telemetry
from stream.worker.ending import LAST_SNAPSHOT_S
from stream.worker.partition import AssignedPartition, save
from stream.worker.restorer import AgainError

MOST_REFUSED = 100
"""Most records of a partition at which a learner may fail; with more, the records are not the cause."""
RELEARNED_AT_ONCE = 200
"""Events relearned per step; steps of several partitions alternate."""

log = logging.getLogger(__name__)


class PartitionLoader:
    """Restores partitions: outbox, newest snapshot, and silent relearning up to the committed offset.

    It runs on a thread beside the worker's, and asks the worker's group only what is thread-safe.

    Parameters
    ----------
    settings
        Stream, group, broker and snapshots.
    make_task
        Makes a partition's task, given the first offset whose outputs count.
    group
        The group that assigns the partitions.
    telemetry
        Receives progress.
    """

    def __init__(
        self,
        settings: Settings,
        make_task: Callable[[int], Answerer],
        group: Group,
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._make_task = make_task
        self._group = group
        self._telemetry = telemetry
        self._topic = topic(settings.stream, "events")
        self._refused: dict[int, dict[int, str]] = {}
        self._partitions = 0

    def restore(self, partition: int) -> Generator[None, None, AssignedPartition[Answerer]]:
        """Restore a partition, step by step; see `stream.worker.restorer`.

        Raises
        ------
        RecoveryError
            When events that the model needs have been deleted.
        BrokerError, UnwrittenError, FencedError, OSError
            When it failed this time; restore again.
        """
        if partition >= self._partitions:
            # Partitions may have been added: outputs need a partition of the same number in every topic.
            self._partitions = ensure_topics(self._settings.kafka, self._settings.stream)
        store = store_of(self._settings, partition)
        # First the outbox: it completes or aborts the last owner's transaction; then the offset is final.
        outbox = Outbox(self._settings, partition, self._group.is_member, topic_id=store.identity.topic_id)
        try:
            yield
            recovered = self._recover(store)
            yield
            attempts = Attempts(store)
            attempts.refused |= self._refused.get(partition, {})
            recovered.task.refused = attempts.refused
            assigned = AssignedPartition(
                recovered.task,
                outbox,
                self._keeper(store, recovered.task),
                recovered.task.live_from,
                attempts,
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

    def forget(self, partition: int) -> None:
        """Forget the records at which the learner failed: the topic was made anew, with other records."""
        self._refused.pop(partition, None)

    def refuse(self, partition: int, error: LearnerError) -> None:
        """Exclude a record at which the learner failed from all later restorations, on any worker.

        Raises
        ------
        LearnerError
            When there are more than `MOST_REFUSED` of them.
        """
        refused = self._refused.setdefault(partition, {})
        refused[error.offset] = error.detail
        Attempts(store_of(self._settings, partition)).refuse(error.offset, error.detail)
        if len(refused) > MOST_REFUSED:
            raise error

    def _recover(self, store: Store) -> Recovered[Answerer]:
        partition = store.identity.partition
        with contextlib.closing(Offsets.of(self._settings)) as offsets:
            committed = offsets.committed(partition, store.identity.topic_id)
            end = offsets.end(partition)
            if committed is not None and committed > end:
                raise BrokerError(
                    f"{self._topic} partition {partition} ends at offset {end}, but group "
                    f"{self._settings.group} has committed {committed}: the topic was made anew, or lost "
                    "records. What comes below that offset would not be answered. Stop the workers and reset "
                    "the group's offsets, or set another worker.group, to begin at its beginning."
                )
            return recover(
                self._make_task,
                store,
                committed=committed,
                beginning=offsets.beginning(partition),
                rebuild=self._settings.snapshot.rebuild,
            )

    def _note(
        self, assigned: AssignedPartition[Answerer], store: Store, recovered: Recovered[Answerer]
    ) -> None:
        """Announce and save a permitted gap in the events: the next start must not take it for loss."""
        if recovered.gap is not None:
            announced = announcement(assigned.task, store, recovered.gap, round(time.time() * 1000))
            assigned.outbox.write([announced], assigned.task.live_from, self._group.membership())
        if recovered.unsaved:
            save(assigned, self._telemetry)
            assigned.keeper.wait(LAST_SNAPSHOT_S)

    def _relearn(self, partition: int, assigned: AssignedPartition[Answerer]) -> Generator[None, None, None]:
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
            # The partition is revoked. Relearned records are committed, so the next owner can start here.
            if assigned.keeper.stale(task):
                save(assigned, self._telemetry)
                assigned.keeper.wait(LAST_SNAPSHOT_S)
            raise
        finally:
            history.close()

    def _keeper(self, store: Store, task: Answerer) -> Keeper:
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


def store_of(settings: Settings, partition: int, kind: str = "events") -> Store:
    """Return the snapshots of a partition of one of the topics that models learn from."""
    name = topic(settings.stream, kind)
    return Store(
        settings.snapshot.location,
        settings.group,
        Identity(
            name,
            # Not cached: the topic may have been deleted and created again.
            topic_id(settings.kafka, name),
            partition,
            settings.configuration,
            settings.parts,
        ),
        keep=settings.snapshot.keep,
        allow_pickle=settings.snapshot.allow_pickle,
        settings=settings.canonical,
        answers=kind == "events" and settings.model.scope == "stream",
    )
