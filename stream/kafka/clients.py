"""The clients: consumer, producer and administration client, with this service's settings.

Four of the library's defaults are wrong for a service that must neither lose nor repeat a record: consumers
here read only committed records, start at the beginning, never commit automatically, and move only the
partitions that must move. A fifth is wrong for a service with a latency target: after an outage, it may take
half a minute until a broker that is up again is retried. And a producer that was fenced, or a member that was
removed, would ask for the partition again.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, Serializer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError
from pydantic import SecretStr

from stream.config import KafkaSettings
from stream.kafka.errors import BrokerError, named
from stream.kafka.headers import read_any_header
from stream.kafka.oauth import token_provider
from stream.kafka.undecodable import read_any_batch
from stream.records import Record

if TYPE_CHECKING:
    from kafka import ConsumerRecord

LARGEST_RECORD = 8 * 2**20
"""Largest record that is written, in bytes; the topics' own limits are tighter."""
METADATA_S = 10.0
"""Interval at which clients refresh metadata: the longest time for which added partitions go unnoticed."""
BOOTSTRAP_MS = 10_000
"""Milliseconds that a broker may take to answer a new client."""

FRESH_MS = 3
"""Milliseconds that a poll waits for records that came after those that it has."""

Client = TypeVar("Client")
Fetched = dict[TopicPartition, list["ConsumerRecord"]]


def consumer(settings: KafkaSettings, **options: Any) -> KafkaConsumer:
    """Return a consumer of committed records that belongs to no group unless `options` say so."""
    read_any_header()
    ours = {
        "isolation_level": "read_committed",
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "partition_assignment_strategy": [CooperativeStickyAssignor],
        # Bytes fetched ahead per partition; a single larger record is fetched all the same.
        "max_partition_fetch_bytes": 2**20,
        # The embedded broker may return a whole log in one response.
        "receive_message_max_bytes": 2**30,
    }
    client = _connected(settings, KafkaConsumer, **ours | options)
    read_any_batch(client)
    if "group_id" in options:
        _loses_what_it_had(client._coordinator)
    return client


def _loses_what_it_had(coordinator: Any) -> None:
    """Let a member that hears only as it joins that it was removed lose its partitions before it joins again.

    The library prepares once for joining. Where it is refused then, for a member that nobody knows, it tries
    again with a claim to what it had: who has that now loses it, or it is kept without a word to its owner.
    """
    reset = coordinator.reset_generation

    def reset_generation(*member_id: str, **named: str) -> None:
        reset(*member_id, **named)
        coordinator.rejoining = False

    coordinator.reset_generation = reset_generation


def producer(settings: KafkaSettings, **options: Any) -> KafkaProducer:
    """Return an idempotent producer whose records are acknowledged by every in-sync replica."""
    made = _connected(
        settings,
        KafkaProducer,
        acks="all",
        enable_idempotence=True,
        compression_type=settings.compression,
        value_serializer=_NullValues(),
        max_request_size=LARGEST_RECORD,
        batch_size=256 * 1024,
        **options,
    )
    if "transactional_id" in options:
        _never_bumps(made)
    # At exit the library would wait for a broker that is down, and print a traceback. The owner of a producer
    # closes it; a transaction left open is completed or aborted by the next owner.
    made._unregister_cleanup()
    return made


def _never_bumps(made: Any) -> None:
    """Let a refused transactional producer fail for good, where the library would ask for a newer epoch.

    One that was fenced would take the partition back: in the middle of a transaction, the broker ends it for
    whoever asks, and compares the epoch only afterwards (KIP-360). The owner of a producer opens a new one.
    """
    made._transaction_manager._supports_epoch_bump = lambda: False


def admin(settings: KafkaSettings) -> KafkaAdminClient:
    """Return an administration client."""
    return _connected(settings, KafkaAdminClient)


def record(consumed: ConsumerRecord) -> Record:
    """Return a consumed record as a `Record`; a header without a value gets an empty one."""
    return Record(
        consumed.topic,
        consumed.partition,
        consumed.offset,
        consumed.timestamp,
        consumed.key,
        consumed.value,
        tuple((name, value or b"") for name, value in consumed.headers),
    )


def by_partition(fetched: Fetched) -> dict[int, list[Record]]:
    """Return fetched records of one topic as `Record`s, by partition."""
    return {place.partition: [record(one) for one in consumed] for place, consumed in fetched.items()}


def poll(client: KafkaConsumer, limit: int) -> Fetched:
    """Return up to `limit` records that a consumer has fetched, with those that came since, if there are any.

    The ones at hand were fetched when those before them were polled: a whole turn of a busy caller ago.
    """
    # With a timeout, a broker without long polling would be asked in a busy loop.
    polled: Fetched = client.poll(timeout_ms=0, max_records=limit)
    room = limit - sum(map(len, polled.values()))
    if not polled or room <= 0:
        return polled
    # Not by another poll, in which the group may rebalance. What goes wrong here comes again with the next
    # one: a partition may have gone (`Group._kept` says how), or the broker refuses.
    with contextlib.suppress(KeyError, KafkaError):
        fresh, _ = client._fetcher.fetch_records(room, timeout_ms=FRESH_MS)
        return {place: polled.get(place, []) + fresh.get(place, []) for place in polled | fresh}
    return polled


NULL = object()
"""Stands for a null value: the client refuses a record whose key and value are both None, Kafka does not."""


class _NullValues(Serializer):
    def serialize(self, topic: str, headers: list[tuple[str, bytes]], data: Any) -> bytes | None:
        del topic, headers
        return None if data is NULL else data


def _connected(settings: KafkaSettings, client: type[Client], **options: Any) -> Client:
    if wrong := settings.unreadable:
        raise BrokerError(f"{' '.join(wrong)} Name a file that this user can read.")
    try:
        return client(**_connection(settings), **options)
    except KafkaError as error:
        raise BrokerError(
            f"No Kafka broker answers at {settings.bootstrap_servers} ({named(error)}). "
            "Start one (`ithaca broker start`) or set kafka.bootstrap_servers."
        ) from error


def _connection(settings: KafkaSettings) -> dict[str, Any]:
    return {
        "bootstrap_servers": [server.strip() for server in settings.bootstrap_servers.split(",")],
        "client_id": "ithaca",
        "bootstrap_timeout_ms": BOOTSTRAP_MS,
        "metadata_max_age_ms": int(1000 * METADATA_S),
        "reconnect_backoff_max_ms": 1_000,
        "security_protocol": settings.security_protocol,
        "sasl_mechanism": settings.sasl_mechanism,
        "sasl_plain_username": settings.sasl_username,
        "sasl_plain_password": _secret(settings.sasl_password),
        "sasl_oauth_token_provider": token_provider(settings),
        "ssl_cafile": _path(settings.ssl_cafile),
        "ssl_certfile": _path(settings.ssl_certfile),
        "ssl_keyfile": _path(settings.ssl_keyfile),
        "ssl_password": _secret(settings.ssl_password),
    }


def _secret(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _path(path: Any) -> str | None:
    return None if path is None else str(path)
