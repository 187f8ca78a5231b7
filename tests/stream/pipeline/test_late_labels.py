"""Labels that come apart from their events, and later and later: the monitor of feedback says so."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np
import pytest

from drift.alarms.alarm import Alarm
from drift.monitors.monitors import Monitors
from learners import Persistence
from stream.encoders.dense import Dense
from stream.pipeline.task import Task
from stream.records.schema import Event, Feedback
from stream.testing.synthetic import Synthetic

MESSAGES, START = 4000, 2000


def alarms(wait: Callable[[int], float], share: float, seed: int) -> list[tuple[int, Alarm]]:
    """Return the alarms, each at its message, where labels of a share come some messages later, as drawn."""
    generator = np.random.default_rng(seed)
    task = Task(Dense(), Persistence(), Monitors(names=["feedback"]), run="late", source="/late")
    coming: list[tuple[float, int, Feedback]] = []
    found: list[tuple[int, Alarm]] = []
    for n, fields in enumerate(Synthetic(seed=seed).events(MESSAGES)):
        feedback = Feedback(id=fields["id"], ts=fields["ts"], labels=fields.pop("labels"))
        event = Event(**fields)
        (x,) = task.encoder.encode([event])
        found += [(n, alarm) for alarm in task.advance(event, x).alarms]
        if generator.random() < share:
            heapq.heappush(coming, (n + generator.exponential(wait(n)), n, feedback))
        while coming and coming[0][0] <= n:
            found += [(n, alarm) for alarm in task.learn_feedback(heapq.heappop(coming)[2])]
    assert task.model.updates > 0.8 * share * MESSAGES
    return found


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_labels_that_come_later_and_later_are_noticed(share: float) -> None:
    """From 20 messages late to 500, slowly: found while it goes on, with how late before and since."""
    for seed in range(2):
        found = alarms(lambda n: 20 + 0.2 * max(0, n - START), share, seed)
        delays = [(n, alarm) for n, alarm in found if alarm.detector == "delay/adwin"]
        assert delays, found
    assert START < delays[0][0] < START + 1200
    assert {alarm.scope for _, alarm in delays} == {"feedback"}
    # Means of logarithms: half of all wait for less.
    assert delays[0][1].before == pytest.approx(14, abs=6)
    since = [alarm.after or 0.0 for _, alarm in delays]
    assert since == sorted(since)
    assert since[-1] > 30


def test_labels_that_are_always_late_are_no_news() -> None:
    """However much the waits differ."""
    assert alarms(lambda n: 200, 0.3, seed=5) == []
