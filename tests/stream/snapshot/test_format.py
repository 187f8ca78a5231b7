"""The file format: what comes back is what went in, and nothing else comes back."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from numpy.typing import NDArray

from drift.core import arrays_in, digest
from drift.monitors.monitors import Monitors
from learners import catalogue
from learners.wrappers.river_models import RiverLearner
from stream.config.settings import Settings
from stream.encoders import Hashing
from stream.pipeline.factory import make_answerer, make_replica
from stream.pipeline.task import Task
from stream.snapshot import Identity, Snapshot, SnapshotError, dump, migrations, parse, take
from tests.stream.standins import LABELS, event, make_task, records

IDENTITY = Identity("s.events", "id", 0, "0123456789abcdef")

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
dtypes = [np.dtype(name) for name in ("<f4", "<f8", "<i8", "u1", "?", ">i4")]
arrays: st.SearchStrategy[NDArray[Any]] = st.sampled_from(dtypes).flatmap(
    lambda dtype: arrays_of.arrays(
        dtype,
        arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    )
)
states = st.dictionaries(
    st.text(),
    st.recursive(
        plain | st.lists(plain) | arrays, lambda inner: st.dictionaries(st.text(), inner), max_leaves=8
    ),
)


def snapshot_of(state: dict[str, Any]) -> Snapshot:
    """Return a snapshot with that state."""
    return Snapshot(IDENTITY, 7, 5, 1.5, "0", state)


def written(snapshot: Snapshot) -> bytes:
    """Return a snapshot's file."""
    return b"".join(dump(snapshot))


@given(states)
def test_any_state_comes_back(state: dict[str, Any]) -> None:
    """Bit by bit: types, shapes and values, and everything that is said about them."""
    snapshot = snapshot_of(state)
    back = parse(written(snapshot), "it")
    assert digest(back.state) == digest(state)
    assert dataclasses.replace(back, state={}) == dataclasses.replace(snapshot, state={})


TASK = make_task()
TASK.process(records([event(number) for number in range(40)]))
FILE = written(take(TASK, IDENTITY))


@given(st.integers(0, len(FILE) - 1))
def test_a_truncated_file_is_refused(length: int) -> None:
    """Wherever it ends."""
    with pytest.raises(SnapshotError, match=r"^here/it (is truncated|is damaged)"):
        parse(FILE[:length], "here/it")


@settings(max_examples=400)
@given(st.integers(0, len(FILE) * 8 - 1))
def test_a_flipped_bit_is_refused(bit: int) -> None:
    """Wherever it is."""
    damaged = bytearray(FILE)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SnapshotError, match=r"^here/it "):
        parse(bytes(damaged), "here/it")


@given(st.binary(max_size=200))
def test_bytes_that_are_no_snapshot_are_refused(content: bytes) -> None:
    """Whatever they are, alone or behind a good beginning."""
    for candidate in (content, FILE[:60] + content, FILE + b"x" + content):
        with pytest.raises(SnapshotError):
            parse(candidate, "it")


def test_a_newer_format_is_refused_with_both_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """And with what to do."""
    ours = migrations.VERSION
    monkeypatch.setattr(migrations, "VERSION", ours + 1)
    newer = written(snapshot_of({"a": 1}))
    monkeypatch.undo()
    with pytest.raises(
        SnapshotError, match=rf"has format {ours + 1}, .* up to {ours}\. Start the newer version"
    ):
        parse(newer, "it")


def test_a_snapshot_without_label_statistics_begins_them_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Format 1 had none; the model in it goes on all the same."""
    task = make_task()
    task.process(records([event(number) for number in range(20)]))
    state = task.state()
    del state["label_statistics"]
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "VERSION", 1)
        old = written(snapshot_of(state))
    restored = make_task()
    restored.load_state(parse(old, "it").state)
    restored.process([record._replace(offset=record.offset + 20) for record in records([event(3)])])
    assert restored.model.updates == 21
    assert restored.observer.label_statistics.seen(0) in ((-1, -1), (20, 20))


@pytest.mark.parametrize("messages", [0, 60])
def test_windows_of_format_2_go_on(messages: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """ADWIN had its buckets in one list then, and how many of them there are of each size."""
    task, restored = make_task(), make_task()
    task.process(records([event(number) for number in range(messages)]))
    state = task.state()
    state["monitors"] = in_one_list(state["monitors"])
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "VERSION", 2)
        old = written(snapshot_of(state))
    restored.load_state(parse(old, "it").state)
    assert digest(restored.state()) == digest(task.state())


def test_the_rank_of_vectors_begins_anew_after_format_4(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was another figure then; the other tests of the vectors go on."""
    task, restored, new = (
        Task(Hashing(dimensions=32), catalogue.make("priors"), Monitors(), run="r", source="/s")
        for _ in range(3)
    )
    task.process(records([event(number) for number in range(120)]))
    state = task.state()
    tests = state["monitors"]["monitors"]["vectors"]["tests"]
    tests["rank/rankme"] = tests.pop("rank/participation")
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "VERSION", 4)
        old = written(snapshot_of(state))
    restored.load_state(parse(old, "it").state)
    found = restored.state()["monitors"]["monitors"]["vectors"]["tests"]
    fresh = new.state()["monitors"]["monitors"]["vectors"]["tests"]["rank/participation"]
    assert digest(found.pop("rank/participation")) == digest(fresh)
    del tests["rank/rankme"]
    assert digest(found) == digest(tests)


@pytest.mark.parametrize("version", [2, 3, 4])
def test_states_of_a_shared_model_are_migrated_too(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica has no feedback, and who answers with it no monitors: there is nothing to change in them."""
    settings = Settings.model_validate({"stream": "s", "learner": {"name": "priors"}})
    replica = make_replica(settings)
    for part in (replica, make_answerer(settings, lambda: replica)):
        state = part.state()
        feedback = state.get("feedback")
        with monkeypatch.context() as patched:
            patched.setattr(migrations, "VERSION", version)
            old = written(snapshot_of(state))
        part.load_state(parse(old, "it").state)
        assert digest({"": part.state().get("feedback")}) == digest({"": feedback})


@pytest.mark.parametrize("name", ["adaptive-linear", "expansion"])
def test_labels_of_format_5_have_no_counts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They were a list of names, or a tree without counts; nothing else changes."""
    task, restored = (
        Task(Hashing(dimensions=32), catalogue.make(name), Monitors(), run="r", source="/s") for _ in range(2)
    )
    task.process(records([event(number) for number in range(60)]))
    state = task.state()
    learner = state["learner"]
    for part in (learner, learner.get("priors", {})):
        if "labels" in part:
            new = ("records", "admitted", "clock", "resting", "operated")
            old_labels = {key: value for key, value in part["labels"].items() if key not in new}
            part["labels"] = old_labels if name == "expansion" else old_labels["names"]
    learner["feature_space"] = {"limit": 4096, "buckets": 16, "slots": {"#a": 0}, "size": 1}
    del state["resting"], state["feedback"]["guesses"]["admitted"]
    learner.get("branches", {"vacant": []}).pop("vacant")
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "VERSION", 5)
        old = written(snapshot_of(state))
    restored.load_state(parse(old, "it").state)
    assert restored.model.learner.state()["feature_space"]["slots"] == {"#a": [0, 0]}
    following = records([event(number) for number in range(90)])[60:]
    assert restored.process(following) == task.process(following)


def in_one_list(state: Any) -> Any:
    """Return a monitor's state as format 2 had it."""
    if not isinstance(state, dict):
        return state
    if "lengths" not in state:
        return {key: in_one_list(value) for key, value in state.items()}
    lengths = state["lengths"]
    buckets = [row[:length] for length, row in zip(lengths, state["buckets"], strict=True)]
    return {
        "rows": lengths if len(lengths) else np.zeros(1, dtype=np.int64),
        "buckets": np.concatenate([np.zeros((0, 2)), *buckets]),
        "seen": state["seen"],
        "last": state["last"],
    }


def test_an_older_format_is_migrated_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example for whoever changes the state: rename a key, then split a value in two."""

    def rename(old: Snapshot) -> Snapshot:
        state = dict(old.state)
        state["learned"] = state.pop("updates")
        return dataclasses.replace(old, state=state)

    def split(old: Snapshot) -> Snapshot:
        state = dict(old.state)
        first, second = state.pop("pair")
        return dataclasses.replace(old, state=state | {"first": first, "second": second})

    monkeypatch.setattr(migrations, "VERSION", 1)
    old = written(snapshot_of({"updates": 3, "pair": np.array([1, 2])}))
    monkeypatch.setattr(migrations, "VERSION", 3)
    monkeypatch.setattr(migrations, "STEPS", {1: rename, 2: split})
    assert parse(old, "it").state == {"learned": 3, "first": 1, "second": 2}
    monkeypatch.setattr(migrations, "STEPS", {1: rename})
    with pytest.raises(SnapshotError, match="nothing leads from format 2 to 3"):
        parse(old, "it")


def test_what_cannot_come_back_as_it_was_is_not_written() -> None:
    """Objects, and keys that JSON would turn into strings."""
    with pytest.raises(TypeError, match="array of objects"):
        written(snapshot_of({"a": {"b": np.array([object()])}}))
    bad: dict[Any, Any] = {1: 2}
    with pytest.raises(TypeError, match="the key 1"):
        written(snapshot_of({"a": bad}))


@pytest.mark.parametrize("name", sorted(catalogue.LEARNERS))
def test_every_learner_goes_on_from_its_file_as_if_nothing_had_been(name: str) -> None:
    """Same predictions, same alarms, same state; and taking the snapshot changes nothing either."""

    def fresh() -> Task:
        return Task(Hashing(dimensions=32), catalogue.make(name), Monitors(), run="r", source="/s")

    batch = records([event(number) for number in range(60)])
    plain, one, other = fresh(), fresh(), fresh()
    if isinstance(other.model.learner, RiverLearner):
        other.model.learner.allow_pickle = True
    plain.process(batch[:40])
    one.process(batch[:40])
    snapshot = take(one, IDENTITY)
    assert snapshot.pickled == isinstance(one.model.learner, RiverLearner)
    expected, untouched = plain.process(batch[40:]), one.process(batch[40:])
    assert untouched == expected
    other.load_state(parse(written(snapshot), "it").state)
    assert other.process(batch[40:]) == expected
    ours, theirs = other.state(), plain.state()
    for state in (ours, theirs):
        state["learner"].pop("pickle", None)
    assert digest(ours) == digest(theirs)


def test_the_file_holds_no_pickle_and_its_header_is_json() -> None:
    """A person can read it with `head`."""
    length = int.from_bytes(FILE[12:20], "little")
    header = json.loads(FILE[52 : 52 + length])
    assert header["offset"] == 40
    assert header["values"]["learner"]["labels"]
    assert all(label in json.dumps(header) for label in LABELS)
    assert b"\x80\x04" not in FILE[:60]


def test_a_copy_in_the_memory_of_an_earlier_one_is_as_good_as_a_new_one() -> None:
    """It shares nothing with the task, holds all of its state, and leaves memory that does not fit."""
    task, stream = make_task(), records([event(number) for number in range(40)])
    task.process(stream[:10])
    spare = take(task, IDENTITY)
    held = {id(array) for _, array in arrays_in(spare.state)}
    task.process(stream[10:20])
    fresh, reused = take(task, IDENTITY), take(task, IDENTITY, spare)
    assert digest(reused.state) == digest(fresh.state)
    assert held & {id(array) for _, array in arrays_in(reused.state)}
    task.process(stream[20:])
    assert digest(reused.state) == digest(fresh.state) != digest(task.state())
