from collections.abc import Iterator

from kafka import ConsumerRecord, TopicPartition
from kafka.record import MemoryRecords

class Fetcher:
    class PartitionRecords:
        def __init__(
            self, fetch_offset: int, tp: TopicPartition, records: MemoryRecords, *, check_crcs: bool = True
        ) -> None: ...
        def take(self, n: int | None = None) -> list[ConsumerRecord]: ...
        def _unpack_records(
            self, tp: object, records: object, *deserializers: object
        ) -> Iterator[ConsumerRecord]: ...
