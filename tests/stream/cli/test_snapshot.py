"""`ithaca snapshot` tells people what is there, and scripts by its status."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stream.cli.main import app
from stream.config.settings import Settings
from stream.pipeline.factory import make_replica, make_task
from stream.pipeline.task import Task
from stream.snapshot import Identity, Store, take
from tests.stream.standins import event, records
from tests.stream.standins import make_task as make_plain_task

RECORDS = records([event(number) for number in range(40)])


def store(folder: Path) -> Store:
    """Return a store with snapshots at 20 and 40."""
    made = Store(str(folder), "group", Identity("s.events", "id", 0, "0123456789abcdef"))
    task = make_plain_task()
    for begin in (0, 20):
        task.process(RECORDS[begin : begin + 20])
        made.write(take(task, made.identity))
    return made


def call(*arguments: str) -> tuple[int, str]:
    """Return a command's status and what it said."""
    result = CliRunner().invoke(app, ["snapshot", *arguments])
    return result.exit_code, result.output


def test_show_lists_all_and_the_parts_of_one(tmp_path: Path) -> None:
    """Whose, how far, how large."""
    made = store(tmp_path)
    status, said = call("show", str(tmp_path))
    assert status == 0
    assert all(made.path(offset) in said for offset in (20, 40))
    assert "s.events partition 0 (id id)" in said
    assert "20, 20 messages learned" in said
    status, said = call("show", made.path(40))
    assert status == 0
    assert "scores/" in said


def test_verify_counts_what_is_whole(tmp_path: Path) -> None:
    """And ends with 1 where something is not, naming it."""
    made = store(tmp_path)
    status, said = call("verify", str(tmp_path))
    assert status == 0
    assert said.startswith(f"{made.path(20)}: whole, not loaded (its settings, 0123456789ab.json, are not")
    assert said.endswith("2 usable, 0 not\n")
    path = Path(made.path(20))
    path.write_bytes(path.read_bytes()[:-1])
    status, said = call("verify", str(tmp_path))
    assert status == 1
    assert f"{path} is truncated" in said
    assert said.endswith("1 usable, 1 not\n")


@pytest.mark.parametrize("scope", ["partition", "stream"])
def test_verify_loads(tmp_path: Path, scope: str) -> None:
    """With the settings beside them; where a learner's state has another shape, it names what is missing."""
    settings = Settings.model_validate({"stream": "s", "learner": {"name": "linear"}})
    kind = "events" if scope == "partition" else "lessons"
    made = make_task(settings) if scope == "partition" else make_replica(settings)
    identity = Identity(f"s.{kind}", "id", 0, settings.configuration, settings.parts)
    kept = Store(str(tmp_path), "group", identity, settings=settings.canonical)
    if isinstance(made, Task):
        made.process(RECORDS)
    whole = take(made, identity)
    kept.write(whole)
    assert call("verify", str(tmp_path)) == (0, f"{kept.path(whole.offset)}: whole, loads\n1 usable, 0 not\n")
    learner = {key: value for key, value in whole.state["learner"].items() if key != "weights"}
    kept.write(dataclasses.replace(whole, state=whole.state | {"learner": learner}))
    status, said = call("verify", str(tmp_path))
    assert status == 1
    assert "whole, does not load (ValueError: The state has no 'weights', which " in said


@pytest.mark.parametrize("command", ["show", "verify"])
def test_without_a_place_the_one_of_the_settings_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """From the environment or a file; a place that is named counts more."""
    made = store(tmp_path / "there")
    file = tmp_path / "ithaca.toml"
    file.write_text(f"[snapshot]\nlocation = '{tmp_path / 'there'}'\n")
    assert made.path(40) in call(command, "--config", str(file))[1]
    monkeypatch.setenv("ITHACA_SNAPSHOT__LOCATION", str(tmp_path / "there"))
    assert made.path(40) in call(command)[1]
    assert f"There is nothing at {tmp_path / 'no'}" in call(command, str(tmp_path / "no"))[1]
    monkeypatch.setenv("ITHACA_SNAPSHOT__KEEP", "none")
    assert call(command)[0] == 2


def test_diff_says_which_parts_differ(tmp_path: Path) -> None:
    """None between a snapshot and itself."""
    made = store(tmp_path)
    assert call("diff", made.path(20), made.path(20))[0] == 0
    status, said = call("diff", made.path(20), made.path(40))
    assert status == 1
    assert "next_offset: 20 and 40\n" in said
    assert "learner/messages: 20 and 40\n" in said
    assert "source" not in said


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    """With what to do."""
    for arguments in (("show", str(tmp_path / "no")), ("diff", str(tmp_path / "a"), str(tmp_path / "b"))):
        status, said = call(*arguments)
        assert status == 2
        assert said.startswith("ithaca: There is nothing at")
    assert "There is no snapshot in" in call("verify", str(tmp_path))[1]
