"""What is done once per lesson: scores, drift monitors, and label statistics."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

import numpy as np

from drift.alarms import Alarm, Observation
from drift.core import Ids, Parts, State, Stateful, Values, fields
from drift.monitors import Monitors
from learners.core import Change, LabelSpace, Learner, Prediction, remember
from learners.metrics import Prequential
from stream.pipeline.label_statistics import LabelStatistics, label_records, partition_record
from stream.pipeline.lesson import Lesson
from stream.pipeline.model import Learned
from stream.records import Output, Record, statistics_outputs, twin_key

WARNINGS = 20
"""Most warnings of near-twins by one process; all are counted."""
NAMES = 100_000
"""Most names compared: the first ones."""

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
        self.count = 0
        self._begun, self._quiet = False, loaded

    def update(self, space: LabelSpace, appeared: Sequence[str]) -> None:
        """Read the names that are new: at first all that are held."""
        for name in appeared if self._begun else space.names():
            if len(self._first) == NAMES:
                break
            first = self._first.setdefault(twin_key(name), name)
            if first != name:
                self.count += 1
                if not self._quiet and self.count <= WARNINGS:
                    log.warning("label %r is another one than %r; do they mean the same?", name, first)
        self._begun, self._quiet = True, False


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
        # Of labels that left: hits, predictions, occurrences, and offsets of the first and last of these.
        self._resting: dict[str, tuple[int, ...]] = {}

    def follow(self, space: LabelSpace) -> None:
        """Forget labels when they leave the learner's label space, and remember their counts."""

        def forget(labels: Ids) -> None:
            counts = self.scores.per_label(labels.tolist())
            for name, label, scored in zip(space.names(labels), labels.tolist(), counts, strict=True):
                remember(self._resting, name, (*scored, *self.label_statistics.seen(label)))
            for part in (self.scores, self.label_statistics, self.monitors):
                part.forget(labels)

        space.followers.append(forget)

    def observe(self, learner: Learner, lesson: Lesson, learned: Learned, offset: int) -> list[Alarm]:
        """Score a lesson that a learner has learned at an offset, and return the alarms."""
        self._changes += learned.changes
        self._resume(learner.label_space, [*learned.returned, *learned.targets.positive.tolist()])
        if learned.appeared:
            self.near_twins.update(learner.label_space, learned.appeared)
        prediction = learned.prediction
        if prediction is None:
            return []
        self.label_statistics.update(learned.targets.positive, prediction.labels, offset)
        self.scores.update(prediction, learned.targets, len(learner.label_space))
        seen = _observation(learner, prediction, lesson, learned, self._changes, self.unlabelled)
        self.unlabelled, self._changes = 0, []
        return self.monitors.update(seen)

    def _resume(self, space: LabelSpace, labels: Sequence[int]) -> None:
        """Give those of some labels that had left the counts that they had then."""
        for label in labels if self._resting else ():
            counts = self._resting.pop(space.name(label), None)
            if counts is not None:
                self.scores.resume(label, counts[:3])
                self.label_statistics.resume(label, counts[3:])

    def statistics(self, learner: Learner, record: Record, source: str) -> list[Output]:
        """Return the records of labels that are due, and of the partition."""
        labels = label_records(self.label_statistics, learner, self.scores)
        partition = partition_record(learner, self.scores, self.monitors)
        return statistics_outputs(record, labels, partition, source)

    def state(self) -> State:
        """Return the state of scores, monitors and statistics; see `Stateful.state`."""
        counts = np.array(list(self._resting.values()), dtype=np.int64).reshape(-1, 5)
        return super().state() | {
            "changes": [dataclasses.asdict(change) for change in self._changes],
            "resting": {"names": list(self._resting), "counts": counts},
        }

    def load_state(self, state: State) -> None:
        """Take over the state of one with equal settings."""
        super().load_state(state)
        self.near_twins = NearTwins(loaded=True)
        self._changes = [Change(**change) for change in state["changes"]]
        counts = np.asarray(state["resting"]["counts"]).tolist()
        self._resting = dict(zip(state["resting"]["names"], map(tuple, counts), strict=True))


def _observation(
    learner: Learner,
    prediction: Prediction,
    lesson: Lesson,
    learned: Learned,
    changes: Sequence[Change],
    unlabelled: int,
) -> Observation:
    """Return one message's observation, with what happened since the last one.

    Predictions of labels that the lesson leaves unknown do not count.
    """
    targets = learned.targets
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
        # Operations on a subclass of arrays are slow, and monitors do not read the sparse part.
        x=np.asarray(lesson.x),
        text=lesson.text,
        clusters=learner.clusters_of(np.concatenate([predicted, actual])),
        wrong=learner.clusters_of(np.fromiter(wrong, np.intp)),
        delay=lesson.delay,
        above=learner.label_space.above,
        appeared=learned.appeared,
        returned=learned.returned,
        changes=changes,
        unlabelled=unlabelled,
    )
