"""Snapshots from outside: where they are, whether they load, and how two differ."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from stream.config import Settings
from stream.pipeline import make_replica, make_task
from stream.snapshot import Identity, Store, take
from stream.snapshot.contents import Snapshot, SnapshotError
from stream.snapshot.inspection import differences, find, unloadable
from tests.stream.standins import event, records

SETTINGS = Settings.model_validate({"stream": "s", "learner": {"name": "priors"}})


def written(folder: Path, kind: str = "events") -> tuple[Store, Snapshot]:
    """Write a snapshot."""
    identity = Identity(f"s.{kind}", "id", 0, SETTINGS.configuration, SETTINGS.parts)
    store = Store(str(folder), "group", identity, settings=SETTINGS.canonical)
    if kind == "events":
        task = make_task(SETTINGS)
        task.process(records([event(number) for number in range(9)]))
        snapshot = take(task, identity)
    else:
        snapshot = take(make_replica(SETTINGS), identity)
    store.write(snapshot)
    return store, snapshot


def test_a_file_or_all_in_a_folder(tmp_path: Path) -> None:
    """In order; nothing there, nothing of that kind, and no such place are told apart."""
    store, snapshot = written(tmp_path)
    path = store.path(snapshot.offset)
    later = Path(path).with_name("00000000000000000099.snapshot")
    later.write_bytes(b"")
    assert find(path)[1] == [path]
    assert find(str(tmp_path))[1] == [path, str(later)]
    assert find(str(tmp_path))[0].exists(path)
    with pytest.raises(SnapshotError, match="There is nothing at"):
        find(str(tmp_path / "no"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SnapshotError, match=r"There is no snapshot in .*names end in \.snapshot"):
        find(str(tmp_path / "empty"))
    with pytest.raises(SnapshotError, match="nowhere://x cannot be reached"):
        find("nowhere://x")


@pytest.mark.parametrize("kind", ["events", "lessons"])
def test_why_one_would_not_be_used(tmp_path: Path, kind: str) -> None:
    """Nothing, or what a restoring worker would stumble over."""
    store, snapshot = written(tmp_path, kind)
    files, (path,) = find(str(tmp_path))
    assert path == store.path(snapshot.offset)
    assert unloadable(files, path, snapshot) == ""
    learner = {key: each for key, each in snapshot.state["learner"].items() if key != "positive"}
    spoilt = dataclasses.replace(snapshot, state=snapshot.state | {"learner": learner})
    assert unloadable(files, path, spoilt).startswith("ValueError: The state has no 'positive', which")
    fuller = dataclasses.replace(snapshot, state=snapshot.state | {"more": 1})
    assert unloadable(files, path, fuller) == "loaded, it is another state"


def test_what_cannot_be_told_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the settings beside it, and where loading would execute code."""
    store, snapshot = written(tmp_path)
    files, (path,) = find(str(tmp_path))
    with monkeypatch.context() as patched:
        patched.setattr(Snapshot, "pickled", True)
        with pytest.raises(SnapshotError, match="pickled models, which are not loaded"):
            unloadable(files, path, snapshot)
    (beside,) = Path(store.path(0)).parent.glob("*.json")
    beside.unlink()
    with pytest.raises(SnapshotError, match=f"its settings, {beside.name}, are not beside it"):
        unloadable(files, path, snapshot)


def test_differences_are_told_part_by_part() -> None:
    """How many values, by how much at most; another shape, another kind, only in one."""
    nan = float("nan")
    one = {
        "same": np.array([1.0, nan]),
        "moved": np.array([1.0, 2.0, nan, 4.0]),
        "counts": np.array([1, 2, 3]),
        "shape": np.zeros(2),
        "kind": np.zeros(1),
        "part": {"left": 1, "text": "a" * 70, "number": 1, "mixed": 1},
    }
    other = {
        "same": np.array([1.0, nan]),
        "moved": np.array([1.5, 2.0, nan, nan]),
        "counts": np.array([1, 5, 9]),
        "shape": np.zeros((2, 1)),
        "kind": np.zeros(1, dtype=np.float32),
        "part": {"right": None, "text": "b" * 60, "number": 1, "mixed": np.zeros(1)},
    }
    found = differences(one, other)
    assert list(found) == sorted(found)
    assert found == {
        "same": "",
        "moved": "2 of 4 values, by 0.5 at most",
        "counts": "2 of 3 values",
        "shape": "float64[2] and float64[2, 1]",
        "kind": "float64[1] and float32[1]",
        "part/left": "only in the first",
        "part/right": "only in the second",
        "part/text": f"'{'a' * 56}... and '{'b' * 56}...",
        "part/number": "",
        "part/mixed": "1 and array([0.])",
    }
    assert differences({"text": "c" * 58}, {"text": "d"}) == {"text": f"{'c' * 58!r} and 'd'"}
