"""Batches that cannot be decoded: an unknown codec, damage, a wrong checksum.

The library raises at the first record of such a batch, each time it is read. A stream must not stop there, so
the undecodable part of a batch is returned as one record: at the batch's last offset, without a value, with
a header that names the offsets it stands for and the error. The pipeline makes it a dead letter.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from kafka import KafkaConsumer
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError

from stream.records import UNDECODABLE

if TYPE_CHECKING:
    from kafka import ConsumerRecord


def read_any_batch(client: KafkaConsumer) -> None:
    """Make a consumer return batches that it cannot decode as records that say so."""
    client._fetcher.PartitionRecords = LegibleRecords


class LegibleRecords(Fetcher.PartitionRecords):
    """The records of a fetch, including those that stand for undecodable ones."""

    def _unpack_records(self, tp: object, records: Any, *deserializers: object) -> Iterator[ConsumerRecord]:
        return super()._unpack_records(tp, _Batches(records), *deserializers)


class _Batches:
    """The batches of a fetch, with the interface that the library's reader uses."""

    def __init__(self, batches: Any) -> None:
        self._batches = batches

    def next_batch(self) -> Any:
        batch = self._batches.next_batch()
        # Formats before Kafka 0.11 have no last offset in the batch header.
        return batch if batch is None or batch.magic < 2 else _LegibleBatch(batch)


class _LegibleBatch:
    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def validate_crc(self) -> bool:
        return True  # Validated in `__iter__`, where the batch can still be replaced.

    def __next__(self) -> Any:
        return next(self._batch)  # The library reads the only record of a control batch with next().

    def __iter__(self) -> Iterator[Any]:
        first = self._batch.base_offset
        try:
            if not self._batch.validate_crc():
                raise CorruptRecordError("the checksum does not fit")
            for record in self._batch:
                yield record
                first = record.offset + 1
        except Exception as error:
            # Depending on the damage, codecs raise many kinds of error, MemoryError included.
            yield self._stand_in(first, error)

    def _stand_in(self, first: int, error: Exception) -> SimpleNamespace:
        last = self._batch.last_offset
        detail = f"offsets {first} to {last} cannot be decoded: {type(error).__name__}: {error}"
        return SimpleNamespace(
            offset=last,
            timestamp=self._batch.max_timestamp,
            timestamp_type=self._batch.timestamp_type,
            key=None,
            value=None,
            headers=[(UNDECODABLE, detail.encode(errors="replace"))],
            checksum=None,
            size_in_bytes=0,
            validate_crc=lambda: True,
        )
