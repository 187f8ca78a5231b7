"""Merges the records of several partitions, as far as they have been read."""

from __future__ import annotations

import collections
import heapq
from collections.abc import Collection, Mapping, Sequence

from stream.records import Record

MOST_HELD = 10_000
"""Most records read ahead; the client buffers as many."""
MOST_BYTES = 2**25
"""Bytes of records read ahead above which only one more is polled at a time."""


class TimeOrder:
    """Buffers the records of each partition, and returns the oldest first, or as many of each.

    Partitions that share a model should be answered in the order of their events' time: otherwise the model
    has learned from one partition's afternoon when it answers another's morning. An empty partition is not
    waited for, like in Kafka Streams with `max.task.idle.ms` 0.

    Parameters
    ----------
    fair
        Whether to take as many records of each partition instead, whatever their time: where each has its own
        model, one that has much to catch up with must not delay the others. False by default.

    Attributes
    ----------
    bytes
        Size of the buffered values.

    Examples
    --------
    >>> def record(partition, offset, time):
    ...     return Record("s.events", partition, offset, time, None, None)
    >>> order = TimeOrder()
    >>> order.add({0: [record(0, 0, 10), record(0, 1, 30)], 1: [record(1, 0, 20)]})
    >>> {partition: len(records) for partition, records in order.take(2, {0, 1}).items()}
    {0: 1, 1: 1}
    >>> len(order)
    1
    """

    def __init__(self, *, fair: bool = False) -> None:
        self._fair = fair
        self._queues: dict[int, collections.deque[Record]] = {}
        self.bytes = 0

    def __len__(self) -> int:
        """Return the number of buffered records."""
        return sum(map(len, self._queues.values()))

    def held(self, partition: int) -> int:
        """Return the number of buffered records of a partition."""
        return len(self._queues.get(partition, ()))

    def add(self, records: Mapping[int, Sequence[Record]]) -> None:
        """Buffer records, in offset order on each partition."""
        for partition, read in records.items():
            self._queues.setdefault(partition, collections.deque()).extend(read)
            self.bytes += sum(map(_bytes, read))

    def drop(self, partition: int) -> None:
        """Discard a partition's records: it is revoked, or will be read again from another offset."""
        self.bytes -= sum(map(_bytes, self._queues.pop(partition, ())))

    def take(self, limit: int, partitions: Collection[int]) -> dict[int, list[Record]]:
        """Remove and return at most `limit` records of some partitions."""
        taken: dict[int, list[Record]] = {}
        heads = [
            (0 if self._fair else queue[0].timestamp, partition)
            for partition, queue in self._queues.items()
            if queue and partition in partitions
        ]
        heapq.heapify(heads)
        while heads and limit > 0:
            _, partition = heads[0]
            queue = self._queues[partition]
            taken.setdefault(partition, []).append(queue.popleft())
            self.bytes -= _bytes(taken[partition][-1])
            limit -= 1
            if queue:
                key = len(taken[partition]) if self._fair else queue[0].timestamp
                heapq.heapreplace(heads, (key, partition))
            else:
                heapq.heappop(heads)
        return taken


def _bytes(record: Record) -> int:
    return len(record.value or b"")
