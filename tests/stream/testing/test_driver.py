"""Crash recovery, without a broker."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core import digest
from stream.kafka import RecoveryError
from stream.pipeline.outcome import Outcome
from stream.pipeline.task import Task
from stream.records.decoding import decode
from stream.records.schema import BadEventError, Feedback, Record
from stream.snapshot import Identity, Snapshot, Store
from stream.testing.driver import ABORT, EOF, PAUSE, SNAPSHOT, Aborted, Log, Sentinel, drive
from tests.stream.standins import (
    CRASHING,
    POISON,
    disorder,
    event,
    feedback,
    learned,
    make_fragile_task,
    make_task,
    records,
)

VALUES = [
    *(event(number) for number in range(40)),
    *POISON.values(),
    *(event(number) for number in range(40, 60)),
    *disorder(40, seed=1),
]
RECORDS = records(VALUES)


def fresh_store(keep: int = 3) -> Store:
    """Return a place for snapshots that holds none."""
    identity = Identity("s.events", "id", 0, "0123456789ab")
    return Store(f"memory://{uuid.uuid4().hex}", "group", identity, keep=keep)


def run(entries: list[Record | Sentinel], batch: int, store: Store | None = None) -> tuple[Task, Log, int]:
    """Drive a log to its end, starting again after every crash."""
    log, crashes = Log(entries), 0
    while True:
        try:
            return drive(log, make_task, batch, store), log, crashes
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


@settings(max_examples=100)
@given(
    sentinels=st.lists(
        st.tuples(st.integers(0, len(RECORDS)), st.sampled_from([ABORT, PAUSE, SNAPSHOT])), max_size=12
    ),
    batch=st.integers(1, 40),
    damaged=st.sets(st.integers(0, 11)),
)
def test_with_snapshots_anywhere_it_still_equals_an_uninterrupted_run(
    sentinels: list[tuple[int, Sentinel]], batch: int, damaged: set[int]
) -> None:
    """Crashes and snapshots anywhere, some of them damaged: same bytes, same state, never an old record."""

    class Damaging(Store):
        count = 0

        def write(self, snapshot: Snapshot) -> int:
            size = super().write(snapshot)
            if self.count in damaged:
                content = bytearray(self._files.cat_file(self.path(snapshot.offset)))
                content[len(content) * (self.count + 1) // 13] ^= 4
                self._files.pipe_file(self.path(snapshot.offset), bytes(content))
            self.count += 1
            return size

    plain = fresh_store()
    store = Damaging(f"memory://{uuid.uuid4().hex}", "group", plain.identity)
    task, log, crashes = run(with_sentinels(sentinels), batch, store)
    expected_task, expected_log, _ = UNINTERRUPTED
    assert crashes == sum(sentinel is ABORT for _, sentinel in sentinels)
    assert log.outputs == expected_log.outputs
    assert digest(task.state()) == digest(expected_task.state())
    check_invariants(log, RECORDS)


def is_feedback(record: Record) -> bool:
    """Whether a record is good feedback, which is learned and not answered."""
    try:
        return isinstance(decode(record.value), Feedback)
    except BadEventError:
        return False


def check_invariants(log: Log, answered: list[Record]) -> None:
    """I1 and I2: each record once; I3: in order; I5: by a model that had not seen it."""
    seen = [output for output in log.outputs if output.kind != "drift"]
    offsets = [int(dict(output.headers)["ce_id"].split(b"/")[2]) for output in seen]
    assert offsets == [record.offset for record in answered if not is_feedback(record)]
    for offset, output in zip(offsets, seen, strict=True):
        if output.kind == "predictions":
            through = json.loads(output.value or b"")["trained_through"]
            assert all(each["offset"] < offset for each in through)


def test_a_restart_relearns_from_the_newest_snapshot_only() -> None:
    """What is below it is not read again: it may be gone."""
    log, store = Log([*RECORDS[:30], SNAPSHOT, *RECORDS[30:45], ABORT, *RECORDS[45:]]), fresh_store()
    taken: list[int] = []

    class Noted(Task):
        def process(self, records: Sequence[Record]) -> Outcome:
            taken.extend(record.offset for record in records)
            return super().process(records)

    def noting(live_from: int) -> Task:
        plain = make_task(live_from)
        parts = plain.encoder, plain.model.learner, plain.observer.monitors
        sure = plain.model.confidence
        return Noted(*parts, run="test", source="/test", live_from=live_from, confidence=sure)

    with pytest.raises(Aborted):
        drive(log, noting, 8, store)
    taken.clear()
    log.delete(30)
    task = drive(log, noting, 8, store)
    assert taken == list(range(30, len(RECORDS)))
    assert log.outputs == UNINTERRUPTED[1].outputs
    assert digest(task.state()) == digest(UNINTERRUPTED[0].state())


@pytest.mark.parametrize("snapshot_at", [None, 20])
def test_what_must_be_relearned_and_is_gone_is_refused_or_rebuilt_with_a_gap(snapshot_at: int | None) -> None:
    """Both numbers and the remedy; a rebuild says what it lacks, once, and lives on."""
    entries: list[Record | Sentinel] = [*RECORDS[:40], EOF, *RECORDS[40:]]
    if snapshot_at is not None:
        entries.insert(snapshot_at, SNAPSHOT)
    log, store = Log(entries), fresh_store()
    drive(log, make_task, 8, store)
    log.delete(30)
    needed = snapshot_at or 0
    with pytest.raises(
        RecoveryError, match=rf"from offset {needed} on .* first offset is 30\..*snapshot\.rebuild = true"
    ):
        drive(log, make_task, 8, store)
    assert drive(log, make_task, 8, store, rebuild=True).next_offset == len(RECORDS)
    # What was rebuilt has a snapshot of its own, so nothing is missing any more.
    drive(log, make_task, 8, store)
    gaps = [json.loads(output.value or b"") for output in log.outputs if b"recovery" in (output.value or b"")]
    assert [(gap["statistic"], gap["window"], gap["action"]) for gap in gaps] == [
        (30.0 - needed, 30 - needed, "rebuilt")
    ]
    check_invariants(log, RECORDS)


def test_records_deleted_before_they_were_answered_are_a_gap_too() -> None:
    """They will never be predicted; nobody is told that all is well."""
    log, store = Log([*RECORDS[:20], SNAPSHOT, EOF, *RECORDS[20:]]), fresh_store()
    drive(log, make_task, 8, store)
    log.delete(30)
    with pytest.raises(RecoveryError, match=r"from offset 20 on .* committed is 20.* first offset is 30\."):
        drive(log, make_task, 8, store)
    drive(log, make_task, 8, store, rebuild=True)
    check_invariants(log, [record for record in RECORDS if not 20 <= record.offset < 30])


def test_a_stream_whose_head_was_gone_at_the_first_start_lacks_nothing() -> None:
    """It never had it: a crash before its first own snapshot is no gap."""
    log, store = Log([*RECORDS[:40], ABORT, *RECORDS[40:]]), fresh_store()
    log.delete(10)
    with pytest.raises(Aborted):
        drive(log, make_task, 4, store)
    drive(log, make_task, 4, store)
    check_invariants(log, RECORDS[10:])


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


@settings(max_examples=40)
@given(
    crashes=st.sets(st.integers(0, 59), min_size=1, max_size=5),
    sentinels=st.lists(st.tuples(st.integers(0, 70), st.sampled_from([ABORT, PAUSE, SNAPSHOT])), max_size=6),
    batch=st.integers(1, 40),
)
def test_a_record_that_the_learner_cannot_take_is_a_dead_letter_and_leaves_no_trace(
    crashes: set[int], sentinels: list[tuple[int, Sentinel]], batch: int
) -> None:
    """The model is as if it had never come, although the learner had learned it when it threw."""
    values: list[bytes | None] = [CRASHING if number in crashes else event(number) for number in range(60)]
    values += [event(60, id="later", labels=None, text="u" * 21), feedback(60, id="later"), event(61)]
    given = records(values)
    entries: list[Record | Sentinel] = []
    for position, record in enumerate([*given, None]):
        entries += [sentinel for place, sentinel in sentinels if place == position]
        entries += [record] if record is not None else []
    log, store = Log(entries), fresh_store()
    while True:
        try:
            task = drive(log, make_fragile_task, batch, store)
            break
        except Aborted:
            pass
    letters = {
        int(dict(output.headers)["ce_id"].split(b"/")[2]): dict(output.headers)["ithaca_reason"]
        for output in log.outputs
        if output.kind == "dlq"
    }
    # The event was predicted; it is the feedback that the learner cannot take.
    assert letters == dict.fromkeys([*sorted(crashes), 61], b"learner")
    spared = make_task()
    spared.process([record for record in given if record.offset not in letters])
    of_both = [digest(learned(each.model.learner.state())) for each in (task, spared)]
    assert of_both[0] == of_both[1]
    assert digest(task.observer.scores.state()) == digest(spared.observer.scores.state())
    assert sum(output.kind == "predictions" for output in log.outputs) == len(given) - len(letters)
