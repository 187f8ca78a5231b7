"""One model for all partitions of a stream: answerers write lessons, and every replica learns all of them.

An answerer of a partition uses the replica of its worker, in whatever state that is, and writes lessons to
the lessons topic, which has one partition: a total order. Replicas that have read it to the same offset are
equal on every worker. Both are pure, as a `Task` is: records in, records out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from drift.alarms import Alarm
from drift.core import Floats, Ids, Inlined, Stateful, Values, Vector, fields
from learners.core import LabelSpace, Prediction
from stream.encoders import Encoder
from stream.pipeline.answerer import Answer, Answerer, Taught
from stream.pipeline.feedback import FeedbackStore
from stream.pipeline.label_statistics import due
from stream.pipeline.lesson import NO_RECORD, KnownLabels, Lesson
from stream.pipeline.model import Model
from stream.pipeline.observer import Observer
from stream.pipeline.outcome import DivergedError, Outcome, joined, learner_errors
from stream.pipeline.packed_prediction import UNSAID, PackedPrediction
from stream.records import (
    DEFAULT_LIMITS,
    BadEventError,
    CheckpointRecord,
    Control,
    Envelope,
    Event,
    LessonRecord,
    Limits,
    OperationRecord,
    Position,
    PredictedRecord,
    Record,
    Shared,
    VectorRecord,
    dead_letter_output,
    decode_lesson,
    drift_output,
    lesson_output,
)


class SharedAnswerer(Answerer):
    """Answers one partition with a model that learns from all partitions.

    Parameters
    ----------
    encoder, run, source, live_from, feedback, limits, envelope
        See `Answerer`.
    replica
        Returns the replica to answer with now.
    """

    state_fields = fields(Values("_updates", "_unlabelled"))

    def __init__(
        self,
        encoder: Encoder,
        replica: Callable[[], Replica],
        *,
        run: str,
        source: str,
        live_from: int = 0,
        feedback: FeedbackStore | None = None,
        limits: Limits = DEFAULT_LIMITS,
        envelope: Envelope | None = None,
    ) -> None:
        super().__init__(
            encoder,
            run=run,
            source=source,
            live_from=live_from,
            feedback=feedback,
            limits=limits,
            envelope=envelope,
        )
        self._replica = replica
        self._updates = self._unlabelled = 0

    @property
    def model(self) -> Model:
        """See `Answerer.model`."""
        return self._replica().model

    @property
    def observer(self) -> Observer:
        """See `Answerer.observer`."""
        return self._replica().observer

    @property
    def updates(self) -> int:
        """See `Answerer.updates`."""
        return self._updates

    def process(self, records: Sequence[Record]) -> Outcome:
        """See `Answerer.process`; the replica does not learn meanwhile."""
        with self._replica().lock:
            return super().process(records)

    def answer(self, event: Event, x: Vector, fingerprint: bytes = NO_RECORD) -> Answer:
        """See `Answerer.answer`."""
        answered = super().answer(event, x, fingerprint)
        self._unlabelled += not event.teaches
        return answered

    def _teach(self, record: Record, taught: Sequence[Taught], fingerprint: bytes) -> Outcome:
        outputs = [
            lesson_output(record, self._written(record, each, fingerprint), f"lesson.{nth}", self.source)
            for nth, each in enumerate(taught)
        ]
        return Outcome(outputs, record.offset + 1)

    def _written(self, record: Record, taught: Taught, fingerprint: bytes) -> Shared:
        source = Position(record.topic, record.partition, record.offset)
        if isinstance(taught, Control):
            return OperationRecord(
                source=source,
                operation=taught.operation,
                label=taught.label,
                to=taught.to,
                fingerprint=fingerprint,
            )
        self._updates += 1
        unlabelled, self._unlabelled = self._unlabelled, 0
        return lesson_record(taught, source, self.model.learner.label_space, unlabelled)


class Replica(Stateful):
    """The model of a whole stream, and what is done once per lesson.

    Parameters
    ----------
    model, observer
        Learns the lessons; scores and monitors them.
    source
        CloudEvents source of its outputs.
    live_from
        First lesson whose outputs are returned.
    configuration
        Digest of the settings that determine the model: checkpoints with another one are ignored.

    Attributes
    ----------
    refused
        Offsets of lessons at which the learner failed, and why; see `LearnerError`.
    next_offset
        One past the last lesson processed.
    checkpoint
        Offset of the last checkpoint, and the digest of the model's state there; -1 before the first.
    lock
        Held while the model learns or answers: partitions are restored on another thread.
    """

    state_fields = fields(Values("next_offset", "checkpoint"), Inlined("model", "observer"))

    def __init__(
        self, model: Model, observer: Observer, *, source: str, live_from: int = 0, configuration: str = ""
    ) -> None:
        self.configuration = configuration
        self.model = model
        self.observer = observer
        observer.follow(model.learner.label_space)
        self.source = source
        self.live_from = live_from
        self.refused: Mapping[int, str] = {}
        self.next_offset = 0
        self.checkpoint: list[Any] = [-1, ""]
        self.lock = threading.Lock()

    @property
    def updates(self) -> int:
        """Lessons learned."""
        return self.model.updates

    def process(self, records: Sequence[Record]) -> Outcome:
        """Learn lessons, in offset order, and return what to write.

        Raises
        ------
        DivergedError
            When the model differs from that of the lessons' owner.
        LearnerError
            See there. Some of the lessons may have been learned, so the replica must be restored.
        """
        steps = []
        with self.lock:
            for record in records:
                step = self._take(record)
                if record.offset >= self.live_from:
                    steps.append(step)
        return joined(steps, self.next_offset)

    def _take(self, record: Record) -> Outcome:
        statistics_due = due(self.next_offset, record.offset)
        self.next_offset = record.offset + 1
        try:
            if record.offset in self.refused:
                raise BadEventError("learner", self.refused[record.offset])
            shared = decode_lesson(record.value)
            if isinstance(shared, CheckpointRecord):
                self._check(record.offset, shared)
            if not isinstance(shared, LessonRecord | OperationRecord):
                return Outcome([], self.next_offset)
            with learner_errors(record.offset):
                outcome = self._learned(record, shared)
        except BadEventError as bad:
            return Outcome(
                [dead_letter_output(record, bad, self.source)], self.next_offset, dead_letters=[bad.reason]
            )
        self.model.learned_through(record.topic, record.offset)
        if statistics_due:
            outcome.outputs.extend(self.observer.statistics(self.model.learner, record, self.source))
        return outcome

    def _check(self, offset: int, announced: CheckpointRecord) -> None:
        """Compare the digest of the last checkpoint with the owner's, and compute the digest for this one."""
        at, own = self.checkpoint
        if announced.configuration != self.configuration:
            return
        if announced.at == at >= 0 and announced.digest != own:
            raise DivergedError(
                f"This replica is not the model that the others have: at lesson {at} its digest is {own}, "
                f"and that of the owner {announced.digest}. Both learned the same lessons, so one was "
                "changed from outside, or computes otherwise. Start this worker again: it begins from the "
                "newest snapshot. If it ends here again, delete the stream's snapshots."
            )
        self.checkpoint = [offset, self.model.state_digest()]

    def _learned(self, record: Record, shared: LessonRecord | OperationRecord) -> Outcome:
        if isinstance(shared, LessonRecord):
            return self._learn(record, shared, read_lesson(shared, self.model.learner.label_space))
        change = Control(shared.operation, shared.label, shared.to)
        return self._outcome(record, [self.model.apply(change, shared.fingerprint)])

    def _learn(self, record: Record, shared: LessonRecord, lesson: Lesson) -> Outcome:
        self.observer.unlabelled += shared.unlabelled
        learned = self.model.learn(lesson)
        return self._outcome(
            record, self.observer.observe(self.model.learner, lesson, learned, record.offset)
        )

    def _outcome(self, record: Record, alarms: list[Alarm]) -> Outcome:
        outputs = [drift_output(record, alarm, str(nth), self.source) for nth, alarm in enumerate(alarms)]
        return Outcome(outputs, record.offset + 1, alarms)


Pipeline = Answerer | Replica
"""Processes the records of one partition: of the events, or of the lessons."""


def lesson_record(lesson: Lesson, source: Position, space: LabelSpace, unlabelled: int) -> LessonRecord:
    """Return the record of a lesson; labels are names, so that any learner can read it.

    Parameters
    ----------
    lesson
        The lesson.
    source
        Position of the record that made its labels known.
    space
        Label space of the prediction.
    unlabelled
        Events without labels since the last lesson of its partition.
    """
    packed = PackedPrediction.of(lesson.x, lesson.prediction or _NOTHING, lesson.confidence)
    return LessonRecord(
        source=source,
        labels=list(lesson.known.labels),
        negative=None if lesson.known.negative is None else list(lesson.known.negative),
        vector=VectorRecord(
            packed.size,
            packed.filled.tobytes(),
            packed.values.tobytes(),
            packed.indices.tobytes(),
            packed.sparse.tobytes(),
        ),
        predicted=None if lesson.prediction is None else _predicted(packed, space),
        delay=lesson.delay,
        unlabelled=unlabelled,
        fingerprint=lesson.fingerprint,
        text=lesson.text,
    )


def read_lesson(record: LessonRecord, space: LabelSpace) -> Lesson:
    """Return the lesson of a record, without predicted labels that are not in the label space."""
    vector, predicted = record.vector, record.predicted
    known = KnownLabels(tuple(record.labels), None if record.negative is None else tuple(record.negative))
    labels, scored, scores = _in_ids(predicted, space) if predicted else (_NONE, _NONE, np.zeros(0))
    packed = PackedPrediction(
        vector.size,
        np.frombuffer(vector.filled, np.uint8),
        np.frombuffer(vector.values, "<f4"),
        np.frombuffer(vector.indices, "<i4"),
        np.frombuffer(vector.sparse, "<f4"),
        labels,
        scored,
        scores.astype(np.float32),
        *((predicted.set_size, predicted.reject, predicted.sureness) if predicted else (UNSAID, False, 0.0)),
        space.admitted,
    )
    return Lesson(
        packed.x,
        packed.prediction if predicted else None,
        known,
        record.fingerprint,
        record.delay,
        packed.confidence if predicted else None,
        record.text,
    )


_NONE: Ids = np.zeros(0, dtype=np.intp)
_NOTHING = Prediction(_NONE, np.zeros(0, dtype=np.float32))


def _predicted(packed: PackedPrediction, space: LabelSpace) -> PredictedRecord:
    return PredictedRecord(
        labels=space.names(packed.labels.tolist()),
        scored=space.names(packed.scored.tolist()),
        scores=packed.scores.tolist(),
        set_size=packed.set_size,
        reject=packed.reject,
        sureness=packed.sureness,
    )


def _in_ids(predicted: PredictedRecord, space: LabelSpace) -> tuple[Ids, Ids, Floats]:
    """Return predicted labels, scored ones and their scores, both by ascending id."""
    labels = np.array(sorted(space.id(name) for name in predicted.labels if name in space), dtype=np.intp)
    scores = {
        space.id(name): score
        for name, score in zip(predicted.scored, predicted.scores, strict=True)
        if name in space
    }
    scored = sorted(scores)
    return labels, np.array(scored, dtype=np.intp), np.array([scores[label] for label in scored])
