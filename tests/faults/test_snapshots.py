"""F8, F9: snapshots that are damaged, cannot be written or are too old for the broker."""

from __future__ import annotations

import functools
import json
import logging
import random
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from drift.core import digest
from stream.kafka import RecoveryError
from stream.pipeline import factory as assembly
from stream.snapshot import Identity, Store, migrations
from stream.worker.partition import UnkeptError
from stream.worker.worker import Worker
from tests.faults.exactly_once import (
    check_as_if_uninterrupted,
    check_model,
    newest,
    settings_of,
    store_of,
    uninterrupted,
)
from tests.stream.live import LiveStream, on_a_thread, source, stop
from tests.stream.standins import event


def worker_of(live: LiveStream, **snapshot: object) -> Worker:
    """Return a worker with the stream's settings, and some for snapshots."""
    settings = settings_of(live, every_records=400, **snapshot)
    return Worker(settings, functools.partial(assembly.make_task, settings))


def work(live: LiveStream, outcomes: int, **snapshot: object) -> None:
    """Run a worker until so many outcomes are there."""
    with on_a_thread(worker_of(live, **snapshot)):
        live.wait_for(outcomes)


def stream_with_snapshots(address: str, name: str) -> LiveStream:
    """Return a stream whose worker stopped after 2,000 events, with two snapshots at least."""
    live = LiveStream(address, name)
    for done in (1_000, 2_000):
        live.fill([event(number) for number in range(done - 1_000, done)])
        work(live, done)
    return live


def damage(live: LiveStream, how: str) -> str:
    """Damage the newest snapshot; return its path."""
    store = store_of(live)
    path = Path(store.path(store.offsets()[0]))
    content = bytearray(path.read_bytes())
    if how == "truncated":
        del content[len(content) * 2 // 3 :]
    elif how == "empty":
        content.clear()
    elif how == "bit-flipped":
        content[len(content) // 2] ^= 16
    else:
        content[8:12] = (migrations.VERSION + 1).to_bytes(4, "little")
    path.write_bytes(content)
    return str(path)


@pytest.mark.kafka
@pytest.mark.parametrize(
    "how",
    [
        "bit-flipped",
        *(pytest.param(how, marks=pytest.mark.slow) for how in ("truncated", "empty", "future version")),
    ],
)
def test_f8_a_damaged_snapshot_is_named_and_the_one_before_is_used(
    kafka: str, stream_name: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing lost, nothing twice, the same model."""
    live = stream_with_snapshots(kafka, stream_name)
    before = store_of(live).offsets()
    path = damage(live, how)
    live.fill([event(number) for number in range(2_000, 2_200)])
    with caplog.at_level(logging.INFO):
        work(live, 2_200)
    assert f"snapshot not used: {path} " in caplog.text
    assert f"relearning silently from offset {before[1]} to 2000" in caplog.text
    check_as_if_uninterrupted(live)
    assert check_model(live).offset == 2_200


@pytest.mark.kafka
def test_f8_where_snapshots_cannot_be_written_the_stream_goes_on(
    kafka: str, stream_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A file stands where the folder should be: warnings, and everything is answered."""
    live = LiveStream(kafka, stream_name)
    folder = Path(store_of(live).folder)
    folder.parent.mkdir()
    folder.write_text("in the way")
    live.fill([event(number) for number in range(1_000)])
    with pytest.raises(UnkeptError, match="at offset 1000 "):
        work(live, 1_000)
    assert "was not written" in caplog.text
    check_as_if_uninterrupted(live)


@pytest.mark.kafka
@pytest.mark.parametrize("scope", ["partition", "stream"])
def test_f8_a_last_snapshot_that_cannot_be_written_is_no_success(
    kafka: str, stream_name: str, scope: str
) -> None:
    """Status 1 and a sentence; what was answered is committed, and the next worker relearns it."""
    live = LiveStream(kafka, stream_name, environment={"ITHACA_MODEL__SCOPE": scope})
    folder = Path(live.settings.snapshot.location) / live.settings.group
    live.fill([event(number) for number in range(200)])
    with live.worker() as worker:
        live.wait_for(200)
        folders = [folder, folder.with_name(f"{folder.name}.lessons")]
        for each in folders:
            shutil.rmtree(each, ignore_errors=True)
            each.write_text("in the way")
        status, _, said = stop(worker)
    assert status == 1, said
    assert "ithaca: stopped without the last snapshot of " in said
    assert (f"{stream_name}.lessons partition 0 at offset " in said) == (scope == "stream")
    for each in folders:
        each.unlink()
    with live.worker() as worker:
        live.fill([event(number) for number in range(200, 250)])
        live.wait_for(250)
        assert stop(worker)[0] == 0
    assert sorted(source(record)[1] for record, _ in live.predictions()) == list(range(250))


WRITER = """
from stream.snapshot import Identity, Store, take
from tests.stream.standins import event, make_task, records
import sys
store = Store(sys.argv[1], "group", Identity("s.events", "id", 0, "0123456789abcdef"))
task = make_task()
print("ready", flush=True)
for record in records([event(number) for number in range(100_000)]):
    task.process([record])
    store.write(take(task, store.identity))
"""


def kill_while_writing(folder: Path, rounds: int, rng: random.Random) -> None:
    """Kill a process that does nothing but write snapshots; whatever has a name is whole, every time."""
    store = Store(str(folder), "group", Identity("s.events", "id", 0, "0123456789abcdef"))
    for _ in range(rounds):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(folder)],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(rng.random() * 0.2)
        process.kill()
        process.communicate()
        for offset in store.offsets():
            assert store.read(store.path(offset))[0].offset == offset
        store.sweep()
        assert len(store.names()) == len(store.offsets())


def test_f8_killed_while_writing(tmp_path: Path) -> None:
    """A name stands for a whole snapshot."""
    kill_while_writing(tmp_path, 2, random.Random(1))


@pytest.mark.slow
def test_f8_killed_while_writing_thirty_times(tmp_path: Path) -> None:
    """The same, often enough to meet every moment."""
    kill_while_writing(tmp_path, 30, random.Random(2))


CUT = """
from stream.snapshot import Identity, Store, store, take
from tests.stream.standins import event, make_task, records
import os, signal, sys
whole, task = store.dump, make_task()
kept = Store(sys.argv[1], "group", Identity("s.events", "id", 0, "0123456789abcdef"))

def cut_after(pieces):
    def dump(snapshot):
        for number, piece in enumerate(whole(snapshot)):
            if number == pieces:
                os.kill(os.getpid(), signal.SIGKILL)
            yield piece
    return dump

for pieces, record in enumerate(records([event(number) for number in range(10)])):
    task.process([record])
    child = os.fork()
    if not child:
        store.dump = cut_after(pieces)
        kept.write(take(task, kept.identity))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
kept.write(take(task, kept.identity))
"""


def test_f8_killed_after_each_piece_of_a_snapshot(tmp_path: Path) -> None:
    """Only what was written to its end has a name; what was begun is swept away."""
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CUT), str(tmp_path)], cwd=Path(__file__).parents[2], check=True
    )
    store = Store(str(tmp_path), "group", Identity("s.events", "id", 0, "0123456789abcdef"))
    assert store.offsets() == [10]
    assert store.read(store.path(10))[0].offset == 10
    assert len(store.names()) == 11
    store.sweep()
    assert len(store.names()) == 1


@pytest.mark.kafka
def test_f9_records_deleted_below_the_snapshot_are_not_missed(kafka: str, stream_name: str) -> None:
    """That is what snapshots are for."""
    live = stream_with_snapshots(kafka, stream_name)
    expected = uninterrupted(live)[0]
    offset = store_of(live).offsets()[0]
    live.expire("events", offset)
    live.fill([event(number) for number in range(2_000, 2_100)])
    work(live, 2_100)
    expected.process([record for record in live.read("events") if record.offset >= 2_000])
    assert newest(live).offset == 2_100
    assert digest(newest(live).state) == digest(expected.state())


@pytest.mark.kafka
def test_f9_records_deleted_past_the_snapshot_are_refused_or_rebuilt_on_request(
    kafka: str, stream_name: str
) -> None:
    """Both numbers and the remedy; then a gap event, and every event is still answered once."""
    live = stream_with_snapshots(kafka, stream_name)
    store = store_of(live)
    for offset in store.offsets()[:-1]:
        Path(store.path(offset)).unlink()
    (needed,) = store.offsets()
    assert needed < 1_800
    live.expire("events", 1_800)
    live.fill([event(number) for number in range(2_000, 2_100)])
    with pytest.raises(
        RecoveryError, match=rf"offset {needed} on .*first offset is 1800.*snapshot\.rebuild = true"
    ):
        worker_of(live).run()
    assert len(live.read("predictions")) == 2_000
    work(live, 2_100, rebuild=True)
    live.fill([event(2_100)])
    work(live, 2_101)
    answered = [source(record)[1] for record, _ in live.predictions()]
    assert answered == list(range(2_101))
    gaps = [
        json.loads(each.value or b"") for each in live.read("drift") if b"recovery/gap" in (each.value or b"")
    ]
    assert [(gap["window"], gap["action"]) for gap in gaps] == [(1_800 - needed, "rebuilt")]
