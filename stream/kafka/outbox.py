"""The transactional writer of one partition: commits outputs and their offset together or not at all."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple

from kafka import KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.errors import (
    FencedInstanceIdError,
    InvalidProducerEpochError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFencedError,
)

from stream.config import Settings
from stream.kafka.background import in_background
from stream.kafka.clients import NULL, producer
from stream.kafka.errors import BrokerError, FencedError, InstanceError, UnwrittenError, named
from stream.kafka.group import Membership
from stream.kafka.topics import OUTPUT_BYTES
from stream.records import ORIGINAL, Output, topic

DELIVERY_S = 30
"""Seconds that a record may take to be delivered."""
BLOCKED_MS = 2_000
"""Milliseconds that a call may wait for the broker: while a leader is elected, the next try comes soon."""
LONGEST_KEPT = 1_000
"""Most bytes of a key, and of one header, that a record which is too large keeps."""
CLOCKS = (
    "(this machine's clock is not the broker's: set it, or let the broker date the stream's output topics: "
    "kafka-configs --alter --entity-type topics --entity-name NAME "
    "--add-config message.timestamp.type=LogAppendTime)"
)

if TYPE_CHECKING:
    from kafka import FutureRecordMetadata

log = logging.getLogger(__name__)


class Transaction(NamedTuple):
    """A transaction in progress: its future result, its deadline (monotonic seconds), and what it writes."""

    ended: Future[None]
    deadline: float
    outputs: Sequence[Output] = ()


class Outbox:
    """Writes one partition's outcomes, each in one transaction with the offset to commit.

    Its transactional id names group, topic and partition, so a worker that opens the partition fences the
    owner before it, and completes or aborts the transaction that this one left open. So it opens it only as
    a member of the group: one that was removed would fence the rightful owner, which then has to start again.

    Parameters
    ----------
    settings
        Stream, group, broker and the timeout of a transaction.
    partition
        The partition of the topic that is read, and of those written to unless an output names one.
    is_member
        Asks the broker whether the worker still is the member of the group that got the partition.
    kind
        The kind of topic that is read.
    topic_id
        The id of that topic. It is committed with each offset, see `Offsets.committed`.
    """

    def __init__(
        self,
        settings: Settings,
        partition: int,
        is_member: Callable[[], bool],
        kind: str = "events",
        *,
        topic_id: str | None = None,
    ) -> None:
        self._settings = settings
        self._is_member = is_member
        self._topic_id = topic_id or ""
        self._source = TopicPartition(topic(settings.stream, kind), partition)
        self._limits: dict[str, int] = {}
        # Whether topics are written to one after the other, to find out which of them refuses.
        self._apart = False
        self._producer: KafkaProducer | None = None
        self.reopen()

    def reopen(self) -> None:
        """Start a new producer; an open transaction is committed or aborted when this returns.

        Raises
        ------
        FencedError
            When another worker writes for this partition, or this one was removed from the group.
        UnwrittenError
            When the broker does not answer; try again.
        """
        self.close()
        try:
            if not self._is_member():
                raise _removed(self._source)
            self._producer = producer(
                self._settings.kafka,
                transactional_id=f"{self._settings.group}-{self._source.topic}-{self._source.partition}",
                transaction_timeout_ms=_patience_ms(self._settings),
                max_block_ms=BLOCKED_MS,
                delivery_timeout_ms=DELIVERY_S * 1000,
                request_timeout_ms=10_000,
                # A transaction right after another must wait briefly for that one's markers: retry soon.
                retry_backoff_ms=5,
            )
            self._producer.init_transactions()
        except (KafkaError, BrokerError) as error:
            raise _failure(error, self._source) from error

    def write(self, outputs: Sequence[Output], next_offset: int, membership: Membership) -> None:
        """Write outputs and commit the offset, all or nothing; see `begin`.

        Raises
        ------
        FencedError, UnwrittenError
            See there.
        """
        self.end(self.begin(outputs, next_offset, membership))

    def begin(self, outputs: Sequence[Output], next_offset: int, membership: Membership) -> Transaction:
        """Begin to write outputs and to commit the offset, all or nothing; `end` waits for it.

        Parameters
        ----------
        outputs
            In order. One that is too large for its topic is written as a dead letter without its value.
        next_offset
            The offset to commit.
        membership
            The group's, so that a worker removed from the group cannot commit.

        Raises
        ------
        UnwrittenError
            When the outbox is closed.
        """
        # Bound here: a call that outlives its timeout must not use the producer that replaces this one.
        client = self._producer
        if client is None:
            raise UnwrittenError("the outbox is closed; reopen it first")

        fitting = [self._fitting(output) for output in outputs]
        portions = self._portions(fitting)

        def transaction() -> None:
            client.begin_transaction()
            for together in portions:
                # Before the commit, which after a rejected record would wait for ever; and one by one,
                # because the library's flush treats a batch that it splits as lost.
                self._check([(output, self._send(client, output)) for output in together])
            commit = OffsetAndMetadata(next_offset, self._topic_id)
            client.send_offsets_to_transaction({self._source: commit}, membership)
            client.commit_transaction()

        deadline = time.monotonic() + self._settings.worker.commit_timeout_s
        return Transaction(in_background(transaction, "transaction"), deadline, fitting)

    def end(self, transaction: Transaction) -> None:
        """Wait until a transaction is committed, at most up to its deadline.

        Raises
        ------
        FencedError, UnwrittenError
            See there.
        """
        try:
            # A call that outlives its timeout ends by itself, on a producer that is no longer used.
            transaction.ended.result(transaction.deadline - time.monotonic())
        except (KafkaError, TimeoutError) as error:
            raise _failure(error, self._source) from error

    def close(self) -> None:
        """Close the producer; a transaction that is still open is left to the next owner."""
        if self._producer is not None:
            # On a thread, as closing waits for a broker that may not answer.
            threading.Thread(target=_close, args=(self._producer,), name="closing", daemon=True).start()
            self._producer = None

    def _send(self, client: KafkaProducer, output: Output) -> FutureRecordMetadata:
        return client.send(
            topic(self._settings.stream, output.kind),
            key=output.key,
            value=NULL if output.value is None else output.value,
            headers=list(output.headers),
            partition=self._source.partition if output.partition is None else output.partition,
        )

    def _portions(self, outputs: Sequence[Output]) -> list[Sequence[Output]]:
        """Return what is sent at once: all of it, or what goes to one topic, and then to the next."""
        if not self._apart:
            return [outputs]
        kinds = dict.fromkeys(output.kind for output in outputs)
        return [[output for output in outputs if output.kind == kind] for kind in kinds]

    def _fitting(self, output: Output) -> Output:
        if _size(output) <= self._limits.get(output.kind, OUTPUT_BYTES):
            return output
        value = output.value or b""
        reason = {
            "ce_type": b"ithaca.dead-letter",
            "content-type": b"application/octet-stream",
            "ithaca_reason": b"size",
            "ithaca_detail": f"too large for the topic of {output.kind}, with {_size(output)} bytes".encode(),
        }
        facts = (
            ("ithaca_cut", output.kind.encode()),
            ("ithaca_value_bytes", str(len(value)).encode()),
            ("ithaca_value_sha256", hashlib.sha256(value).hexdigest().encode()),
        )
        # Headers of the sender's may be what is too large. A dead letter has its reason already.
        ours = {
            name: value
            for name, value in output.headers
            if not name.startswith(ORIGINAL) and len(value) <= LONGEST_KEPT
        }
        headers = (ours if output.kind == "dlq" else ours | reason).items()
        key = output.key if output.key is None else output.key[:LONGEST_KEPT]
        return Output("dlq", key, None, (*headers, *facts))

    def _check(self, sent: Sequence[tuple[Output, FutureRecordMetadata]]) -> None:
        refused: dict[str, int] = {}
        for output, future in sent:
            try:
                future.get(self._settings.worker.commit_timeout_s)
            except MessageSizeTooLargeError:
                # The largest one is the cause; smaller ones are rejected with their batch.
                refused[output.kind] = max(refused.get(output.kind, 0), _size(output))
        # The library fails with a refused record all that it has not sent yet, of other topics too.
        self._apart = len(refused) > 1
        if not self._apart:
            # A topic's limit may be lower than the one we created it with: halving finds it soon.
            self._limits.update({kind: size // 2 for kind, size in refused.items()})
        if refused:
            raise MessageSizeTooLargeError(f"{', '.join(refused)}: a record is larger than its topic takes")


def _patience_ms(settings: Settings) -> int:
    """Return the timeout after which the broker aborts the transaction of a worker that hangs."""
    if settings.model.scope == "partition":
        return DELIVERY_S * 1000
    # Until then, the lessons after it cannot be read by any worker.
    return round(1000 * settings.worker.commit_timeout_s) + 1_000


def _close(client: KafkaProducer) -> None:
    # Longer than the delivery timeout: by then, abandoned records have expired, and closing succeeds.
    try:
        client.close(timeout=2 * DELIVERY_S)
    except KafkaError as error:
        log.warning("a producer was not closed in order: %s", error)


def _size(output: Output) -> int:
    headers = sum(len(name) + len(value) + 10 for name, value in output.headers)
    return len(output.key or b"") + len(output.value or b"") + headers + 100


def _caused_by(error: Exception, *kinds: type[Exception]) -> bool:
    # Once fenced, the library reports every later call as a plain KafkaError that only mentions the cause.
    return isinstance(error, kinds) or any(kind.__name__ in str(error) for kind in kinds)


def _removed(source: TopicPartition) -> FencedError:
    return FencedError(
        f"This worker is no member of the group any more and emitted nothing of {source.topic} partition "
        f"{source.partition}."
    )


def _failure(error: Exception, source: TopicPartition) -> FencedError | UnwrittenError:
    if _caused_by(error, FencedInstanceIdError):
        return InstanceError()
    if _caused_by(error, ProducerFencedError, InvalidProducerEpochError):
        return FencedError(
            f"Another worker of this group writes for {source.topic} partition {source.partition}; this one "
            "was fenced and emitted nothing."
        )
    # The library names the cause only in the text of a CommitFailedError.
    if "UnknownMemberIdError" in str(error):
        return _removed(source)
    cause = named(error)
    # The library names the cause of a refused batch only in the text of the record's error.
    if "Timestamp" in cause:
        cause += f" {CLOCKS}"
    return UnwrittenError(f"the transaction of {source.topic} partition {source.partition} failed: {cause}")
