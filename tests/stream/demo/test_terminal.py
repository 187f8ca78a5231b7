"""The live view: the same figures as the telemetry's, on a terminal and without one."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from stream.demo import terminal as live
from stream.demo.terminal import LiveView
from stream.telemetry.collector import Telemetry
from tests.stream.standins import POISON, event, make_task, records

EVENTS = 40


@pytest.fixture
def telemetry() -> Telemetry:
    """Return telemetry of one partition that has seen good and bad events."""
    telemetry, task = Telemetry(), make_task()
    telemetry.gained(0, task)
    outcome = task.process(records([*(event(number) for number in range(EVENTS)), *POISON.values()]))
    telemetry.committed(0, task, outcome, lag=12, commit_s=0.0, batch_s=0.0)
    return telemetry


def turns(count: int) -> Callable[[], bool]:
    """Return something that is done when it has been asked often enough."""
    left = iter(range(count))
    return lambda: next(left, None) is None


def test_a_panel_shows_what_telemetry_says(telemetry: Telemetry) -> None:
    """Counts, scores beside others', the learner's status and the latest changes."""
    console = Console(file=io.StringIO(), record=True, width=150)
    task = make_task()
    task.process(records([event(number) for number in range(EVENTS)]))
    view = LiveView(telemetry, "news", console, lambda: {"persistence": task.observer.scores.summary()})
    console.print(view.render())
    shown = console.export_text()
    status = telemetry.status()
    (partition,) = status.partitions
    assert f"{EVENTS + len(POISON)} events" in shown
    assert "lag 12" in shown
    assert f"{len(POISON)} dead letters" in shown
    for reason, count in status.dead_letters.items():
        assert f"{count} {reason}" in shown
    for score in (partition.scores.subset_accuracy, partition.scores.macro_f1, partition.recent.micro_f1):
        assert f"{score:.3f}" in shown
    assert "persistence" in shown
    assert f"labels {partition.learner.labels}" in shown
    assert shown.count("seven changed for stream") == EVENTS // 7


def test_without_a_terminal_it_prints_plain_lines(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line a turn, no control codes."""
    monkeypatch.setattr(live, "REDRAW_S", 0.0)
    monkeypatch.setattr(live, "PLAIN_S", 0.0)
    output = io.StringIO()
    LiveView(telemetry, "news", Console(file=output)).show(turns(3))
    lines = output.getvalue().splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"{EVENTS + len(POISON)} events") for line in lines)
    assert "latest change: seven changed for stream" in lines[-1]
    assert "\x1b" not in output.getvalue()


def test_it_tells_everything_that_happened_in_the_stream(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each thing once, in order, also where several began between two lines, and what came at the end."""
    monkeypatch.setattr(live, "REDRAW_S", 0.0)
    monkeypatch.setattr(live, "PLAIN_S", 0.0)
    output = io.StringIO()
    happened = iter([["rain"], ["rain", "hail", "snow"], ["rain", "hail", "snow", "sun"]])
    view = LiveView(telemetry, "news", Console(file=output), story=lambda events: next(happened))
    view.show(turns(2))
    told = output.getvalue().splitlines()
    assert [line for line in told if "lag" not in line] == ["rain", "hail", "snow", "sun"]
    assert [line == "sun" for line in told] == [False, False, False, False, False, True]


def test_the_panel_shows_the_latest_of_what_happened(telemetry: Telemetry) -> None:
    """Of a story without end, and nothing where there is none."""
    console = Console(file=io.StringIO(), record=True, width=150)
    days = [f"day {n}" for n in range(9)]
    console.print(LiveView(telemetry, "news", console, story=lambda events: days).render())
    shown = console.export_text()
    assert [day for day in days if day in shown] == days[-live.TOLD :]


def test_on_a_terminal_it_redraws(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last state stays on the screen."""
    monkeypatch.setattr(live, "REDRAW_S", 0.0)
    output = io.StringIO()
    LiveView(telemetry, "news", Console(file=output, force_terminal=True, width=150)).show(turns(3))
    assert output.getvalue().count("lag 12") >= 3


def test_the_rate_is_that_of_the_last_seconds() -> None:
    """What was long ago does not count."""
    now = [0.0]
    telemetry, task = Telemetry(clock=lambda: now[0]), make_task()
    telemetry.gained(0, task)
    view = LiveView(telemetry, "news", Console(file=io.StringIO()))
    batch = records([event(number) for number in range(1000)])
    for begin in range(0, 1000, 100):  # 100 a second, then nothing
        now[0] += 1.0
        outcome = task.process(batch[begin : begin + 100])
        telemetry.committed(0, task, outcome, lag=0, commit_s=0.0, batch_s=0.0)
        line = view.line()
    assert "1,000 events, 100/s" in line
    now[0] += live.RATE_S
    assert "1,000 events, 0/s" in view.line()
    for _ in range(12):
        now[0] += 1.0
        line = view.line()
    assert "1,000 events, 0/s" in line
