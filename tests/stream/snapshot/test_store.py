"""The store: the newest usable snapshot is found, whatever lies beside it."""

from __future__ import annotations

import logging
import os
import resource
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from river.base import Classifier
from river.multioutput import MultiClassEncoder
from river.naive_bayes import GaussianNB

from drift.core import digest
from learners.wrappers.river_models import MultiLabelModel
from stream.pipeline.task import Task
from stream.snapshot import Identity, Keeper, SnapshotError, Store, StoredSnapshot, newest, take
from tests.stream.standins import event, make_task, records

IDENTITY = Identity("s.events", "id", 0, "0123456789abcdef")
RECORDS = records([event(number) for number in range(100)])


def task_at(offset: int) -> Task:
    """Return a task that has taken in that many records."""
    task = make_task()
    task.process(RECORDS[:offset])
    return task


@pytest.fixture(params=["folder", "memory"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a fresh place for snapshots."""
    return str(tmp_path) if request.param == "folder" else f"memory://{uuid.uuid4().hex}"


def test_the_newest_at_or_below_an_offset_is_found(location: str) -> None:
    """Newest first; those beyond it are left alone."""
    store = Store(location, "group", IDENTITY)
    for offset in (10, 30, 20):
        assert store.write(take(task_at(offset), IDENTITY)) > 0
    assert store.offsets() == [30, 20, 10]
    assert [snapshot.offset for snapshot, _ in store.candidates(29)] == [20, 10]
    (latest, size), *_ = store.candidates(30)
    assert digest(latest.state) == digest(task_at(30).state())
    assert size == store.write(latest)


def test_how_old_the_newest_is_can_be_seen_from_outside(location: str) -> None:
    """By partition; where there is none, nothing is said."""
    assert newest(location, "group", "s.events") == {}
    began = time.time()
    store = Store(location, "group", IDENTITY)
    for offset in (10, 20):
        store.write(take(task_at(offset), IDENTITY))
    assert newest(location, "group", "s.other") == {}
    (written,) = newest(location, "group", "s.events").items()
    assert written[0] == 0
    assert began - 2 < written[1] < time.time() + 2


def test_snapshots_without_a_model_push_out_none_that_has_one(location: str) -> None:
    """Who shares a model reads both; who has one of its own never takes theirs."""
    own = Store(location, "group", IDENTITY, keep=2)
    sharing = Store(location, "group", IDENTITY, keep=2, answers=True)
    for store, offsets in ((own, (10, 20)), (sharing, (20, 30, 40, 50))):
        for offset in offsets:
            store.write(take(task_at(offset), IDENTITY))
    assert own.offsets() == [20, 10]
    assert sharing.offsets() == [50, 40, 20, 10]
    assert [snapshot.offset for snapshot, _ in own.candidates()] == [20, 10]
    assert [snapshot.offset for snapshot, _ in sharing.candidates()] == [50, 40, 20, 10]


def test_the_last_few_are_kept_and_what_was_begun_is_swept(location: str) -> None:
    """Also of a partition that went back; never what other settings wrote."""
    other = Store(location, "group", IDENTITY._replace(configuration="f" * 16), keep=2)
    other.write(take(task_at(5), other.identity))
    store = Store(location, "group", IDENTITY, keep=2)
    for offset in (10, 20, 30, 40):
        store.write(take(task_at(offset), IDENTITY))
    assert store.offsets() == [40, 30]
    for offset in (10, 15, 20):
        store.write(take(task_at(offset), IDENTITY))
    assert store.offsets() == [40, 30, 20, 15]
    assert other.offsets() == [5]
    store._files.pipe_file(f"{store.path(50)}.x.tmp", b"half")
    store.sweep()
    assert [name for name in store.names() if name.endswith("tmp")] == []
    assert store.offsets() == [40, 30, 20, 15]


@pytest.mark.parametrize(
    ("field", "value"),
    [("topic", "t.events"), ("topic_id", "new"), ("partition", 1), ("configuration", "0123456789abZZZZ")],
)
def test_a_snapshot_of_another_kind_is_refused_by_name(
    location: str, field: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    """And the one before it is used."""
    store = Store(location, "group", IDENTITY)
    store.write(take(task_at(10), IDENTITY))
    values = IDENTITY._asdict() | {field: value}
    foreign = take(task_at(20), Identity(**values))
    store.write(foreign)
    with caplog.at_level(logging.WARNING):
        assert [snapshot.offset for snapshot, _ in store.candidates(99)] == [10]
    assert store.path(20) in caplog.text
    assert f"another {field}" in caplog.text
    assert str(value) in caplog.text


def test_other_settings_are_named_in_the_log(location: str, caplog: pytest.LogCaptureFixture) -> None:
    """By the names of their files, unread; nothing else that lies there is."""
    other = Store(location, "group", IDENTITY._replace(configuration="f" * 16))
    other.write(take(task_at(5), other.identity))
    store = Store(location, "group", IDENTITY)
    assert store.write(take(task_at(10), IDENTITY)) == len(store._files.cat_file(store.path(10)))
    store._files.pipe_file(f"{store.path(50)}.x.tmp", b"half")
    with caplog.at_level(logging.WARNING):
        assert [snapshot.offset for snapshot, _ in store.candidates(99)] == [10]
    assert caplog.messages == [f"{other.path(5)} is of other settings than these and is not used"]


def river_task() -> Task:
    """Return a task whose learner can only be pickled."""
    plain = make_task()
    classifier: type[Classifier] = GaussianNB  # whose constructor has no types
    learner = MultiLabelModel(MultiClassEncoder(classifier()))
    return Task(plain.encoder, learner, plain.observer.monitors, run="r", source="/s")


def test_pickles_are_neither_written_nor_read_unless_allowed(
    location: str, caplog: pytest.LogCaptureFixture
) -> None:
    """And said aloud, both ways, once."""
    task = river_task()
    task.process(RECORDS[:10])
    for allowed in (False, True):
        store = Store(location, "group", IDENTITY, allow_pickle=allowed)
        keeper, caplog_before = Keeper(store), len(caplog.records)
        for _ in range(2):
            keeper.save(task)
            keeper.wait(None)
        assert store.offsets() == ([10] if allowed else [])
        assert len(caplog.records) == caplog_before + 1
        assert ("can run code here" if allowed else "no snapshots are taken") in caplog.messages[-1]
    with pytest.raises(SnapshotError, match=r"snapshot\.allow_pickle"):
        Store(location, "group", IDENTITY).read(store.path(10))
    assert store.read(store.path(10))[0].pickled


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let the system refuse to write files larger than that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_costs_a_warning_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The snapshots from before stay, nothing half written is left, and the next one succeeds."""
    store = Store(str(tmp_path), "group", IDENTITY)
    kept: list[StoredSnapshot] = []
    failures: list[bool] = []
    keeper = Keeper(store, written=kept.append, failed=lambda: failures.append(True))
    for offset, size in ((10, 10**9), (20, 1_000), (30, 10**9)):
        task = task_at(offset)
        before = digest(task.state())
        with largest_file(size):
            keeper.save(task)
            keeper.wait(None)
        assert digest(task.state()) == before
    assert [each.offset for each in kept] == [10, 30]
    assert failures == [True]
    assert "the snapshot at offset 20 was not written" in caplog.text
    assert store.offsets() == [30, 10]
    assert len(store.names()) == 2


def test_snapshots_are_due_by_time_and_by_records(tmp_path: Path) -> None:
    """Whichever comes first; never when nothing was done, never two at a time."""
    now = [100.0]
    keeper = Keeper(Store(str(tmp_path), "g", IDENTITY), every_s=60, every_records=50, clock=lambda: now[0])
    task = make_task()
    now[0] += 61
    assert not keeper.due(task)
    task.process(RECORDS[:1])
    assert keeper.due(task)
    keeper.save(task)
    keeper.wait(None)
    assert not keeper.due(task)
    task.process(RECORDS[1:50])
    assert not keeper.due(task)
    task.process(RECORDS[50:51])
    assert keeper.due(task)


def test_storage_that_fails_in_its_own_way_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """As object stores do, whose clients have errors of their own: who restores waits and tries again."""
    store = Store(f"memory://{uuid.uuid4().hex}", "group", IDENTITY)
    store.write(take(task_at(10), IDENTITY))

    class ClientError(Exception):
        """What botocore calls its errors."""

    def away(*args: object, **options: object) -> None:
        raise ClientError("SlowDown")

    for name in ("ls", "cat_file"):
        monkeypatch.setattr(store._files, name, away)
    for ask in (store.names, lambda: store.read(store.path(10)), lambda: store.read_json("a.json")):
        with pytest.raises(OSError, match="ClientError: SlowDown"):
            ask()


def test_a_snapshot_that_was_not_written_is_tried_again_on_a_quiet_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the next is due, and when the partition is left; "stopped in order" must leave one."""
    now = [100.0]
    store = Store(str(tmp_path), "group", IDENTITY)
    keeper, task = Keeper(store, every_s=60, clock=lambda: now[0]), task_at(10)
    with monkeypatch.context() as away:
        away.setattr(store, "write", lambda snapshot: (_ for _ in ()).throw(OSError("no room")))
        keeper.save(task)
        keeper.wait(None)
    assert keeper.stale(task)
    assert keeper.missing(task) == "s.events partition 0 at offset 10 (no room)"
    assert not keeper.due(task)
    now[0] += 61
    assert keeper.due(task)
    keeper.save(task)
    keeper.wait(None)
    assert store.offsets() == [10]
    assert not keeper.stale(task)
    assert keeper.missing(task) == ""


def test_a_snapshot_is_on_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file first, then the folder that holds the name: a power cut leaves a whole snapshot or none."""
    synced: list[tuple[str, bool]] = []
    store = Store(str(tmp_path), "group", IDENTITY)

    def fsync(descriptor: int) -> None:
        name = os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))
        synced.append((name, bool(store.offsets())))

    monkeypatch.setattr(os, "fsync", fsync)
    store.write(take(task_at(10), IDENTITY))
    (file, named), (folder, named_then) = synced
    assert file.endswith(".tmp")
    assert folder == os.path.basename(store.folder)
    assert (named, named_then) == (False, True)
