"""Records of several partitions taken in the order of their time stamps, as far as they are there."""

from __future__ import annotations

import collections
import heapq
from collections.abc import Collection, Mapping, Sequence

from stream.records import Record


class TimeOrder:
    """Holds what was read of each partition, and gives out the oldest first.

    Partitions that share a model should be answered in the order in which their events happened: else the
    model has learned from one partition's afternoon when it answers another's morning. A partition of which
    nothing is there is not waited for, as Kafka Streams does it with `max.task.idle.ms` 0.

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

    def __init__(self) -> None:
        self._queues: dict[int, collections.deque[Record]] = {}

    def __len__(self) -> int:
        """Return how many records are held."""
        return sum(map(len, self._queues.values()))

    def held(self, partition: int) -> int:
        """Return how many records of a partition are held."""
        return len(self._queues.get(partition, ()))

    def add(self, records: Mapping[int, Sequence[Record]]) -> None:
        """Hold what was read, in offset order on each partition."""
        for partition, read in records.items():
            self._queues.setdefault(partition, collections.deque()).extend(read)

    def drop(self, partition: int) -> None:
        """Forget what is held of a partition: it goes, or is read again from elsewhere."""
        self._queues.pop(partition, None)

    def take(self, limit: int, partitions: Collection[int]) -> dict[int, list[Record]]:
        """Return up to so many records of some partitions, the oldest, and hold them no more."""
        taken: dict[int, list[Record]] = {}
        heads = [
            (queue[0].timestamp, partition)
            for partition, queue in self._queues.items()
            if queue and partition in partitions
        ]
        heapq.heapify(heads)
        while heads and limit > 0:
            _, partition = heads[0]
            queue = self._queues[partition]
            taken.setdefault(partition, []).append(queue.popleft())
            limit -= 1
            if queue:
                heapq.heapreplace(heads, (queue[0].timestamp, partition))
            else:
                heapq.heappop(heads)
        return taken
