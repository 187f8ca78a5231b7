"""Batches of records, the next of which is encoded while the one before is predicted and learned."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from stream.pipeline import Answerer
from stream.records import Record
from stream.worker.partition import AssignedPartition
from stream.worker.time_order import TimeOrder


class EncodeAhead:
    """Takes batches from what was read, and where another is full, has that one encoded meanwhile.

    One that is not full would wait for the next turn, though this one may have it: events would be late.
    It is encoded on one thread of its own, in the order of the batches. A batch that was taken ahead is
    processed and committed like any other; of one that is not, because its partition goes or the worker
    stops, nothing is left. The records of a partition stay in order: of one whose last batch is not
    committed, none are taken.

    Parameters
    ----------
    order
        Holds what was read.
    """

    def __init__(self, order: TimeOrder) -> None:
        self._order = order
        self._next: dict[int, list[Record]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="encode")

    def take(self, limit: int, idle: Mapping[int, AssignedPartition[Answerer]]) -> dict[int, list[Record]]:
        """Return a batch of up to so many records of idle partitions, and begin to encode the next one."""
        batch = {partition: self._next.pop(partition) for partition in [*self._next] if partition in idle}
        if not batch:
            batch = self._begin(limit, idle)
        if sum(map(self._order.held, idle)) >= limit:
            self._next |= self._begin(limit, idle)
        return batch

    def _begin(self, limit: int, idle: Mapping[int, AssignedPartition[Answerer]]) -> dict[int, list[Record]]:
        taken = self._order.take(limit, idle.keys())
        for partition, records in taken.items():
            attempts = idle[partition].attempts
            # While attempts are noted, a process that ends must not have worked at other records than noted.
            if attempts is None or not attempts.watching:
                idle[partition].task.encode_ahead(records, self._thread)
        return taken

    def holds(self, partition: int) -> bool:
        """Return whether records of a partition were read and not taken yet."""
        return partition in self._next or self._order.held(partition) > 0

    def drop(self, partition: int) -> None:
        """Forget what is held of a partition: it goes, or is read again from elsewhere."""
        self._order.drop(partition)
        self._next.pop(partition, None)

    def close(self) -> None:
        """Wait for the batch that is being encoded, and leave the rest."""
        self._thread.shutdown(cancel_futures=True)
