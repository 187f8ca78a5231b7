"""Labels that come after their events reach scores, messages and explanations."""

from __future__ import annotations

import functools
import itertools
import json
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.monitors.monitors import Monitors
from learners import catalogue
from stream.dashboard.compare import compare
from stream.demo.support_messages import messages
from stream.encoders import Hashing
from stream.monitoring.output_records import InputRecord, OutputRecord, of_input, of_record
from stream.monitoring.recent_predictions import RecentPrediction, RecentPredictions
from stream.monitoring.series import scores
from stream.monitoring.stream_state import StreamState
from stream.pipeline.lesson import KnownLabels
from stream.pipeline.task import Task
from stream.records.schema import Feedback, Record
from tests.stream.monitoring.streams import fed, prediction

Read = InputRecord | OutputRecord


@functools.cache
def labelled_later(events: int = 400) -> tuple[Task, Sequence[Read], Sequence[Read]]:
    """Return a task whose labels came as feedback, with what is read of events and of outputs."""
    task = Task(Hashing(), catalogue.make("knn"), Monitors(names=()), run="r", source="/t")
    chance, waiting = random.Random(1), []
    values: list[bytes] = []
    for value in itertools.islice(messages(events), events):
        try:
            event = json.loads(value)
        except json.JSONDecodeError:
            continue
        labels = event.pop("labels", None)
        values.append(json.dumps(event).encode())
        if labels is not None:
            said = {"id": event["id"], "ts": event["ts"], "labels": labels}
            waiting += [said] if chance.random() < 0.9 else [said | {"labels": []}, said]
        while waiting and chance.random() < 0.5:
            values.append(json.dumps(waiting.pop(chance.randrange(len(waiting)))).encode())
    inputs: list[Read] = []
    outputs: list[Read] = []
    for offset, value in enumerate(values):
        record = Record("s.events", 0, offset, 1000 * offset, None, value)
        read = of_input(record)
        assert read is not None
        inputs.append(read)
        for output in task.process([record]).outputs:
            written = Record(
                f"s.{output.kind}", 0, 0, 1000 * offset, output.key, output.value, output.headers
            )
            outputs.append(of_record(written))
    return task, inputs, outputs


def both(inputs: Sequence[Read], outputs: Sequence[Read]) -> StreamState:
    """Return the state of a stream that was read one topic after the other, and again."""
    state = StreamState("m")
    for each in (*inputs, *outputs, *inputs):
        state.take(each)
    return state


@pytest.mark.parametrize("events_first", [True, False])
def test_scores_are_those_of_the_worker_whichever_topic_is_read_first(events_first: bool) -> None:
    """The first labels of an event are scored, each once; corrections are not."""
    task, inputs, outputs = labelled_later()
    state = both(inputs, outputs) if events_first else both(outputs, inputs)
    found, own = scores(state.series["all"].total()), task.observer.scores.summary()
    assert found is not None
    assert found["messages"] == own.messages > 100
    assert found["subset_accuracy"] == pytest.approx(own.subset_accuracy)
    assert found["micro_f1"] == pytest.approx(own.micro_f1)
    assert len(state.label_delays) > 100
    assert min(state.label_delays) > 0


def test_messages_that_were_learned_from_feedback_are_found_by_their_number() -> None:
    """A prediction names the past messages that it leans on by how many were learned before them."""
    _, inputs, outputs = labelled_later()
    recent = both(inputs, outputs).partitions[0].recent
    numbers = {seen.updates for seen in recent.latest()}
    found = [recent.learned(number) for number in range(max(numbers))]
    assert sum(each is not None for each in found) == max(numbers) > 150


def test_the_truth_is_that_of_the_latest_feedback() -> None:
    """Later statements count, and what is incomplete is no truth."""
    state = fed("m", [prediction(0, ["a"], None), prediction(1, ["a"], None)])
    for offset, label in enumerate("ba", 5):
        state.take(InputRecord(0, offset, 9.0, Feedback(id="e0", ts=9, labels=[label])))
    state.take(InputRecord(0, 8, 9.0, Feedback(id="e1", ts=9, labels=["a"], labels_complete=False)))
    first, second = (state.partitions[0].recent.at(offset) for offset in (0, 1))
    assert first is not None
    assert second is not None
    assert (first.truth, first.wrong, second.truth) == (("a",), False, None)
    found = scores(state.series["all"].total())
    assert found is not None
    assert (found["messages"], found["subset_accuracy"]) == (1, 0)


@pytest.mark.parametrize("events_first", [True, False])
def test_labels_in_the_event_count_more_than_feedback_that_came_before_it(events_first: bool) -> None:
    """Whichever topic is read first; what the feedback alone says holds, and a label that it lost is none."""
    state = StreamState("m")
    feedback = Feedback(id="e7", ts=1, labels=["b", "c"], labels_complete=False, not_=["a"])
    said, answered = InputRecord(0, 3, 1.0, feedback), prediction(7, ["a"], ["a"])
    for each in (said, answered) if events_first else (answered, said):
        state.take(each)
    seen = state.partitions[0].recent.at(7)
    assert seen is not None
    assert (seen.truth, seen.wrong) == (("a",), False)
    assert "c" not in state.labels
    state.take(InputRecord(0, 9, 9.0, feedback))
    seen = state.partitions[0].recent.at(7)
    assert seen is not None
    assert (seen.truth, seen.wrong) == (("b", "c"), True)


def test_a_replay_is_compared_by_the_truth_that_came_to_the_live_run() -> None:
    """The replay's records hold only the labels that came with the events."""
    live = fed("live", [prediction(n, ["a"], None, run="x") for n in range(4)])
    replay = fed("replay", [prediction(n, ["b"], None, run="y") for n in range(4)], timed=False)
    for n in range(3):
        live.take(InputRecord(0, 10 + n, 9.0, Feedback(id=f"e{n}", ts=9, labels=["b"])))
    found = compare(live, "x", replay, "y")
    assert found is not None
    assert (found["both"], found["scored"]) == (4, 3)
    assert found["right"] == {"both": 0, "first": 0, "second": 3, "neither": 0}


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=100))
def test_what_waits_and_what_is_kept_is_bounded(steps: list[tuple[int, bool]]) -> None:
    """However many ids there are, and in whichever order they come."""
    recent = RecentPredictions(10)
    for offset, (number, feedback) in enumerate(steps):
        if feedback:
            recent.join(f"e{number}", KnownLabels(("a",), None), offset)
        else:
            recent.add(
                RecentPrediction(0, offset, None, f"e{number}", "", 0, (), None, taught=False, value=b"")
            )
            recent.waiting(f"e{number}")
    assert len(recent) <= 10
    assert len(recent._waiting) <= 10
    assert len(recent._offsets) <= 20
    assert all(recent.at(offset) for offset in recent._offsets.values())
