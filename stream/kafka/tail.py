"""Topics read from near their ends onwards, outside any group: for observers."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from kafka import TopicPartition
from kafka.errors import KafkaError

from stream.config import KafkaSettings
from stream.kafka.clients import METADATA_S, consumer, record
from stream.kafka.errors import BrokerError, answer
from stream.records import Record


class Tail:
    """Follows some topics.

    Parameters
    ----------
    settings
        The broker.
    topics
        By topic, how many offsets before its end reading begins, on each partition; None reads all.
    optional
        Those that may be missing; one that is made later is followed from its beginning. None by default.

    Raises
    ------
    BrokerError
        When there is no broker, or another topic is missing.
    """

    def __init__(
        self, settings: KafkaSettings, topics: Mapping[str, int | None], optional: Collection[str] = ()
    ) -> None:
        self._topics = list(topics)
        self._looked = time.monotonic()
        self._consumer = consumer(settings, allow_auto_create_topics=False)
        try:
            self._begin(settings, topics, optional)
        except KafkaError as error:
            self.close()
            raise BrokerError(
                f"The broker at {settings.bootstrap_servers} does not answer: {answer(error)}."
            ) from error
        except BrokerError:
            self.close()
            raise

    def _begin(
        self, settings: KafkaSettings, topics: Mapping[str, int | None], optional: Collection[str]
    ) -> None:
        places = []
        for topic in topics:
            partitions = self._consumer.partitions_for_topic(topic)
            if not partitions and topic not in optional:
                raise BrokerError(
                    f"There is no topic {topic} at {settings.bootstrap_servers}. "
                    "Start a worker (`ithaca run`), which makes it, or name another stream."
                )
            places += [TopicPartition(topic, partition) for partition in sorted(partitions or ())]
        first, self._ends = self._consumer.beginning_offsets(places), self._consumer.end_offsets(places)
        self._consumer.assign(places)
        for place in places:
            back = topics[place.topic]
            begin = first[place] if back is None else max(first[place], self._ends[place] - back)
            self._consumer.seek(place, begin)

    @property
    def caught_up(self) -> bool:
        """Whether all records that existed at the start have been read."""
        return all((self._consumer.position(place) or 0) >= end for place, end in self._ends.items())

    def poll(self, wait_s: float, limit: int = 2_000) -> list[Record]:
        """Return new records, in offset order on each partition.

        Raises
        ------
        BrokerError
            When the broker refuses.
        """
        try:
            self._follow_new_partitions()
            polled = self._consumer.poll(timeout_ms=round(wait_s * 1000), max_records=limit)
        except KafkaError as error:
            raise BrokerError(f"The broker does not answer: {answer(error)}.") from error
        return [record(one) for consumed in polled.values() for one in consumed]

    def _follow_new_partitions(self) -> None:
        """Read added partitions, and topics that were missing, from their beginning."""
        assigned = self._consumer.assignment()
        topics = {place.topic for place in assigned}
        if time.monotonic() - self._looked > METADATA_S:
            # Looking for a topic that is missing costs a request for the metadata of all.
            topics, self._looked = set(self._topics), time.monotonic()
        there = {
            TopicPartition(topic, partition)
            for topic in topics
            for partition in self._consumer.partitions_for_topic(topic) or ()
        }
        if added := sorted(there - assigned):
            self._consumer.assign([*assigned, *added])
            self._consumer.seek_to_beginning(*added)

    def seek(self, topic: str, offset: int) -> None:
        """Set the next offset to read, on a topic of one partition."""
        self._consumer.seek(TopicPartition(topic, 0), offset)

    def position(self, topic: str) -> int:
        """Return the next offset to read on a topic of one partition."""
        return self._consumer.position(TopicPartition(topic, 0)) or 0

    def lag(self, topic: str) -> int | None:
        """Return the lag on a topic of one partition, in offsets; None as long as that is unknown.

        Records of an open transaction count, although they cannot be read yet.
        """
        end = self._consumer.highwater(TopicPartition(topic, 0))
        return None if end is None else max(0, end - self.position(topic))

    def beginning(self, topic: str) -> int:
        """Return the first available offset on a topic of one partition.

        Raises
        ------
        BrokerError
            When the broker refuses.
        """
        place = TopicPartition(topic, 0)
        try:
            return self._consumer.beginning_offsets([place])[place]
        except KafkaError as error:
            raise BrokerError(f"The broker does not answer: {answer(error)}.") from error

    def ends(self, topic: str, patience_s: float = 30.0) -> dict[int, int]:
        """Return one past the last offset of each partition of a topic; empty where there is no such topic.

        Parameters
        ----------
        topic
            Its name.
        patience_s
            Seconds that the broker may take to answer.

        Raises
        ------
        BrokerError
            When the broker refuses.
        """
        try:
            partitions = self._consumer.partitions_for_topic(topic) or ()
            places = [TopicPartition(topic, partition) for partition in partitions]
            ends = self._consumer.end_offsets(places, timeout_ms=round(1000 * patience_s))
        except KafkaError as error:
            raise BrokerError(f"The broker does not answer: {answer(error)}.") from error
        return {place.partition: end for place, end in ends.items()}

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close(autocommit=False)
