"""Membership of a consumer group: which partitions are ours, what is on them, how far they are done."""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple

from kafka import ConsumerGroupMetadata, ConsumerRebalanceListener, TopicPartition
from kafka.errors import FencedInstanceIdError, IllegalStateError, KafkaError, RetriableError
from kafka.structs import MemberState

from stream.config import Settings
from stream.kafka.background import in_background
from stream.kafka.clients import consumer, record
from stream.kafka.errors import BrokerError, InstanceError
from stream.kafka.offsets import Offsets
from stream.records import Record, topic

if TYPE_CHECKING:
    from kafka import ConsumerRecord

JOIN_S = 0.02
"""How long a poll that brings nothing waits for the group to settle who has which partition."""

JOINING_ENDS_S = 2.0
"""How long leaving may wait for joining to end."""

HEARTBEAT_S = 3.0
"""Time between two signs of life; the answer tells a member that it was thrown out."""

Membership = ConsumerGroupMetadata
"""What a transaction shows the broker, so that a member thrown out of the group cannot commit."""

SAME_INSTANCE = (
    "Another worker of this group has the same worker.instance, so this one was thrown out. Give each worker "
    "its own."
)

Fetched = dict[TopicPartition, list["ConsumerRecord"]]

log = logging.getLogger(__name__)


class Polled(NamedTuple):
    """What one poll brought.

    Parameters
    ----------
    records
        Per partition, in offset order; none of a partition that came with this very poll.
    gained, released, lost
        Partitions that came, that were given up in order, and that the group took away.
    """

    records: dict[int, list[Record]]
    gained: Sequence[int]
    released: Sequence[int]
    lost: Sequence[int]


class Group:
    """Our membership of the group that shares a stream's events, or another of its topics.

    The library calls back where heartbeats stand still; here the callbacks only note what happened, and
    `poll` returns it. A partition that is to move is given up in one round of the group and given away in
    the next, which begins only with a poll: a caller that finishes what one poll returned before it polls
    again has no batch in flight when another worker gets the partition.

    Parameters
    ----------
    settings
        Stream, group, instance and broker.
    kind
        Which of the stream's topics is shared.
    """

    def __init__(self, settings: Settings, kind: str = "events") -> None:
        self.topic = topic(settings.stream, kind)
        self._consumer = consumer(
            settings.kafka,
            group_id=settings.group,
            group_instance_id=settings.worker.instance,
            session_timeout_ms=settings.worker.session_timeout_ms,
            heartbeat_interval_ms=int(1000 * HEARTBEAT_S),
        )
        self._joining: Future[None] | None = None
        self._offsets = Offsets(self._consumer, self.topic)
        self._changes = _Changes()
        # A member that leads the group before it knows the topic's partitions assigns none to anybody, and
        # where they become known in that very moment, the library never looks again.
        self._consumer.partitions_for_topic(self.topic)
        self._consumer.subscribe([self.topic], listener=self._changes)

    def poll(self, limit: int) -> Polled:
        """Return at once with up to `limit` records that are there, and what happened to our partitions.

        Raises
        ------
        InstanceError
            When another member of the group has our instance name.
        BrokerError
            When the broker refuses, for a reason that waiting does not mend.
        """
        try:
            self._unpark()
            if not self._settled():
                return self._kept(limit)
            # A broker without long poll would be asked without a pause for as long as we wait.
            polled = self._consumer.poll(timeout_ms=0, max_records=limit)
        except FencedInstanceIdError as error:
            raise InstanceError(SAME_INSTANCE) from error
        except RetriableError as error:
            # A broker that is away, or a group that has just moved: waiting mends it.
            log.warning("the records of %s cannot be read yet: %s", self.topic, error)
            return Polled({}, (), (), ())
        except KafkaError as error:
            raise BrokerError(f"The records of {self.topic} cannot be read: {error}.") from error
        return self._polled(polled)

    def _kept(self, limit: int) -> Polled:
        """Return records of the partitions that stay ours while the group settles, for as long as it takes.

        What moves is given up only when a round of the group is done, and the next round begins with a poll:
        until then all that is assigned is ours to finish.
        """
        fetcher = self._consumer._fetcher
        polled: Fetched = {}
        partial = True
        # The client's thread may take a partition away between two looks at it here: then it is not found
        # (KeyError), or, where it has come back already, has no position yet (IllegalStateError).
        with contextlib.suppress(KeyError, IllegalStateError):
            polled, partial = fetcher.fetched_records(limit)
        if not partial:
            # Runs on the client's thread, as all changes of the assignment do: nothing goes meanwhile.
            fetcher.send_fetches()
        if not polled and self._joining is not None:
            concurrent.futures.wait([self._joining], JOIN_S)
        return Polled(_by_partition(polled), (), (), ())

    def _polled(self, polled: Fetched) -> Polled:
        gained, released, lost = self._changes.take()
        if gained or released or lost:
            log.info(
                "%s, generation %d: gained %s, released %s, lost %s",
                self.topic,
                self.membership().generation_id,
                gained,
                released,
                lost,
            )
        records = _by_partition(polled)
        for partition in gained:
            records.pop(partition, None)
        return Polled(records, gained, released, lost)

    def _settled(self) -> bool:
        """Whether the group has settled who has which partition; sees to it that it comes to that.

        Joining is waited for on a thread, without a pause, because of what the library does otherwise. What
        was settled while nobody waited, it joins anew; a worker that waits only between batches may never
        be done. And when it has heard from the group but not of its partitions while nobody waited, it
        forgets that it was joining.
        """
        coordinator = self._consumer._coordinator
        if self._joining is None and (coordinator.need_rejoin() or not self.joined):
            coordinator.request_rejoin()
            self._joining = in_background(coordinator.poll, "joining")
        if self._joining is None:
            return True
        if not self._joining.done():
            return False
        joining, self._joining = self._joining, None
        joining.result()  # Raises what ended it; the next poll joins anew.
        return True

    def _unpark(self) -> None:
        """Let the library give back what it parked for a paused partition.

        It does so where it has no fetch at hand, but keeps the last one at hand, empty, until another comes.
        Where all other partitions are paused or gone, none ever does: it would fetch nothing more at all. And
        where another partition has a backlog, the one at hand is never empty: the two change places.
        """
        fetcher = self._consumer._fetcher
        if not fetcher._next_partition_records:
            fetcher._next_partition_records = None
        at_hand, parked = fetcher._next_partition_records, fetcher._paused_partition_records
        resumed = [place for place in parked if place not in self._consumer.paused()]
        if at_hand is not None and resumed:
            fetcher._next_partition_records = parked.pop(resumed[0])
            parked[at_hand.topic_partition] = at_hand

    @property
    def joined(self) -> bool:
        """Whether we belong to the group and it has settled who has which partition."""
        return self._consumer.group_metadata().state == MemberState.STABLE

    def read_from(self, partition: int, offset: int) -> None:
        """Bring a partition's records from an offset on."""
        with self._unless_gone(partition, KeyError, ValueError):
            self._consumer.seek(self._place(partition), offset)
        self.go_on(partition)

    def committed(self, partition: int) -> int | None:
        """Return the offset that the group has committed for a partition."""
        return self._offsets.committed(partition)

    def hold(self, partition: int) -> None:
        """Bring no more records of a partition until `go_on`."""
        with self._unless_gone(partition, KeyError):
            self._consumer.pause(self._place(partition))

    def go_on(self, partition: int) -> None:
        """Bring records of a partition again."""
        with self._unless_gone(partition, KeyError):
            self._consumer.resume(self._place(partition))

    def lag(self, partition: int, offset: int, *, settled: bool = True) -> int | None:
        """Return how many offsets a partition's end is ahead, None as long as that is not known.

        Parameters
        ----------
        partition, offset
            The partition, and one past its last record that is done.
        settled
            Whether all records that were returned are done. Then what the library read over behind them,
            the control records of transactions, is done as well.
        """
        end, position = None, None
        place = self._place(partition)
        with self._unless_gone(partition, KeyError, IllegalStateError):
            end = self._consumer.highwater(place)
            position = self._consumer._subscription.assignment[place].position if settled else None
        return None if end is None else max(0, end - max(offset, position.offset if position else 0))

    def membership(self) -> Membership:
        """Return our membership as it is now; any thread may ask."""
        return self._consumer.group_metadata()

    def close(self) -> None:
        """Leave the group."""
        if self._joining is not None:
            # Who leaves in the middle of joining is a member all the same, until its session has ended.
            concurrent.futures.wait([self._joining], JOINING_ENDS_S)
        try:
            self._consumer.close(autocommit=False, timeout_ms=2_000)
        except KafkaError as error:
            log.warning("the group was not left in order: %s", error)

    @contextlib.contextmanager
    def _unless_gone(self, partition: int, *raised: type[Exception]) -> Iterator[None]:
        """Let what a call raises pass where the partition went since the last poll: the next one reports it.

        Parameters
        ----------
        partition
            What the call in the block is about.
        raised
            What the call raises when the partition is not assigned. KeyError is from looking it up, also just
            behind a check of the call's own: the client's thread may take the partition away in between.
        """
        try:
            yield
        except raised:
            if self._place(partition) in self._consumer.assignment():
                raise

    def _place(self, partition: int) -> TopicPartition:
        return TopicPartition(self.topic, partition)


def _by_partition(polled: Fetched) -> dict[int, list[Record]]:
    return {place.partition: [record(one) for one in consumed] for place, consumed in polled.items()}


class _Changes(ConsumerRebalanceListener):
    """Notes what the library calls back with, on a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: tuple[list[int], list[int], list[int]] = ([], [], [])

    def take(self) -> tuple[list[int], list[int], list[int]]:
        with self._lock:
            noted, self._noted = self._noted, ([], [], [])
        return noted

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        with self._lock:
            self._noted[0].extend(sorted(place.partition for place in assigned))

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._give_up(revoked, 1)

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        self._give_up(lost, 2)

    def _give_up(self, partitions: Iterable[TopicPartition], kind: int) -> None:
        # One poll can bring a partition and take it away again, in either order; the last word counts.
        gone = sorted(place.partition for place in partitions)
        with self._lock:
            self._noted[0][:] = [partition for partition in self._noted[0] if partition not in gone]
            self._noted[kind].extend(gone)
