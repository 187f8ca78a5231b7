"""Loading takes over every value of the state of a task, and of the two halves of a shared model."""

from __future__ import annotations

from collections.abc import Callable

from drift.core import State
from stream.config.settings import Settings
from stream.pipeline import make_answerer, make_replica
from stream.records import Record
from tests.state_changes import Kept, not_taken_over
from tests.stream.standins import disorder, make_task, records

IMPLIED = ("lengths/last", "awaited/last", "waiting/0", "counts/column 1", "meetings/column 1")
"""Ends of places whose values follow from others, or are keys."""


def check(make: Callable[[], Kept], state: State) -> None:
    """Assert that all else is taken over."""
    assert [place for place in not_taken_over(make, state) if not place.endswith(IMPLIED)] == []


def test_every_value_of_a_task_is_taken_over() -> None:
    """With events that wait for labels, and feedback that waits for events."""
    task = make_task()
    task.process(records(disorder(150, seed=1)))
    check(make_task, task.state())


def test_every_value_of_a_shared_model_is_taken_over() -> None:
    """Of what answers, and of what learns the lessons."""
    settings = Settings.model_validate({"stream": "s", "learner": {"name": "priors"}})
    replica = make_replica(settings)
    answerer = make_answerer(settings, lambda: replica)
    for record in records(disorder(150, seed=2)):
        for output in answerer.process([record]).outputs:
            if output.kind == "lessons":
                place, stamp = ("s.lessons", 0, replica.next_offset), record.timestamp
                replica.process([Record(*place, stamp, output.key, output.value, output.headers)])
    assert replica.updates > 50
    check(lambda: make_answerer(settings, lambda: replica), answerer.state())
    check(lambda: make_replica(settings), replica.state())
