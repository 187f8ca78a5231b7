"""A record at which processes end is found, whatever ends them, and left out."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.snapshot import Attempts, Identity, Store
from stream.snapshot.attempts import MOST_ATTEMPTS
from tests.stream.standins import event, records

IDENTITY = Identity("s.events", "id", 0, "0123456789abcdef")
RECORDS = records([event(number) for number in range(40)])


def work(store: Store, committed: int, deadly: set[int], batch: int) -> int:
    """Run a process until it ends or all is done; return what it committed."""
    attempts = Attempts(store)
    while committed < len(RECORDS):
        taken = attempts.begin(RECORDS[committed : committed + batch])
        if {record.offset for record in taken} & (deadly - attempts.refused.keys()):
            return committed
        committed = taken[-1].offset + 1
        attempts.end(committed)
    return committed


@given(st.sets(st.integers(0, len(RECORDS) - 1), max_size=4), st.integers(1, 15))
def test_only_deadly_records_are_left_out_after_few_restarts(deadly: set[int], batch: int) -> None:
    """Wherever they stand in a batch; all others are worked on, and the restarts are bounded."""
    store = Store(f"memory://attempts-{sorted(deadly)}-{batch}", "group", IDENTITY)
    store.write_json("attempts.json", {})
    committed = restarts = 0
    while (committed := work(store, committed, deadly, batch)) < len(RECORDS):
        restarts += 1
    assert Attempts(store).refused.keys() == deadly
    assert restarts <= len(deadly) * (MOST_ATTEMPTS + 2)


def test_a_process_that_goes_on_is_not_counted(tmp_path: Path) -> None:
    """Trouble that the process outlives, or a stop while nothing was at work, is no attempt."""
    store = Store(str(tmp_path), "group", IDENTITY)
    for _ in range(3 * MOST_ATTEMPTS):
        attempts = Attempts(store)
        taken = attempts.begin(RECORDS[:5])
        attempts.end(0)  # As when the encoder cannot be reached.
    assert attempts.refused == {}
    for _ in range(3 * MOST_ATTEMPTS):
        assert Attempts(store).refused == {}
    assert len(taken) == 1  # Who takes it again is careful.


def test_what_is_refused_stays_refused_as_long_as_it_may_be_relearned(tmp_path: Path) -> None:
    """By whoever has the partition next, unless the topic is another one by then."""
    store = Store(str(tmp_path), "group", IDENTITY)
    Attempts(store).refuse(7, "ZeroDivisionError")
    assert Attempts(store).refused == {7: "ZeroDivisionError"}
    anew = Store(str(tmp_path), "group", IDENTITY._replace(topic_id="another"))
    assert Attempts(anew).refused == {}


def test_a_note_that_cannot_be_written_or_read_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is lost then, and a warning says so."""
    store = Store(str(tmp_path), "group", IDENTITY)
    store.write_json("attempts.json", {})
    (Path(store.folder) / "attempts.json").write_text('{"begun": [')
    monkeypatch.setattr(store, "write_json", lambda *args: (_ for _ in ()).throw(RuntimeError("no room")))
    with caplog.at_level(logging.WARNING):
        assert Attempts(store).begin(RECORDS) == RECORDS
    assert "no room" in caplog.text


def test_a_record_is_left_out_after_so_many_attempts_and_not_before(tmp_path: Path) -> None:
    """The first is that of its batch, the others are its own."""
    store = Store(str(tmp_path), "group", IDENTITY)
    refused = []
    for _ in range(MOST_ATTEMPTS + 1):
        attempts = Attempts(store)
        attempts.begin(RECORDS[:5])
        refused.append(sorted(attempts.refused))
    assert refused == [[]] * MOST_ATTEMPTS + [[RECORDS[0].offset]]
