"""Committed, first and last offsets: they decide where a partition begins."""

from __future__ import annotations

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from stream.config import Settings
from stream.kafka.clients import consumer
from stream.kafka.errors import BrokerError
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
            raise BrokerError(f"The beginning of {place} is not known: {error}.") from error

    def end(self, partition: int) -> int:
        """Return one past the last offset of a partition before any open transaction."""
        place = TopicPartition(self._topic, partition)
        try:
            return self._client.end_offsets([place], timeout_ms=OFFSETS_TIMEOUT_MS)[place]
        except (KafkaError, KeyError) as error:  # KeyError: a partition that the client does not know yet.
            raise BrokerError(f"The end of {place} is not known: {error}.") from error

    def committed(self, partition: int) -> int | None:
        """Return the offset that the group has committed for a partition, once no transaction is open."""
        place = TopicPartition(self._topic, partition)
        try:
            return self._client.committed(place, timeout_ms=OFFSETS_TIMEOUT_MS)
        except KafkaError as error:
            raise BrokerError(f"The committed offset of {place} is not known: {error}.") from error

    def close(self) -> None:
        """Close the connection."""
        self._client.close(autocommit=False)
