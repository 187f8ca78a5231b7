"""Records of several partitions in the order of their time stamps, and each partition in its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.records.schema import Record
from stream.worker.time_order import TimeOrder

stamps = st.lists(st.integers(0, 50), max_size=20)


@given(st.lists(stamps, min_size=1, max_size=4), st.integers(1, 7))
def test_the_oldest_head_goes_first_and_no_partition_is_reordered(
    columns: list[list[int]], limit: int
) -> None:
    """Whatever the time stamps are: everything comes once, and of all heads always one of the oldest."""
    order = TimeOrder()
    records = {
        partition: [
            Record("s.events", partition, offset, stamp, None, None) for offset, stamp in enumerate(column)
        ]
        for partition, column in enumerate(columns)
    }
    order.add(records)
    taken: dict[int, list[Record]] = {partition: [] for partition in records}
    while len(order):
        step = order.take(limit, records)
        assert 0 < sum(map(len, step.values())) <= limit
        for partition, some in step.items():
            taken[partition] += some
        left = [queue[len(taken[number]) :] for number, queue in records.items()]
        newest = max(some[-1].timestamp for some in step.values())
        assert all(queue[0].timestamp >= newest for queue in left if queue and _sorted(queue)) or not all(
            _sorted(queue) for queue in records.values()
        )
    assert taken == records


def test_partitions_that_are_not_asked_for_keep_their_records() -> None:
    """One whose batch waits to be committed is left alone; one that goes is forgotten."""
    order = TimeOrder()
    order.add({each: [Record("s.events", each, 0, each, None, None)] for each in range(3)})
    assert list(order.take(9, {1, 2})) == [1, 2]
    assert (order.held(0), len(order)) == (1, 1)
    order.drop(0)
    assert (order.held(0), len(order)) == (0, 0)


def _sorted(queue: list[Record]) -> bool:
    stamps_of = [record.timestamp for record in queue]
    return stamps_of == sorted(stamps_of)
