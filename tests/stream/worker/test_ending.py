"""Until when the parts of a worker's end may wait."""

from __future__ import annotations

import types

import pytest

from stream.config import Settings
from stream.kafka import LEAVING_S
from stream.worker.ending import LAST_SNAPSHOT_S, Ending

COMMIT_S = 4.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time that endings read, as the only element."""
    now = [100.0]
    monkeypatch.setattr("stream.worker.ending.time", types.SimpleNamespace(monotonic=lambda: now[0]))
    return now


@pytest.fixture
def ending() -> Ending:
    """Return one of a worker whose commits may take four seconds."""
    return Ending(Settings.model_validate({"worker": {"commit_timeout_s": COMMIT_S}}))


def test_time_runs_from_when_the_end_was_asked_for(clock: list[float], ending: Ending) -> None:
    """What waited for the broker in that turn has used up its time: a second signal gives no more."""
    clock[0] = 99.0
    ending.worked()
    clock[0] = 100.0
    ending.ask()
    clock[0] = 103.0
    ending.ask()
    assert ending.committed_by == 100.0 + COMMIT_S
    assert ending.kept_by == 100.0 + COMMIT_S + LAST_SNAPSHOT_S
    assert ending.over_by == 100.0 + COMMIT_S + LAST_SNAPSHOT_S + LEAVING_S


def test_time_runs_from_when_the_work_in_hand_was_done(clock: list[float], ending: Ending) -> None:
    """A batch that takes long to process has the time of a commit all the same."""
    ending.ask()
    clock[0] = 109.0
    ending.worked()
    assert ending.committed_by == 109.0 + COMMIT_S


def test_time_runs_from_now_where_an_error_ends_a_worker(clock: list[float], ending: Ending) -> None:
    """Nobody asked for it."""
    clock[0] = 200.0
    assert not ending.asked
    assert ending.committed_by == 200.0 + COMMIT_S
