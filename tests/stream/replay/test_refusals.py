"""Records at which a replay's learner fails: left out, at a bounded cost."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from drift.core import digest
from stream.pipeline.task import Task
from stream.records.schema import Output
from stream.replay import replay
from tests.stream.standins import CRASHING, EverySeventh, Fragile, Letters, event, records


class Counting(Letters):
    """Counts what is encoded, with whatever task."""

    encoded = 0

    def encode(self, events: Sequence[Any]) -> Any:
        """Count and encode."""
        Counting.encoded += len(events)
        return super().encode(events)


def fragile() -> Task:
    """Return a task whose learner throws at `CRASHING`, when it has learned half of it."""
    return Task(Counting(), Fragile(50.0), EverySeventh(), run="test", source="/test")


@pytest.mark.parametrize("batch", [7, 100, 1_000])
def test_each_record_is_read_once_and_encoded_a_few_times(batch: int) -> None:
    """However many the learner refuses; the results are those of a stream without them."""
    given = records([CRASHING if number % 25 == 3 else event(number) for number in range(1_000)])
    read, written = 0, list[Output]()

    def batches(partition: int, limit: int) -> Any:
        nonlocal read
        del partition, limit
        for begin in range(0, len(given), batch):
            read += len(given[begin : begin + batch])
            yield given[begin : begin + batch]

    history = SimpleNamespace(ranges={0: (0, len(given))}, batches=batches)
    Counting.encoded = 0
    summary = replay(cast(Any, history), fragile, lambda partition, outputs: written.extend(outputs))
    assert (summary.messages, summary.dead_letters, read) == (1_000, 40, 1_000)
    assert Counting.encoded <= 4_500
    spared = fragile()
    for record in given:
        if record.value != CRASHING:
            spared.process([record])
    answered = [output for output in written if output.kind == "predictions"]
    assert len(answered) == 960
    assert summary.scores[0] == spared.observer.scores.summary()
    whole = fragile()
    whole.refused = {record.offset: "too many u" for record in given if record.value == CRASHING}
    whole.process(given)
    assert summary.digests[0] == digest(whole.state())


def test_a_partition_without_records_has_a_model_too() -> None:
    """One that has learned nothing; and it counts for nothing in the progress."""
    given, done = records([event(number) for number in range(3)]), list[int]()
    history = SimpleNamespace(
        ranges={0: (5, 5), 1: (0, 3), 2: (9, 7)},
        batches=lambda partition, limit: iter([given] if partition == 1 else []),
    )
    summary = replay(cast(Any, history), fragile, lambda partition, outputs: None, done.append)
    assert (summary.messages, summary.dead_letters, summary.first_dead_letter) == (3, 0, "")
    assert list(summary.scores) == list(summary.digests) == [0, 1, 2]
    assert summary.digests[0] == summary.digests[2] == digest(fragile().state()) != summary.digests[1]
    assert done == [0, 3, 3, 3]
