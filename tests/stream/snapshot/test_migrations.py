"""Snapshots are a promise: a state of another shape is another format."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stream.snapshot.migrations import VERSION
from tests import states


def test_states_have_the_shape_of_their_format() -> None:
    """Where this fails: raise VERSION, add a step, then `python -m tests.states --write`."""
    assert states.written() == states.FILE.read_text(encoding="utf-8")


def test_another_shape_in_the_same_format_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a new version older snapshots would be taken for new ones."""
    file = tmp_path / "states.txt"
    monkeypatch.setattr(states, "FILE", file)
    monkeypatch.setattr(states, "written", lambda: f"version {VERSION}\na new field\n")
    monkeypatch.setattr(sys, "argv", ["states", "--write"])
    kept = f"version {VERSION}\nan old field\n"
    file.write_text(kept)
    assert states.main() == 1
    assert "raise it and add a step" in capsys.readouterr().out
    assert file.read_text() == kept
    file.write_text("version 1\nan old field\n")
    assert states.main() == 0
    assert "a new field" in file.read_text()
