"""Batches that cannot be read: an unknown codec, damage, a checksum that does not fit.

The library raises at the first record of such a batch, again and again. A stream must not stand still for
ever at one, so what cannot be read of a batch is brought as one record: at the batch's last offset, without
a value, with a header that says which offsets it stands for and why. The pipeline makes it a dead letter.
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
    """Make a consumer bring batches that it cannot decode as records that say so."""
    client._fetcher.PartitionRecords = LegibleRecords


class LegibleRecords(Fetcher.PartitionRecords):
    """The records of a fetch, stand-ins included."""

    def _unpack_records(self, tp: object, records: Any, *deserializers: object) -> Iterator[ConsumerRecord]:
        return super()._unpack_records(tp, _Batches(records), *deserializers)


class _Batches:
    """The batches of a fetch, as the library's own reader asks for them."""

    def __init__(self, batches: Any) -> None:
        self._batches = batches

    def next_batch(self) -> Any:
        batch = self._batches.next_batch()
        # Batches of the formats before Kafka 0.11 do not say how far they reach.
        return batch if batch is None or batch.magic < 2 else _LegibleBatch(batch)


class _LegibleBatch:
    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def validate_crc(self) -> bool:
        return True  # Looked at where the records are read: there the batch can still be passed over.

    def __next__(self) -> Any:
        return next(self._batch)  # So the library reads the one record of a control batch.

    def __iter__(self) -> Iterator[Any]:
        first = self._batch.base_offset
        try:
            if not self._batch.validate_crc():
                raise CorruptRecordError("the checksum does not fit")
            for record in self._batch:
                yield record
                first = record.offset + 1
        except Exception as error:
            # Codecs fail in as many ways as there are kinds of damage, out of memory included.
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
