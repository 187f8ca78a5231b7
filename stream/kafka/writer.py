"""Writing to a topic without reading from one: replays, event files, a few records at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Self

import msgspec
from kafka.errors import KafkaError

from stream.config import KafkaSettings
from stream.kafka.clients import NULL, producer
from stream.kafka.errors import BrokerError, answer
from stream.records import JSON_VALUE, Headers, Output, topic

if TYPE_CHECKING:
    from kafka import FutureRecordMetadata, KafkaProducer

IN_FLIGHT = 20_000
"""Most records sent and not yet acknowledged."""
ACKNOWLEDGE_TIMEOUT_S = 150.0
"""Seconds that an acknowledgement may take; longer than the library's own delivery timeout."""
GIVE_UP_S = 2.0
"""Seconds that what was sent before an error may take to be acknowledged."""


class Writer:
    """Writes records to one topic, in order and as fast as the broker accepts them.

    Leaving the block without an error means that all of them were acknowledged.

    Parameters
    ----------
    settings
        The broker.
    topic
        The topic to write to.
    """

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self.topic = topic
        self._producer = producer(settings, linger_ms=20)
        self._sent: list[FutureRecordMetadata] = []

    def send(
        self,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers = JSON_VALUE,
        partition: int | None = None,
    ) -> None:
        """Write a record; without a partition, the key determines it.

        Raises
        ------
        BrokerError
            When this record or an earlier one was rejected.
        """
        try:
            self._sent.append(
                self._producer.send(
                    self.topic, NULL if value is None else value, key, list(headers), partition=partition
                )
            )
        except KafkaError as error:
            raise self._refused(error) from error
        if len(self._sent) >= IN_FLIGHT:
            self.settle()

    def settle(self) -> None:
        """Wait until everything sent so far is acknowledged; errors as in `send`."""
        try:
            # Without flush, which treats a batch that the library splits as lost.
            for sent in self._sent:
                sent.get(timeout=ACKNOWLEDGE_TIMEOUT_S)
        except KafkaError as error:
            raise self._refused(error) from error
        self._sent.clear()

    def _refused(self, error: KafkaError) -> BrokerError:
        return BrokerError(
            f"Topic {self.topic} did not take a record: {answer(error)}. Others may have been written: look "
            "at it before you write them again."
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Settle, unless an error was raised, and close the connection."""
        try:
            if kind is None:
                self.settle()
        finally:
            _close(self._producer)


def write_together(settings: KafkaSettings, stream: str, outputs: Callable[[], Iterable[Output]]) -> None:
    """Write to topics of a stream in one transaction: readers see all of it, each topic in order, or nothing.

    Parameters
    ----------
    settings
        The broker.
    stream
        The stream. Two that write to it at a time take turns: the second one's beginning ends the first one's
        transaction, whose writer then gets the error below.
    outputs
        Returns what to write; called when no other transaction of this kind is open, so that it can look at
        what earlier ones have written. An error that it raises is passed on, and nothing is written.

    Raises
    ------
    BrokerError
        When the broker refuses; whether anything was written must be read from the topics.
    """
    client = producer(settings, transactional_id=f"ithaca-together-{stream}")
    try:
        client.init_transactions()
        wanted = list(outputs())
        client.begin_transaction()
        for sent in [
            client.send(
                topic(stream, each.kind),
                NULL if each.value is None else each.value,
                each.key,
                list(each.headers),
                partition=each.partition,
            )
            for each in wanted
        ]:
            sent.get(timeout=ACKNOWLEDGE_TIMEOUT_S)
        client.commit_transaction()
    except KafkaError as error:
        raise BrokerError(
            f"The topics of {stream} did not take the records: {answer(error)}. Look at them, and try again."
        ) from error
    finally:
        _close(client)


def _close(client: KafkaProducer) -> None:
    """Close a producer; what is not acknowledged by now is of no use to who made it, and soon given up."""
    try:
        client.close(timeout=GIVE_UP_S)
    except KafkaError:
        # Without a broker the library ends its wait with this error, and goes on trying on its thread. The
        # error would take the place of the one that is passed on, and come again at the interpreter's end.
        client._sender.force_close()
        client._sender.join(GIVE_UP_S)
        with contextlib.suppress(KafkaError):
            client.close(timeout=0)


class _Identified(msgspec.Struct):
    id: str


_identified = msgspec.json.Decoder(_Identified)


def produce_values(
    settings: KafkaSettings,
    values: Iterable[bytes],
    topic: str,
    *,
    progress: Callable[[int], None] = lambda sent: None,
) -> int:
    """Write values to a topic unchanged, keyed by event id, and return how many.

    One without a readable id has no key: the worker decides whether it is valid.

    Parameters
    ----------
    settings
        The broker.
    values
        What to write.
    topic
        The topic to write to.
    progress
        Called now and then with the number of lines sent.

    Raises
    ------
    BrokerError
        When a record is rejected; those before it may have been written.
    """
    count = 0
    with Writer(settings, topic) as writer:
        for count, value in enumerate(values, 1):
            writer.send(value, _key(value))
            if count % 1_000 == 0:
                progress(count)
    progress(count)
    return count


def _key(value: bytes) -> bytes | None:
    try:
        return _identified.decode(value).id.encode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
