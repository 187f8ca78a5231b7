"""A worker's part in the lessons of a model that partitions share.

Every worker follows the lessons. One of them, to which a consumer group assigns the lessons' only partition,
owns them: it writes what is due once per lesson (drift events, label statistics), in transactions with the
lesson's offset; it strikes out lessons at which the learner fails, announces checkpoints with the model's
digest, and takes the snapshots that all replicas start from.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import time
from collections.abc import Callable

from stream.config import Settings
from stream.kafka import (
    BrokerError,
    FencedError,
    Group,
    InstanceError,
    Offsets,
    Outbox,
    RecoveryError,
    Tail,
    UnwrittenError,
    in_background,
)
from stream.pipeline import Replica, joined
from stream.records import (
    CheckpointRecord,
    EpochRecord,
    Output,
    Record,
    Shared,
    StrikeRecord,
    lesson_output,
    topic,
)
from stream.snapshot import Keeper, announcement
from stream.telemetry import Telemetry
from stream.worker.ending import LAST_SNAPSHOT_S
from stream.worker.follower import PARTITION, Follower
from stream.worker.partition import AssignedPartition, save, save_last
from stream.worker.restoration import store_of
from stream.worker.restorer import RETRY_S

COMMIT_S = 1.0
"""Seconds between the owner's commits when there is nothing to write."""
CATCH_UP_S = 0.1
"""Seconds to wait for lessons that are known to exist."""
CHECKPOINT_EVERY = 5_000
"""Lessons between two checkpoints: each costs every replica a digest of its whole state."""

log = logging.getLogger(__name__)


class EpochError(RuntimeError):
    """Workers with other settings now answer the stream."""


class Lessons:
    """Follows a stream's lessons, and owns them while the group assigns them to this worker.

    The constructor returns when the replica has learned all existing lessons.

    Parameters
    ----------
    settings
        Stream, group, broker and snapshots.
    make_replica
        Makes a replica that has learned nothing, given the first lesson whose outputs count.
    telemetry
        Receives progress, outcomes and failures.

    Attributes
    ----------
    unkept
        Which last snapshot could not be written when the lessons were given up, and why.

    Raises
    ------
    RecoveryError
        When lessons that the model needs have been deleted.
    BrokerError
        When there is no broker.
    """

    def __init__(
        self, settings: Settings, make_replica: Callable[[int], Replica], telemetry: Telemetry
    ) -> None:
        self._settings = _of_lessons(settings)
        self._run = settings.run_name
        self._telemetry = telemetry
        self._topic = topic(settings.stream, "lessons")
        self._owned: AssignedPartition[Replica] | None = None
        self._gain_at: float | None = None
        self._committed_at = self._retry_at = 0.0
        self._struck: int | None = None
        self._answered = self._in_doubt = False
        self._said: list[Output] = []
        self.unkept: list[str] = []
        self._checked = 0
        self._store = store_of(settings, PARTITION, "lessons")
        self._tail = Tail(settings.kafka, {self._topic: None})
        self._follower = Follower(settings, self._tail, self._store, make_replica, telemetry)
        with contextlib.closing(Offsets.of(self._settings, "lessons")) as offsets:
            committed = offsets.committed(PARTITION, self._store.identity.topic_id)
        self._follower.restore(committed)
        self._group = Group(self._settings, "lessons")

    @property
    def replica(self) -> Replica:
        """The current model to answer with; it may be replaced by a restored one."""
        return self._follower.replica

    @property
    def standing_by(self) -> bool:
        """Whether this worker must not answer, because workers with other settings do."""
        return self._follower.standing_by

    def turn(self, *, answered: bool = False) -> int:
        """Learn the available lessons, write their outcomes if this worker owns them, and return how many.

        Parameters
        ----------
        answered
            Whether this worker has just answered events: if so, it waits shortly for all lessons that exist,
            so that the model lags at most one batch behind. False (the default) returns at once.

        Raises
        ------
        EpochError
            When this worker has answered, and workers with other settings do so now.
        InstanceError, LearnerError, DivergedError, RecoveryError
            See there: the worker cannot go on.
        """
        self._answered |= answered
        if time.monotonic() < self._retry_at:
            return 0
        try:
            self._follow_group()
            learned = self._follower.learn(CATCH_UP_S if answered else 0.0)
            if self._owned is None:
                self._follower.leap()
        except BrokerError as error:
            # While the broker is down, events are answered by the model as it is.
            log.warning("the lessons cannot be read yet: %s", error)
            self._retry_at = time.monotonic() + RETRY_S
            return 0
        if self.standing_by and self._answered:
            raise EpochError(
                "Workers of another run answer this stream from now on, with other settings than "
                "ours. Start this worker with theirs; or stop all of them, and it goes on with its own."
            )
        if self._owned is None:
            self._follower.forget()
        else:
            self._write(self._owned)
        lag = self._tail.lag(self._topic)
        lag_s = max(0.0, time.time() - self._follower.learned_until) if lag else 0.0
        self._telemetry.followed(self.replica, lag, lag_s, owner=self._owned is not None)
        return learned

    def close(self, until: float | None = None) -> None:
        """Take the last snapshot, if this worker owns the lessons, and close the connections.

        Parameters
        ----------
        until
            When to give up a last commit and snapshot, in monotonic seconds; None (the default) is never.
        """
        # On a thread: a producer that is opened anew waits for longer for a broker that does not answer.
        released = in_background(self._release, "releasing")
        left = None if until is None else max(0.0, until - time.monotonic())
        if concurrent.futures.wait([released], left).done:
            released.result()
        else:
            log.warning("the lessons have no last snapshot: the broker does not answer")
        self._group.close()
        self._tail.close()

    def _follow_group(self) -> None:
        polled = self._group.poll(1)
        if self._group.topic_id not in (None, self._store.identity.topic_id):
            raise RecoveryError(
                f"{self._topic} was deleted and made anew, and this worker's model comes from the earlier "
                "one. Start the worker again; the model then begins anew."
            )
        if polled.released or polled.lost:
            self._release()
        if polled.gained:
            self._group.hold(PARTITION)
            self._gain_at = 0.0
        if self._gain_at is not None and self._gain_at <= time.monotonic():
            self._gain()

    def _gain(self) -> None:
        follower, outbox = self._follower, None
        try:
            # First the outbox: it completes or aborts the last owner's transaction; then the offset is final.
            topic_id = self._store.identity.topic_id
            outbox = Outbox(self._settings, PARTITION, self._group.is_member, "lessons", topic_id=topic_id)
            begin = self._group.committed(PARTITION, topic_id)
            if begin is None:
                begin = follower.live_from
            if begin < follower.live_from:
                follower.restore(begin)
        except (BrokerError, FencedError, UnwrittenError) as error:
            log.warning("the lessons are not ours yet: %s; trying again", error)
            if outbox is not None:
                outbox.close()
            self._gain_at = time.monotonic() + RETRY_S
            return
        while follower.kept and follower.kept[0][0] < begin:
            follower.kept.popleft()
        self._gain_at, self._struck, self._checked = None, None, self.replica.updates
        self._owned = AssignedPartition(self.replica, outbox, self._keeper(), begin)
        log.info("owner of the lessons from offset %d on", begin)
        if follower.gap is not None:
            # After the gap, so that a reader of the drift events finds it where the model begins.
            stamp = round(time.time() * 1000)
            self._said.append(announcement(self.replica, self._store, follower.gap, stamp))
            follower.gap = None
        if follower.epoch is None or follower.standing_by:
            follower.epoch = EpochRecord(configuration=self._settings.epoch, run=self._run)
            self._say(follower.epoch, "epoch")

    def _say(self, shared: Shared, kind: str) -> None:
        """Queue a record for the lessons, to be written at least once: duplicates are harmless."""
        place = self.replica.next_offset
        stamp = round(time.time() * 1000)
        told = Record(self._topic, PARTITION, place, stamp, None, None)
        self._said.append(lesson_output(told, shared, kind, self.replica.source))

    def _write(self, owned: AssignedPartition[Replica]) -> None:
        now = time.monotonic()
        if owned.retry_at > now:
            return
        owned.task = self.replica
        if owned.pending is None:
            self._prepare(owned, now)
        try:
            if owned.pending is None:
                self._write_said(owned)
                self._save_due(owned)
                return
            outcome = owned.commit(self._group.membership(), lambda: self._group.committed(PARTITION))
        except InstanceError:
            raise
        except FencedError as error:
            log.warning("%s Another worker owns the lessons", error)
            self._telemetry.fenced()
            self._drop()
            # If they are still assigned to us, the group does not assign them again: we resume by ourselves.
            self._gain_at = now + RETRY_S
        except (UnwrittenError, BrokerError) as error:
            log.warning("%s; trying again", error)
            self._telemetry.failed(None)
            owned.retry_at = now + RETRY_S
        else:
            self._committed_at = now
            self._follower.live_from = owned.committed
            if outcome is not None:
                self._telemetry.observed(outcome)
            self._save_due(owned)

    def _save_due(self, owned: AssignedPartition[Replica]) -> None:
        """Take a snapshot if one is due: in every turn, for on a quiet stream no commit follows."""
        settled = owned.pending is None and self.replica.next_offset == owned.committed
        if settled and owned.keeper.due(self.replica):
            save(owned, self._telemetry)

    def _write_said(self, owned: AssignedPartition[Replica]) -> None:
        """Write the queued records, with the offset that is committed already."""
        if not self._said:
            return
        if self._in_doubt:
            owned.outbox.reopen()
        self._in_doubt = True
        owned.outbox.write(self._said, owned.committed, self._group.membership())
        self._in_doubt = False
        self._said.clear()

    def _prepare(self, owned: AssignedPartition[Replica], now: float) -> None:
        """Prepare what is to be written now, if anything is due."""
        follower = self._follower
        if follower.blocked is not None and self._struck != follower.blocked[0].offset:
            self._struck = follower.blocked[0].offset
            self._say(StrikeRecord(offset=self._struck, detail=follower.blocked[1]), "strike")
        if self.replica.updates - self._checked >= CHECKPOINT_EVERY:
            self._checked = self.replica.updates
            at, digest = self.replica.checkpoint
            self._say(
                CheckpointRecord(configuration=self._settings.epoch, at=at, digest=digest),
                "checkpoint",
            )
        if self._said:
            return  # Queued records are written first, in a transaction of their own.
        if follower.kept or (
            now - self._committed_at >= COMMIT_S and self.replica.next_offset > owned.committed
        ):
            owned.pending = joined([outcome for _, outcome in follower.kept], self.replica.next_offset)
            follower.kept.clear()

    def _release(self) -> None:
        """Give up the lessons, after a last snapshot of what is committed."""
        owned = self._owned
        if owned is not None and owned.pending is None and not self._follower.kept:
            if self.replica.next_offset > owned.committed:
                self._committed_at = 0.0
                self._write(owned)
            owned.task = self.replica
            if owned.task.next_offset == owned.committed:
                self.unkept = save_last([owned], self._telemetry, time.monotonic() + LAST_SNAPSHOT_S)
        self._drop()

    def _drop(self) -> None:
        self._gain_at = None
        if self._owned is not None:
            if self._owned.pending is not None:
                # The next owner writes it; if that is this worker, it is computed again.
                self._follower.live_from = self.replica.next_offset
                self._follower.kept.clear()
            self._owned.close()
            self._owned = None
        self._said.clear()

    def _keeper(self) -> Keeper:
        snapshot = self._settings.snapshot
        keeper = Keeper(
            self._store,
            every_s=snapshot.every_s,
            every_records=snapshot.every_records,
            written=lambda kept: self._telemetry.snapshot_written(None, kept),
            failed=self._telemetry.snapshot_failed,
        )
        keeper.begin(self.replica.next_offset)
        return keeper


def _of_lessons(settings: Settings) -> Settings:
    """Return the settings of the group that shares the lessons, with a name of its own."""
    group = f"{settings.group}.lessons"
    instance = settings.worker.instance and f"{settings.worker.instance}.lessons"
    worker = settings.worker.model_copy(update={"group": group, "instance": instance})
    return settings.model_copy(update={"worker": worker})
