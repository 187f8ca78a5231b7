"""What is pending is committed whole, or by parts where a transaction takes too long."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest

from learners.dummy import LabelPriors
from stream.encoders import Encoder
from stream.encoders.hashing import Hashing
from stream.kafka import Transaction, UnwrittenError
from stream.pipeline import Task
from stream.worker.partition import AssignedPartition
from tests.stream.standins import POISON, EverySeventh, Letters, event, make_task, records

VALUES = [*(event(number) for number in range(20)), POISON["broken json"], *map(event, range(20, 40))]


class SlowOutbox:
    """Takes the outputs of so many records in a transaction's time, and no more."""

    def __init__(self, most: int, took_s: float = 0.0) -> None:
        self.most = most
        self.took_s = took_s
        self.written: list[tuple[list[Any], int]] = []

    def begin(self, outputs: list[Any], next_offset: int, membership: object) -> Transaction:
        """Note what is tried."""
        del membership
        self._trying = outputs, next_offset
        return Transaction(cast(Any, None), time.monotonic() + 1.0, outputs)

    def end(self, transaction: Transaction) -> None:
        """Write it, if that fits."""
        del transaction
        if self._trying[1] - (self.written[-1][1] if self.written else 0) > self.most:
            raise UnwrittenError("too slow")
        time.sleep(self.took_s)
        self.written.append(self._trying)

    def reopen(self) -> None:
        """Do nothing: what was tried last is aborted."""


def work(outbox: SlowOutbox, tries: int) -> AssignedPartition[Any]:
    """Process all records at once, and commit them within so many tries."""
    task = make_task()
    assigned = AssignedPartition(task, cast(Any, outbox), cast(Any, None), 0)
    assigned.process(records(VALUES))
    for _ in range(tries):
        try:
            assigned.commit(cast(Any, None), lambda: assigned.committed)
        except UnwrittenError:
            continue
    return assigned


@pytest.mark.parametrize("most", [1, 7, 1_000])
def test_every_output_is_written_once_in_order(most: int) -> None:
    """Whatever fits; the offsets are those of the records, and the counts those of the part."""
    outbox = SlowOutbox(most, took_s=0.4 if most < 1_000 else 0.0)
    assigned = work(outbox, 60)
    assert assigned.pending is None
    assert assigned.committed == len(VALUES)
    whole = make_task().process(records(VALUES))
    assert [output for outputs, _ in outbox.written for output in outputs] == whole.outputs
    offsets = [offset for _, offset in outbox.written]
    assert offsets == sorted(set(offsets))
    assert offsets[-1] == len(VALUES)
    assert (len(outbox.written) == 1) is (most == 1_000)


def test_parts_grow_again_once_there_is_time() -> None:
    """Each that is quick doubles the next."""
    outbox = SlowOutbox(5)
    assigned = work(outbox, 4)
    assert [offset for _, offset in outbox.written] == [5]
    outbox.most = 1_000
    while assigned.pending is not None:
        assigned.commit(cast(Any, None), lambda: assigned.committed)
    assert [offset for _, offset in outbox.written] == [5, 15, 35, 41]


def slow(encoder: Encoder) -> AssignedPartition[Task]:
    """Return a partition whose time for a turn is over after the first record."""
    task = Task(encoder, LabelPriors(), EverySeventh(), run="test", source="/test")
    task.longest_s = 0.0
    return AssignedPartition(task, cast(Any, None), cast(Any, None), 0)


def test_records_that_cost_seconds_are_left_to_the_next_turn() -> None:
    """Each turn takes at least one, and what is written is as if all had been processed at once."""
    assigned, given, written = slow(Hashing(dimensions=16)), records(VALUES), []
    for offset in range(len(given)):
        assert assigned.process(given[offset:]) == 1
        assert assigned.pending is not None
        written += assigned.pending.outputs
    whole = Task(Hashing(dimensions=16), LabelPriors(), EverySeventh(), run="test", source="/test")
    assert written == whole.process(given).outputs


def test_an_encoder_that_learns_is_not_ahead_of_what_is_left_out() -> None:
    """So none is left out: a snapshot would hold what it learned of records that the model has not seen."""
    encoder = Letters()
    assert slow(encoder).process(records(VALUES)) == len(VALUES)
    assert encoder.seen > 0
