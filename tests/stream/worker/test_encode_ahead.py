"""Encoding ahead: the next batch while this one is learned, in order, and nothing left of what is dropped."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.encoders import EncoderError
from stream.kafka import Outbox
from stream.pipeline import Answerer
from stream.pipeline.task import Task
from stream.records.schema import BadEventError, Event
from stream.snapshot import Keeper
from stream.worker.encode_ahead import EncodeAhead
from stream.worker.partition import AssignedPartition
from stream.worker.time_order import TimeOrder
from tests.stream.standins import Letters, event, make_task, records

VALUES = [event(number) for number in range(40)]


class Lengths:
    """Learns nothing: a vector is a text's length. Notes what was encoded, and on which thread."""

    name = "lengths"

    def __init__(self) -> None:
        self.encoded: list[tuple[str, bool]] = []
        self.reached = threading.Event()

    def check(self, event: Event) -> None:
        """Refuse an event without text."""
        if event.text is None:
            raise BadEventError("encoder", "text is missing")

    def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
        """Encode, and say that event 10 was reached."""
        ahead = threading.current_thread() is not threading.main_thread()
        self.encoded += [(event.id, ahead) for event in events]
        if any(event.id == "e10" for event in events):
            self.reached.set()
        return [np.array([len(event.text or "")], dtype=np.float32) for event in events]

    def state(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over nothing."""


def task_with(encoder: Lengths | Letters) -> Task:
    """Return a task with an encoder."""
    task = make_task()
    task.encoder = encoder
    return task


def assigned(task: Task) -> AssignedPartition[Answerer]:
    """Return a partition without a way out."""
    return AssignedPartition(task, cast("Outbox", None), cast("Keeper", None), 0)


@pytest.fixture
def order() -> TimeOrder:
    """Return an order with forty records of partition 0."""
    order = TimeOrder()
    order.add({0: records(VALUES)})
    return order


@pytest.fixture
def ahead(order: TimeOrder) -> Iterator[EncodeAhead]:
    """Return batches of what is in the order; the thread ends with the test."""
    batches = EncodeAhead(order)
    yield batches
    batches.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("encode")]


def test_the_next_batch_is_encoded_while_this_one_is_processed(ahead: EncodeAhead) -> None:
    """Before the second batch is asked for, it is encoded; all bytes are those of one plain run."""
    encoder = Lengths()
    partition = assigned(task_with(encoder))
    outputs = []
    while batch := ahead.take(10, {0: partition}):
        assert encoder.reached.wait(30)
        partition.process(batch[0])
        assert partition.pending is not None
        outputs += partition.pending.outputs
    assert outputs == task_with(Lengths()).process(records(VALUES)).outputs
    assert encoder.encoded == [(f"e{number}", True) for number in range(40)]


def test_what_is_no_whole_batch_waits_for_no_other(ahead: EncodeAhead, order: TimeOrder) -> None:
    """Forty records in batches of twelve: the last four come with those that were read meanwhile."""
    partition = assigned(task_with(Lengths()))
    sizes = []
    for late in ([], [], [], records(VALUES)[:8], []):
        order.add({0: late})
        sizes.append(len(ahead.take(12, {0: partition}).get(0, ())))
    assert sizes == [12, 12, 12, 12, 0]


def test_it_holds_what_was_read_and_not_taken(ahead: EncodeAhead, order: TimeOrder) -> None:
    """In the order or, taken ahead, behind it."""
    partition = assigned(task_with(Lengths()))
    held = []
    while ahead.take(20, {0: partition}):
        held.append((ahead.holds(0), order.held(0)))
    assert held == [(True, 0), (False, 0)]
    order.add({1: records(VALUES, partition=1)})
    assert [ahead.holds(number) for number in (0, 1)] == [False, True]
    ahead.drop(1)
    assert not ahead.holds(1)


def test_an_encoder_that_learns_is_not_ahead_of_its_model(ahead: EncodeAhead) -> None:
    """A snapshot would hold what it learned of records that the model has not seen."""
    encoder = Letters()
    partition = assigned(task_with(encoder))
    for end in (10, 20):
        partition.process(ahead.take(10, {0: partition})[0])
        assert encoder.seen == end


def test_a_partition_whose_batch_is_not_committed_waits(ahead: EncodeAhead, order: TimeOrder) -> None:
    """What was taken ahead of it comes when it is idle again, and then the rest, in order."""
    one, other = assigned(task_with(Lengths())), assigned(task_with(Lengths()))
    order.add({1: records(VALUES[:6], partition=1)})
    taken = [ahead.take(8, {0: one, 1: other}), ahead.take(8, {1: other}), ahead.take(8, {0: one, 1: other})]
    taken += iter(lambda: ahead.take(8, {0: one, 1: other}), {})
    for number, count in ((0, 40), (1, 6)):
        offsets = [record.offset for batch in taken for record in batch.get(number, ())]
        assert offsets == list(range(count))
    assert 0 not in taken[1]


def test_what_is_dropped_leaves_nothing(ahead: EncodeAhead, order: TimeOrder) -> None:
    """Read again from elsewhere, the records are encoded again, and answered as in one plain run."""
    partition = assigned(task_with(Lengths()))
    partition.process(ahead.take(10, {0: partition})[0][:4])
    ahead.drop(0)
    assert not ahead.take(10, {0: partition})
    order.add({0: records(VALUES)[4:]})
    outputs = []
    while batch := ahead.take(7, {0: partition}):
        partition.process(batch[0])
        assert partition.pending is not None
        outputs += partition.pending.outputs
    assert outputs == task_with(Lengths()).process(records(VALUES)).outputs[-len(outputs) :]
    assert partition.task.next_offset == 40


def test_trouble_of_the_encoder_comes_with_its_batch(ahead: EncodeAhead) -> None:
    """Not with the batch before it."""

    class Missing(Lengths):
        def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
            if events[-1].id == "e19":
                raise OSError("no file")
            return super().encode(events)

    partition = assigned(task_with(Missing()))
    partition.process(ahead.take(10, {0: partition})[0])
    batch = ahead.take(10, {0: partition})[0]
    with pytest.raises(EncoderError, match="no file"):
        partition.process(batch)
    assert partition.task.next_offset == 10
