"""Labels that are left out: what is learned, what is scored, and what "not this" says."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core import Vector, digest
from drift.monitors.monitors import Monitors
from learners.core.base import Learner
from learners.core.labels import Targets
from learners.hierarchy.taxonomy import Taxonomy
from stream.pipeline.task import Task
from tests.stream.standins import LABELS, Letters, event, feedback, make_task, records


class RecordingLearner(Learner):
    """Notes what it is told, by name: what is there, and what is not (None: all else)."""

    def __init__(self) -> None:
        super().__init__()
        self.taught: list[tuple[list[str], list[str] | None]] = []

    def score(self, x: Vector) -> Vector:
        """Return an even chance for everything."""
        return np.full(len(self.label_space), 0.5, np.float32)

    def learn(self, x: Vector, targets: Targets) -> None:
        """Note it."""
        self._count(x)
        names = self.label_space.names
        negative = None if targets.negative is None else names(targets.negative.tolist())
        self.taught.append((names(targets.positive.tolist()), negative))


def task_of(learner: Learner) -> Task:
    """Return a task around a learner."""
    return Task(Letters(), learner, Monitors(names=()), run="r", source="/s")


def partial(number: int, labels: list[str], *without: str) -> bytes:
    """Return an event that names some of its labels."""
    return event(number, labels=labels, labels_complete=False, **{"not": list(without)})


def test_labels_that_are_left_out_are_taken_for_absent_where_others_are_named() -> None:
    """And for unknown where none is; nothing at all is not learned."""
    learner = RecordingLearner()
    values = [event(0, labels=["grain", "oil"]), partial(1, ["oil"], "ship"), partial(2, [], "oil")]
    task_of(learner).process(records([*values, partial(3, [])]))
    assert learner.taught == [(["grain", "oil"], None), (["oil"], None), ([], ["oil"])]


def test_not_this_is_learned_when_it_comes_as_feedback() -> None:
    """A known negative, which corrects what was said before; other labels stay as unknown as they were."""
    learner = RecordingLearner()
    values = [event(0, labels=None), feedback(0, labels=None, **{"not": ["oil"]})]
    values += [event(1, labels=None), feedback(1, labels=["oil"], labels_complete=False)]
    values += [feedback(1, labels=None, **{"not": ["oil"]})]
    task_of(learner).process(records(values))
    assert learner.taught == [([], ["oil"]), (["oil"], None), ([], ["oil"])]


def test_a_taxonomys_open_descendants_stay_open() -> None:
    """What lies under the most specific label is unknown however complete a message is."""
    learner = RecordingLearner()
    learner.share(Taxonomy())
    values = [event(0, labels=["a/b", "c"]), partial(1, ["a"])]
    task_of(learner).process(records(values))
    assert learner.taught[1] == (["a"], ["c"])


def test_unknown_labels_are_masked_in_the_scores() -> None:
    """A predicted label that is unknown counts neither way; one that is refused counts as wrong."""
    task = make_task()
    task.process(records([event(n, labels=["grain", "oil"]) for n in range(50)]))
    before = task.observer.scores.counts()[1]
    task.process(records([event(0)] * 50 + [partial(50, ["grain"]), partial(51, ["grain"], "oil")])[50:])
    after = task.observer.scores.counts()[1]
    assert (after.hits - before.hits, after.predicted - before.predicted) == (2, 3)
    assert (after.actual - before.actual, after.cells - before.cells) == (2, 3)


def test_with_half_of_the_labels_left_out_all_of_them_are_predicted() -> None:
    """Three labels that always go together, each of which is named in two messages of five."""
    draw, task = np.random.default_rng(0), make_task()
    values = []
    for n in range(800):
        kept = [label for label in LABELS[:3] if draw.random() < 0.4]
        values.append(partial(n, kept))
    outputs = task.process(records(values)).outputs
    written = [json.loads(each.value or b"")["labels"] for each in outputs if each.kind == "predictions"]
    last = written[-100:]
    assert np.mean([set(labels) == set(LABELS[:3]) for labels in last]) > 0.9
    assert task.model.partial.named() < 0.8


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(LABELS), max_size=3), st.lists(st.sampled_from(LABELS), max_size=2)
        ),
        min_size=1,
        max_size=40,
    ),
    st.integers(0, 40),
)
def test_batches_and_restarts_change_nothing(said: list[tuple[list[str], list[str]]], cut: int) -> None:
    """With partial labels in events and in feedback: same bytes, same state."""
    values = []
    for n, (labels, without) in enumerate(said):
        values += [partial(n, labels, *without), feedback(n, labels=labels[:1], labels_complete=False)]
    given_records = records(values)
    whole, first, second = make_task(), make_task(), make_task()
    written = whole.process(given_records).outputs
    parts = list(first.process(given_records[:cut]).outputs)
    state: dict[str, Any] = json.loads(json.dumps(first.state(), default=np.ndarray.tolist))
    second.load_state(state)
    parts += second.process(given_records[cut:]).outputs
    assert parts == written
    assert digest(second.state()) == digest(whole.state())


def test_complete_streams_are_left_as_they_are() -> None:
    """Not a bit of a prediction changes: the probabilities are the learner's own."""
    task = make_task()
    task.process(records([event(n) for n in range(100)]))
    assert task.model.partial.named() == 1.0
    x = np.zeros(6, np.float32)
    assert task.model.partial.corrected(task.model.learner.predict(x)).scores.tolist() == pytest.approx(
        task.model.learner.score(x).tolist(), abs=0.0
    )
