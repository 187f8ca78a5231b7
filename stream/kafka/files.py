"""Producing a file of events to a topic."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from stream.config import KafkaSettings
from stream.kafka.clients import BrokerError, producer

if TYPE_CHECKING:
    from kafka import FutureRecordMetadata

IN_FLIGHT = 20_000
"""Most records sent and not yet acknowledged."""


class _Identified(msgspec.Struct):
    id: str


_identified = msgspec.json.Decoder(_Identified)


def lines(path: Path, limit: int | None = None) -> Iterator[bytes]:
    """Read the lines of a JSONL file, gzipped where its name ends in .gz, without blank ones."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        yield from islice((line.rstrip(b"\r\n") for line in file if line.strip()), limit)


def produce_file(
    settings: KafkaSettings,
    path: Path,
    topic: str,
    *,
    limit: int | None = None,
    progress: Callable[[int], None] = lambda sent: None,
) -> int:
    """Write a file's lines to a topic, bytes as they are, keyed by event id, and return how many.

    A line without a readable id goes without a key: judging events is the worker's business.

    Parameters
    ----------
    settings
        The broker.
    path
        JSON lines, gzipped where the name ends in .gz.
    topic
        Where to.
    limit
        Most lines; None (the default) takes all.
    progress
        Called now and then with how many were sent.

    Raises
    ------
    BrokerError
        When a record is refused; those before it may have been written.
    """
    client = producer(settings, linger_ms=20)
    count = 0
    try:
        sent: list[FutureRecordMetadata] = []
        for count, line in enumerate(lines(path, limit), 1):
            sent.append(client.send(topic, key=_key(line), value=line))
            if count % IN_FLIGHT == 0:
                _settle(client, sent)
                progress(count)
        _settle(client, sent)
    except KafkaError as error:
        raise BrokerError(
            f"Topic {topic} did not take event {count} of {path} or one before it: {error}."
        ) from error
    finally:
        client.close(timeout=10)
    progress(count)
    return count


def _settle(client: KafkaProducer, sent: list[FutureRecordMetadata]) -> None:
    client.flush()
    for future in sent:
        future.get(timeout=0)
    sent.clear()


def _key(line: bytes) -> bytes | None:
    try:
        return _identified.decode(line).id.encode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
