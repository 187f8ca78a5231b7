"""`ithaca broker`: addresses on standard output, all else on standard error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stream.broker import ADDRESS_VARIABLE, Process
from stream.broker import brokers as module
from stream.cli import broker
from stream.cli.main import app


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file in which the broker is remembered."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv(ADDRESS_VARIABLE, raising=False)
    return tmp_path / "ithaca" / "broker" / "running.json"


def call(*arguments: str) -> tuple[int, str, str]:
    """Return a command's status, and what it said where."""
    result = CliRunner().invoke(app, ["broker", *arguments])
    return result.exit_code, result.stdout, result.stderr


def remembered(process: Process) -> None:
    """Let a process be the broker's."""
    broker._remember(broker.Running("embedded", "127.0.0.1:9", "/its/data", *process))


def test_one_that_the_environment_names_is_not_started(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address is printed, and nothing remembered."""
    monkeypatch.setenv(ADDRESS_VARIABLE, "there:9092")
    said = "nothing to start: the environment names a broker\n"
    assert call("start") == (0, f"export {ADDRESS_VARIABLE}=there:9092\n", said)
    assert not state.exists()


def test_one_that_runs_is_not_started_again(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told where it is; whether it answers is another question."""
    remembered(Process.of(os.getpid()))
    address = f"export {ADDRESS_VARIABLE}=127.0.0.1:9\n"
    said = f"embedded, pid {os.getpid()}, data in /its/data"
    assert call("start") == (0, address, f"a broker runs already: {said}\n")
    monkeypatch.setattr(module, "answers", lambda _: True)
    monkeypatch.setattr("stream.broker.answers", lambda _: True)
    assert call("status") == (0, address, f"runs: {said}\n")
    monkeypatch.setattr("stream.broker.answers", lambda _: False)
    status, out, err = call("status")
    assert (status, out) == (1, "")
    assert err == (f"ithaca: The broker runs but does not answer at 127.0.0.1:9: {said}. Start it anew.\n")
    assert state.exists()


def test_one_that_has_ended_is_forgotten_when_it_is_stopped(state: Path) -> None:
    """With where its log is."""
    remembered(Process(os.getpid(), "0"))
    log = "Its log: /its/data/broker.log\n"
    assert call("status") == (1, "", f"ithaca: The broker with pid {os.getpid()} has ended. {log}")
    assert state.exists()
    assert call("stop") == (1, "", f"ithaca: The broker with pid {os.getpid()} had ended already. {log}")
    assert not state.exists()
    for command in ("stop", "status"):
        assert call(command)[2] == "ithaca: No broker was started. `ithaca broker start` starts one.\n"


def test_a_file_that_is_no_record_is_none(state: Path) -> None:
    """What is remembered is written at once, or not at all."""
    state.parent.mkdir(parents=True)
    state.write_text("{")
    assert call("status")[0] == 1
    remembered(Process.of(os.getpid()))
    assert [path.name for path in state.parent.iterdir()] == ["running.json"]
