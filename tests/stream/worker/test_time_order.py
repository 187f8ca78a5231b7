"""Records of several partitions in the order of their time stamps, and each partition in its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.records.schema import Record
from stream.worker.time_order import TimeOrder

stamps = st.lists(st.integers(0, 50), max_size=20)


@given(st.lists(stamps, min_size=1, max_size=4), st.integers(1, 7), st.booleans())
def test_the_oldest_head_goes_first_and_no_partition_is_reordered(
    columns: list[list[int]], limit: int, fair: bool
) -> None:
    """Whatever the time stamps are, also within a partition; where all are fair, that which gave least."""
    order = TimeOrder(fair=fair)
    left = {
        partition: [
            Record("s.events", partition, offset, stamp, None, None) for offset, stamp in enumerate(column)
        ]
        for partition, column in enumerate(columns)
    }
    order.add(left)
    while any(left.values()):
        step: dict[int, list[Record]] = {}
        for _ in range(min(limit, sum(map(len, left.values())))):
            first = min(
                (partition for partition, queue in left.items() if queue),
                key=lambda each: len(step.get(each, ())) if fair else left[each][0].timestamp,
            )
            step.setdefault(first, []).append(left[first].pop(0))
        assert order.take(limit, left) == step
    assert len(order) == 0


def test_partitions_that_are_not_asked_for_keep_their_records() -> None:
    """One whose batch waits to be committed is left alone; one that goes is forgotten."""
    order = TimeOrder()
    order.add({each: [Record("s.events", each, 0, each, None, None)] for each in range(3)})
    assert list(order.take(9, {1, 2})) == [1, 2]
    assert (order.held(0), len(order)) == (1, 1)
    order.drop(0)
    assert (order.held(0), len(order)) == (0, 0)
