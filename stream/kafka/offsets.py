"""Committed, first and last offsets: where a partition begins, and how a group does, seen from outside."""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

from kafka import IsolationLevel, KafkaAdminClient, KafkaConsumer, OffsetSpec, TopicPartition
from kafka.errors import KafkaError

from stream.config import KafkaSettings, Settings
from stream.kafka.clients import admin, consumer
from stream.kafka.errors import BrokerError, answer
from stream.records import topic

OFFSETS_TIMEOUT_MS = 5_000
"""Milliseconds that the broker may take to answer."""


class Offsets:
    """Queries the offsets of the partitions of a stream's events.

    Parameters
    ----------
    client
        Any consumer of the group, but not one that another thread polls.
    topic
        The topic.
    """

    def __init__(self, client: KafkaConsumer, topic: str) -> None:
        self._client = client
        self._topic = topic

    @classmethod
    def of(cls, settings: Settings, kind: str = "events") -> Offsets:
        """Query on a connection of its own, which is not a member of the group; close it at the end."""
        return cls(consumer(settings.kafka, group_id=settings.group), topic(settings.stream, kind))

    def beginning(self, partition: int) -> int:
        """Return the first offset of a partition that the broker still has."""
        place = TopicPartition(self._topic, partition)
        try:
            return self._client.beginning_offsets([place], timeout_ms=OFFSETS_TIMEOUT_MS)[place]
        except (KafkaError, KeyError) as error:  # KeyError: a partition that the client does not know yet.
            raise BrokerError(f"The beginning of {place} is not known: {answer(error)}.") from error

    def end(self, partition: int) -> int:
        """Return one past the last offset of a partition before any open transaction."""
        place = TopicPartition(self._topic, partition)
        try:
            return self._client.end_offsets([place], timeout_ms=OFFSETS_TIMEOUT_MS)[place]
        except (KafkaError, KeyError) as error:  # KeyError: a partition that the client does not know yet.
            raise BrokerError(f"The end of {place} is not known: {answer(error)}.") from error

    def committed(self, partition: int, topic_id: str | None = None) -> int | None:
        """Return the offset that the group has committed for a partition, once no transaction is open.

        Parameters
        ----------
        partition
            The partition.
        topic_id
            The topic's id: an offset that was committed with another id is none of this topic's. The broker
            forgets the offsets of a deleted topic, but not at once, and a worker that has not heard of the
            deletion commits more of them. The default takes any.
        """
        place = TopicPartition(self._topic, partition)
        try:
            found = self._client.committed(place, metadata=True, timeout_ms=OFFSETS_TIMEOUT_MS)
        except KafkaError as error:
            raise BrokerError(f"The committed offset of {place} is not known: {answer(error)}.") from error
        if found is None or (topic_id and found.metadata not in ("", topic_id)):
            return None
        return found.offset

    def close(self) -> None:
        """Close the connection."""
        self._client.close(autocommit=False)


class GroupState(NamedTuple):
    """The state of a consumer group on one topic.

    Parameters
    ----------
    members
        Number of its members: workers that live, or died within the session timeout.
    ends
        One past the last committed record of each partition.
    committed
        The offset that the group has committed for each partition; those without one are left out.
    instances
        The instance names of its members that have one.
    """

    members: int
    ends: dict[int, int]
    committed: dict[int, int]
    instances: frozenset[str] = frozenset()


class GroupWatch:
    """Asks for a group's state, on a connection of its own.

    Parameters
    ----------
    settings
        The broker.
    group, topic
        The group, and the topic that it consumes.

    Raises
    ------
    BrokerError
        When there is no broker.
    """

    def __init__(self, settings: KafkaSettings, group: str, topic: str) -> None:
        self._group, self._topic = group, topic
        self._client = admin(settings)

    def state(self) -> GroupState:
        """Return the state as it is now.

        Raises
        ------
        BrokerError
            When the broker refuses, or has no such topic.
        """
        try:
            (topic,) = self._client.describe_topics([self._topic])
            places = [TopicPartition(self._topic, each["partition_index"]) for each in topic["partitions"]]
            ends = self._client.list_partition_offsets(
                dict.fromkeys(places, OffsetSpec.LATEST), isolation_level=IsolationLevel.READ_COMMITTED
            )
            group = _described(self._client, self._group)
            committed = self._client.list_group_offsets({self._group: places})[self._group]
        except (KafkaError, KeyError) as error:
            raise BrokerError(
                f"The broker does not say how group {self._group} does: {answer(error)}."
            ) from error
        return GroupState(
            len(group["members"]),
            {place.partition: end.offset for place, end in ends.items()},
            {place.partition: each.offset for place, each in committed.items() if each.offset >= 0},
            frozenset(each["group_instance_id"] for each in group["members"] if each["group_instance_id"]),
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def member_ids(settings: KafkaSettings, group: str) -> frozenset[str]:
    """Return the ids of a group's members, as its coordinator has them now.

    Raises
    ------
    BrokerError
        When the broker does not answer, or refuses.
    """
    with contextlib.closing(admin(settings)) as client:
        try:
            return frozenset(each["member_id"] for each in _described(client, group)["members"])
        except KafkaError as error:
            raise BrokerError(f"The broker does not say who is in group {group}: {answer(error)}.") from error


def _described(client: KafkaAdminClient, group: str) -> dict[str, Any]:
    """Return what a group's coordinator says of it; the client raises no error that stands in the answer."""
    found: dict[str, Any] = client.describe_groups([group])[group]
    if found["error"] and found["group_state"] != "Dead":  # Dead is a group that nobody has joined yet.
        raise KafkaError(found["error"])
    return found
