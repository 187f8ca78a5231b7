"""A stream's topics: their names, and their creation."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from stream.config import KafkaSettings
from stream.kafka.clients import admin
from stream.kafka.errors import BrokerError, answer
from stream.records import KINDS, ONE_PARTITION, SHARED_ONLY, topic

OUTPUT_BYTES = 4 * 2**20
"""Largest record of output topics: a dead letter is an event and its reason, so larger than an event."""

log = logging.getLogger(__name__)


def ensure_lessons(settings: KafkaSettings, stream: str) -> None:
    """Create the topic of a stream's lessons, whose one partition is their order, unless it exists.

    Raises
    ------
    BrokerError
        When the broker refuses, or the topic has several partitions.
    """
    name = topic(stream, "lessons")
    with _asking(settings, f"Topic {name} cannot be made") as client:
        _create(client, name, settings, 1, _configuration("lessons"))
        client.wait_for_topics([name])
        found = _partitions(client, [name])[name]
    if found > 1:
        raise BrokerError(
            f"Topic {name} has {found} partitions, which have no order between them. Delete it; it is made "
            "anew with one, and the model begins anew."
        )


def ensure_topics(settings: KafkaSettings, stream: str) -> int:
    """Create or extend the topics of a stream and return the number of its partitions.

    Outputs go to the partition of their input, so their topics have as many partitions as the events; the
    kinds in `ONE_PARTITION` have one.

    Raises
    ------
    BrokerError
        When the broker refuses, or the feedback has more partitions than the events, or a topic has several
        whose records have one order.
    """
    with _asking(settings, f"The topics of stream {stream!r} cannot be made") as client:
        _create(client, topic(stream, "events"), settings, settings.partitions)
        client.wait_for_topics([topic(stream, "events")])  # Another broker may not have heard of it yet.
        partitions = _partitions(client, [topic(stream, "events")])[topic(stream, "events")]
        kinds = [kind for kind in KINDS if kind not in SHARED_ONLY]
        for kind in kinds[1:]:
            count = 1 if kind in ONE_PARTITION else partitions
            _create(client, topic(stream, kind), settings, count, _configuration(kind))
        names = [topic(stream, kind) for kind in kinds]
        client.wait_for_topics(names)
        found = _partitions(client, names)
        if found[topic(stream, "feedback")] > partitions:
            raise BrokerError(
                f"Topic {topic(stream, 'feedback')} has more partitions than {topic(stream, 'events')} "
                f"({partitions}): labels would not stand beside their events. Make it anew with as many."
            )
        for name in [topic(stream, kind) for kind in kinds if kind in ONE_PARTITION]:
            if found.pop(name) > 1:
                raise BrokerError(
                    f"Topic {name} has several partitions, which have no order between them. Delete it; "
                    "it is made anew with one."
                )
        _extend(client, topic(stream, "events"), partitions, found)
    return partitions


def _extend(client: KafkaAdminClient, events: str, partitions: int, found: Mapping[str, int]) -> None:
    """Give topics as many partitions as the events have."""
    short = {name: partitions for name, count in found.items() if count < partitions}
    try:
        if short:
            client.create_partitions(short)
            log.info("%s have %d partitions now, as %s has", ", ".join(short), partitions, events)
    except KafkaError as error:
        raise BrokerError(
            f"{events} has {partitions} partitions, and fewer have "
            + ", ".join(f"{name} ({found[name]})" for name in short)
            + f", which the broker does not extend: {answer(error)}. Give them as many (kafka-topics "
            f"--alter --topic NAME --partitions {partitions}), or let the service's user alter them."
        ) from error


def ensure_topic(settings: KafkaSettings, name: str, partitions: int) -> None:
    """Create one topic to write to, unless it exists.

    Raises
    ------
    BrokerError
        When the broker refuses.
    """
    with _asking(settings, f"Topic {name} cannot be made") as client:
        _create(client, name, settings, partitions, _configuration("predictions"))


def partitions_of(settings: KafkaSettings, name: str) -> int:
    """Return how many partitions a topic has.

    Raises
    ------
    BrokerError
        When the broker does not answer.
    """
    with _asking(settings, f"Topic {name} cannot be described") as client:
        return _partitions(client, [name])[name]


def topics_there(settings: KafkaSettings) -> set[str]:
    """Return the names of the broker's topics.

    Raises
    ------
    BrokerError
        When the broker does not say.
    """
    with _asking(settings, "The topics cannot be listed") as client:
        return set(client.list_topics())


def topic_id(settings: KafkaSettings, name: str) -> str:
    """Return the id that distinguishes a topic from an earlier one of the same name.

    Raises
    ------
    BrokerError
        When the broker does not answer.
    """
    with contextlib.closing(TopicWatch(settings, name)) as watch:
        return watch.topic_id()


class TopicWatch:
    """Asks for a topic's id again and again, on one connection of its own.

    A consumer fetches by the topic's name, and so may get records of a topic made anew under it before its
    metadata say so. What was fetched before an answer of this is of the topic that has the id. On the
    consumer's own connection the question would wait behind a fetch, for up to half a second.

    Parameters
    ----------
    settings
        The broker.
    name
        The topic.
    """

    def __init__(self, settings: KafkaSettings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._client: KafkaAdminClient | None = None

    def topic_id(self) -> str:
        """Return the id as the broker has it now.

        Raises
        ------
        BrokerError
            When the broker does not answer, or has no such topic.
        """
        try:
            self._client = self._client or admin(self._settings)
            (found,) = _described(self._client, [self._name])
        except KafkaError as error:
            self.close()
            raise BrokerError(f"Topic {self._name} cannot be described: {answer(error)}.") from error
        return str(found["topic_id"])

    def close(self) -> None:
        """Close the connection; the next question makes another."""
        if self._client is not None:
            self._client.close()
            self._client = None


def delete_topics(settings: KafkaSettings, stream: str) -> None:
    """Delete the topics of a stream and everything on them.

    Raises
    ------
    BrokerError
        When the broker refuses.
    """
    with _asking(settings, f"The topics of stream {stream!r} cannot be deleted") as client:
        there = set(client.list_topics())
        client.delete_topics([name for kind in KINDS if (name := topic(stream, kind)) in there])


@contextlib.contextmanager
def _asking(settings: KafkaSettings, failure: str) -> Iterator[KafkaAdminClient]:
    """Yield a client that is closed at the end; an error of the broker becomes a `BrokerError`."""
    client = admin(settings)
    try:
        yield client
    except KafkaError as error:
        raise BrokerError(f"{failure}: {answer(error)}.") from error
    finally:
        client.close()


def _configuration(kind: str) -> dict[str, str]:
    if kind in ("feedback", "control"):
        return {}
    # The broker's time: it refuses what a clock that is an hour ahead of its own has dated.
    compaction = {"cleanup.policy": "compact"} if kind in ("label-stats", "triage") else {}
    ours = {"max.message.bytes": str(OUTPUT_BYTES), "message.timestamp.type": "LogAppendTime"}
    return ours | compaction


def _create(
    client: KafkaAdminClient,
    name: str,
    settings: KafkaSettings,
    partitions: int,
    configuration: dict[str, str] | None = None,
) -> None:
    wanted = {
        "num_partitions": partitions,
        "replication_factor": settings.replication_factor,
        "configs": configuration or {},
    }
    with contextlib.suppress(TopicAlreadyExistsError):
        client.create_topics({name: wanted}, wait_for_metadata=True)


def _partitions(client: KafkaAdminClient, names: list[str]) -> dict[str, int]:
    return {found["name"]: len(found["partitions"]) for found in _described(client, names)}


def _described(client: KafkaAdminClient, names: list[str]) -> list[dict[str, Any]]:
    """Describe topics; the library returns an error as the description of a topic without partitions."""
    described = client.describe_topics(names)
    for found in described:
        if found["error_code"]:
            raise for_code(found["error_code"])(found["name"])
    return described
