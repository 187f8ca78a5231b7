"""What is done once per lesson: scores, drift monitors, and label statistics."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np

from drift.alarms import Alarm, Observation
from drift.core import Parts, State, Stateful, Values, fields
from drift.monitors import Monitors
from learners.core import Change, LabelSpace, Learner, Prediction, Targets
from learners.metrics import Prequential
from stream.pipeline.label_statistics import LabelStatistics, label_records, partition_record
from stream.pipeline.lesson import Lesson
from stream.pipeline.model import Learned
from stream.records import Output, Record, statistics_outputs, twin_key

WARNINGS = 20
"""Most warnings of near-twins by one process; all are counted."""

log = logging.getLogger(__name__)


class NearTwins:
    """Finds labels that are probably one label, written in two ways; see `twin_key`.

    Parameters
    ----------
    loaded
        Whether the names that come first are from a snapshot: they were warned about before.

    Attributes
    ----------
    count
        Labels that have an earlier near-twin: a function of the label names, so it needs no state.
    """

    def __init__(self, *, loaded: bool = False) -> None:
        self._first: dict[str, str] = {}
        self._read = self.count = 0
        self._quiet = loaded

    def update(self, space: LabelSpace) -> None:
        """Read the names that are new."""
        for name in space.names(range(self._read, len(space))):
            first = self._first.setdefault(twin_key(name), name)
            if first != name:
                self.count += 1
                if not self._quiet and self.count <= WARNINGS:
                    log.warning("label %r is another one than %r; do they mean the same?", name, first)
        self._quiet, self._read = False, len(space)


class Observer(Stateful):
    """Scores predictions once their labels are known, and passes them to the drift monitors.

    Parameters
    ----------
    monitors
        The drift monitors.

    Attributes
    ----------
    scores
        Prequential scores of all lessons.
    unlabelled
        Events without labels since the last lesson.
    near_twins
        Labels whose names hardly differ.
    """

    state_fields = fields(Values("unlabelled"), Parts("monitors", "scores", "label_statistics"))

    def __init__(self, monitors: Monitors) -> None:
        self.monitors = monitors
        self.scores = Prequential()
        self.label_statistics = LabelStatistics()
        self.unlabelled = 0
        self.near_twins = NearTwins()
        self._changes: list[Change] = []

    def observe(self, learner: Learner, lesson: Lesson, learned: Learned, offset: int) -> list[Alarm]:
        """Score a lesson that a learner has learned at an offset, and return the alarms."""
        self._changes += learned.changes
        if learned.appeared:
            self.near_twins.update(learner.label_space)
        if lesson.prediction is None:
            return []
        self.label_statistics.update(learned.targets.positive, lesson.prediction.labels, offset)
        self.scores.update(lesson.prediction, learned.targets, len(learner.label_space))
        seen = _observation(learner, lesson.prediction, lesson, learned.targets)
        seen = seen._replace(appeared=learned.appeared, changes=self._changes, unlabelled=self.unlabelled)
        self.unlabelled, self._changes = 0, []
        return self.monitors.update(seen)

    def statistics(self, learner: Learner, record: Record, source: str) -> list[Output]:
        """Return the records of labels that are due, and of the partition."""
        labels = label_records(self.label_statistics, learner, self.scores)
        partition = partition_record(learner, self.scores, self.monitors)
        return statistics_outputs(record, labels, partition, source)

    def state(self) -> State:
        """Return the state of scores, monitors and statistics; see `Stateful.state`."""
        return super().state() | {"changes": [dataclasses.asdict(change) for change in self._changes]}

    def load_state(self, state: State) -> None:
        """Take over the state of one with equal settings."""
        super().load_state(state)
        self.near_twins = NearTwins(loaded=True)
        self._changes = [Change(**change) for change in state["changes"]]


def _observation(learner: Learner, prediction: Prediction, lesson: Lesson, targets: Targets) -> Observation:
    """Return one message's observation, without what happened since the last one.

    Predictions of labels that the lesson leaves unknown do not count.
    """
    predicted, actual = prediction.labels, targets.positive
    if targets.negative is not None:
        known = np.union1d(actual, targets.negative)
        predicted = np.intersect1d(predicted, known, assume_unique=True)
    best, score = prediction.best(1)
    wrong = set(predicted.tolist()) ^ set(actual.tolist())
    return Observation(
        predicted=predicted,
        actual=actual,
        complete=targets.complete,
        name=learner.label_space.name,
        best=(int(best[0]), float(score[0])) if len(best) else None,
        x=lesson.x,
        text=lesson.text,
        clusters=learner.clusters_of(np.concatenate([predicted, actual])),
        wrong=learner.clusters_of(np.fromiter(wrong, np.intp)),
        delay=lesson.delay,
        above=learner.label_space.above,
    )
