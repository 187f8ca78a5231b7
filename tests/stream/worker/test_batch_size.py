"""Batches: as large as their time and their lessons allow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.worker.batch_size import BatchSize


@given(st.lists(st.floats(1e-5, 1.0), min_size=1, max_size=60))
def test_the_batch_size_stays_in_its_bounds_and_meets_its_target(costs: list[float]) -> None:
    """Whatever a record costs; and at a steady cost, full batches come to take about the target."""
    size = BatchSize(target_s=0.1, largest=1_000)
    for cost in costs:
        size.adapt(size.records, size.records * cost)
        assert 1 <= size.records <= 1_000
    for _ in range(20):
        size.adapt(size.records, 0.004 + size.records * 0.001)
    assert 0.08 < 0.004 + size.records * 0.001 < 0.12


def test_a_short_quick_batch_does_not_change_the_batch_size() -> None:
    """A quiet stream says nothing of what a full batch would take."""
    size = BatchSize(target_s=0.1, largest=1_000)
    size.adapt(1, 0.005)
    assert size.records == 64


@given(st.lists(st.sampled_from([0.0, 0.02, 0.1, 1.0]), min_size=1, max_size=20))
def test_a_batch_brings_no_more_lessons_than_it_should(shares: list[float]) -> None:
    """Whatever the share of labelled events was; at a steady one batches are as large as that allows."""
    size = BatchSize(target_s=0.1, largest=1_000, lag=64)
    assert size.records == 64
    for share in shares:
        size.adapt(size.records, 0.01, round(share * size.records))
        assert 1 <= size.records <= 1_000
    for share, expected in ((1.0, 64), (0.1, 640), (0.0, 1_000)):
        for _ in range(50):
            size.adapt(size.records, 0.01, round(share * size.records))
        assert abs(size.records - expected) <= 0.05 * expected


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_the_more_workers_write_lessons_the_smaller_are_their_batches(workers: int) -> None:
    """So that together they write no more than they should while each answers a batch."""
    sizes = [BatchSize(target_s=0.1, largest=1_000, lag=64) for _ in range(workers)]
    for _ in range(50):
        written = sum(size.records for size in sizes)
        for size in sizes:
            size.adapt(size.records, 0.01, written)
    assert abs(sum(size.records for size in sizes) - 64) <= 4


def test_a_backlog_makes_batches_larger() -> None:
    """What waits is late anyway; when it is done, batches take about the target again."""
    size = BatchSize(target_s=0.1, largest=2_000)
    waiting = 20_000
    while waiting > 0:
        records = size.records
        waiting -= records
        size.adapt(records, 0.04 + records * 0.0004, waiting=max(0, waiting))
        assert size.records <= 2_000
        if 14_000 > waiting > 10_000:
            assert size.records == 2_000
    for _ in range(20):
        size.adapt(size.records, 0.04 + size.records * 0.001)
    assert 0.08 < 0.04 + size.records * 0.001 < 0.12


def test_a_backlog_of_events_that_cost_seconds_makes_no_batch_of_minutes() -> None:
    """However much waits, and at once where events become slow."""
    size = BatchSize(target_s=0.1, largest=2_000)
    for _ in range(10):
        size.adapt(size.records, 0.0004 * size.records, waiting=20_000)
    assert size.records == 2_000
    size.adapt(20, 20 * 1.0, waiting=20_000)
    assert size.records <= 5
    for _ in range(10):
        size.adapt(size.records, size.records * 1.0, waiting=20_000)
        assert size.records <= 5
