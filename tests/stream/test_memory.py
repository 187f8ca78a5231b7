"""Crash recovery, without a broker."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from learners.base import digest
from stream.events import Record
from stream.memory import ABORT, EOF, PAUSE, Aborted, Log, Sentinel, drive
from stream.task import Task
from tests.stream.standins import POISON, event, make_task, records

VALUES = [
    *(event(number) for number in range(40)),
    *POISON.values(),
    *(event(number) for number in range(40, 60)),
]
RECORDS = records(VALUES)


def run(entries: list[Record | Sentinel], batch: int) -> tuple[Task, Log, int]:
    """Drive a log to its end, starting again after every crash."""
    log, crashes = Log(entries), 0
    while True:
        try:
            return drive(log, make_task, batch), log, crashes
        except Aborted:
            crashes += 1


def with_sentinels(sentinels: list[tuple[int, Sentinel]]) -> list[Record | Sentinel]:
    """Return the records with sentinels before some of them."""
    entries: list[Record | Sentinel] = []
    for position, record in enumerate([*RECORDS, None]):
        entries += [sentinel for place, sentinel in sentinels if place == position]
        entries += [record] if record is not None else []
    return entries


UNINTERRUPTED = run(list(RECORDS), batch=7)


@settings(max_examples=60, deadline=None)
@given(
    sentinels=st.lists(st.tuples(st.integers(0, len(RECORDS)), st.sampled_from([ABORT, PAUSE])), max_size=6),
    batch=st.integers(1, 80),
)
def test_whatever_happens_equals_an_uninterrupted_run(
    sentinels: list[tuple[int, Sentinel]], batch: int
) -> None:
    """Crashes and pauses anywhere, batches of any size: same bytes, no gap, nothing twice, same state."""
    task, log, crashes = run(with_sentinels(sentinels), batch)
    expected_task, expected_log, _ = UNINTERRUPTED
    assert crashes == sum(sentinel is ABORT for _, sentinel in sentinels)
    assert log.outputs == expected_log.outputs
    assert log.committed == expected_log.committed == len(RECORDS)
    assert digest(task.state()) == digest(expected_task.state())


def test_an_abort_loses_the_batch_in_flight_and_nothing_before() -> None:
    """What was committed before it stays."""
    log = Log([*RECORDS[:5], ABORT, *RECORDS[5:]])
    try:
        drive(log, make_task, batch=3)
    except Aborted:
        assert log.committed == 3
        assert sum(output.kind == "predictions" for output in log.outputs) == 3
    else:
        raise AssertionError("it did not crash")


def test_a_pause_cuts_a_batch_short_and_commits_it() -> None:
    """Then a poll brings what follows."""
    log = Log([*RECORDS[:4], PAUSE, *RECORDS[4:10]])
    assert log.poll(0, 8) == (RECORDS[:4], PAUSE)
    assert log.poll(4, 6) == (RECORDS[4:10], EOF)
    assert log.poll(10, 8) == ([], EOF)


def test_an_eof_ends_a_run_and_the_next_goes_on_behind_it() -> None:
    """An EOF in the middle is a clean stop and a later start."""
    log = Log([*RECORDS[:10], EOF, *RECORDS[10:20]])
    assert drive(log, make_task, batch=4).next_offset == 10
    assert drive(log, make_task, batch=4).next_offset == 20
    assert log.outputs == run(list(RECORDS[:20]), 5)[1].outputs


def test_a_log_with_gaps_in_its_offsets_is_read_through() -> None:
    """Offsets of a compacted or transactional topic are not consecutive."""
    gappy = [record._replace(offset=3 * record.offset + 2) for record in RECORDS[:20]]
    _, log, crashes = run([*gappy[:9], ABORT, *gappy[9:]], batch=4)
    assert crashes == 1
    assert log.committed == gappy[-1].offset + 1
    assert sum(output.kind == "predictions" for output in log.outputs) == 20
