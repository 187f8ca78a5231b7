"""The demo's parts, without running it: its summary, its pace, its story and its jobs."""

from __future__ import annotations

import io
import re
import time

import pytest
from rich.console import Console

from stream.broker.brokers import GivenBroker
from stream.config import Settings
from stream.demo import demo as module
from stream.demo.demo import AHEAD, EVENTS_PER_SECOND, Demo, Job
from stream.kafka import BrokerError
from tests.stream.demo.test_demo import found, number
from tests.stream.standins import POISON, event, records


def made(events: int = 0) -> tuple[Demo, io.StringIO]:
    """Return a demo that nothing runs, and what it says."""
    said = io.StringIO()
    settings = Settings.model_validate({"stream": "s", "learner": {"name": "priors"}})
    return Demo(GivenBroker("127.0.0.1:9"), settings, events, Console(file=said), "http://page"), said


def test_the_summary_says_what_there_was_and_what_there_was_not() -> None:
    """No alarm is told as none, and figures by their names."""
    demo, said = made()
    demo._summarize(2.0, "http://here")
    assert said.getvalue() == "stopped before the first event\n"
    task = demo._make_task(0)
    demo._telemetry.gained(0, task)
    outcome = task.process(records([*(event(number) for number in range(20)), *POISON.values()]))
    demo._telemetry.committed(0, task, outcome, lag=0, commit_s=0.0, batch_s=0.0)
    before = said.tell()
    demo._summarize(2.0, "http://here")
    shown = said.getvalue()[before:]
    events = 20 + len(POISON)
    assert number("events", shown) == events
    assert number("messages a second", shown) == round(events / 2)
    assert found("(?m)^drift alarms: (.*)$", shown) == "none"
    assert found("(?m)^dead letters: (.*)$", shown).endswith("is broken on purpose)")
    assert "none (broken" not in shown
    assert found("(?m)^metrics were at: (.*)$", shown) == "http://here/metrics"
    assert demo._beside().keys() == {"majority", "persistence"}


def test_no_more_is_written_than_is_soon_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many events a second where there is no end, and never too many that nobody has answered."""
    now = 1000.0
    monkeypatch.setattr("stream.demo.demo.time.monotonic", lambda: now)
    endless, counted = made()[0], made(20_000)[0]
    now += 2.0
    assert [endless._ahead(n) for n in (0, 2 * int(EVENTS_PER_SECOND), 2 * int(EVENTS_PER_SECOND) + 1)] == [
        False, False, True
    ]  # fmt: skip
    assert [counted._ahead(n) for n in (0, 401, AHEAD, AHEAD + 1)] == [False, False, False, True]


def test_the_story_begins_at_the_beginning() -> None:
    """And says how far the stream is, as its chapters go."""
    demo = made(1000)[0]
    (first,) = demo._story(0)
    assert first.startswith("The beginning: ")
    assert "http://page/#/" in first
    later = demo._story(999)
    assert later[0] == first
    assert re.match(r"\d+% of the stream: ", later[-1])
    assert later[: len(demo._story(500))] == demo._story(500) != later


def test_a_jobs_failure_is_raised_and_one_that_hangs_is_the_brokers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the job is waited for."""
    for error in (ValueError("it"), None):
        job = Job(lambda error=error: throw(error) if error else None)  # type: ignore[misc]
        job.start()
        if error:
            with pytest.raises(ValueError, match="it"):
                job.finish()
        else:
            job.finish()
    monkeypatch.setattr(module, "FINISH_TIMEOUT_S", 0.01)
    hangs = Job(lambda: time.sleep(1.0))
    hangs.start()
    with pytest.raises(BrokerError, match="has not answered for 0 s"):
        hangs.finish()


def throw(error: Exception) -> None:
    """Raise it."""
    raise error
