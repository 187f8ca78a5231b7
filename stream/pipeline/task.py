"""One partition's pipeline as a pure state machine: records in, records out, state inside.

A task knows neither brokers nor clocks. Whoever drives it (`worker`, `memory`, `replay`, `evaluate`)
hands it records in offset order and writes what it returns; the same records give the same bytes,
however they were batched. Encoding is batched; *predict, then learn* is strictly one message at a time.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from drift.alarms import Alarm, Observation
from drift.core import Parts, State, Stateful, Values, Vector, fields
from drift.monitors import Monitors
from learners.core import Change, Explanation, Learner, Prediction, Targets
from learners.metrics import Prequential
from learners.uncertainty import Conformal, PositiveUnlabelled
from stream.encoders import Decoded, Encoded, Encoder, Message, encode_all
from stream.pipeline.errors import LearnerError
from stream.pipeline.feedback import NO_RECORD, FeedbackStore, Lesson, hash_chain
from stream.pipeline.known_labels import KnownLabels
from stream.pipeline.label_statistics import WRITTEN_EVERY, LabelStatistics, label_records, partition_record
from stream.records import (
    LISTED,
    BadEventError,
    Control,
    Event,
    EventOutcome,
    Feedback,
    ModelVersion,
    Origin,
    Output,
    Record,
    apply_operation,
    dead_letter_output,
    decode,
    drift_output,
    prediction_output,
    prediction_record,
    statistics_outputs,
)

EXPLAINED, NEAREST = 5, 3
"""How many labels a prediction explains, and how many past messages it names."""


class Outcome(NamedTuple):
    """What a batch of records led to.

    Parameters
    ----------
    outputs
        Records to write, in order.
    next_offset
        The offset to commit: one past the last record taken in.
    """

    outputs: list[Output]
    next_offset: int


class Task(Stateful):
    """The pipeline of one partition.

    Parameters
    ----------
    encoder, learner, monitors
        What turns events into vectors, what labels them, what watches.
    run
        Name of the run, written into every prediction.
    source
        CloudEvents source of what it writes.
    live_from
        First offset whose outputs are returned. Records below it are learned silently: that is how a
        restarted worker comes back to where it was.
    feedback
        Keeps events until their labels come; by default one with its own defaults.
    confidence
        Says with each prediction how sure it is; None (the default) says nothing.

    Attributes
    ----------
    refused
        Offsets of records that the learner cannot take, and why; see `LearnerError`.

    Examples
    --------
    >>> from learners import IHOMER
    >>> from stream.encoders import Hashing
    >>> task = Task(Hashing(), IHOMER(), Monitors(), run="example", source="/example")
    >>> value = b'{"id": "1", "ts": 0, "text": "wheat up", "labels": ["grain"]}'
    >>> outcome = task.process([Record("s.events", 0, 0, 0, b"1", value)])
    >>> outcome.outputs[0].kind, outcome.next_offset
    ('predictions', 1)
    """

    state_fields = fields(
        Values("next_offset", "updates", "dead_letters", "_unlabelled", "_trained_through", "_digest"),
        Parts(
            "encoder",
            "learner",
            "monitors",
            "partial",
            "scores",
            "feedback",
            "label_statistics",
            "confidence",
        ),
    )

    def __init__(
        self,
        encoder: Encoder,
        learner: Learner,
        monitors: Monitors,
        *,
        run: str,
        source: str,
        live_from: int = 0,
        feedback: FeedbackStore | None = None,
        confidence: Conformal | None = None,
    ) -> None:
        self.encoder = encoder
        self.learner = learner
        self.monitors = monitors
        self.run = run
        self.source = source
        self.live_from = live_from
        self.feedback = FeedbackStore() if feedback is None else feedback
        self.confidence = confidence
        self.refused: Mapping[int, str] = {}
        self.partial = PositiveUnlabelled()
        self.scores = Prequential()
        self.label_statistics = LabelStatistics()
        self.next_offset = 0
        self.updates = 0
        self.dead_letters = 0
        self._unlabelled = 0
        self._changes: list[Change] = []
        self._trained_through: dict[str, int] = {}
        self._digest = hashlib.blake2b(f"{encoder.name}\n{learner!r}".encode(), digest_size=16).hexdigest()

    def process(self, records: Sequence[Record]) -> Outcome:
        """Take in records of one partition, in offset order, and return what to write and commit.

        Raises
        ------
        ValueError
            When a record has been taken in before: whoever drives the task has lost its place.
        EncoderError, LearnerError
            See there. The task may have taken in a part: make it anew.
        """
        self._check_order(records)
        outputs: list[Output] = []
        for record, message in zip(records, self._read(records), strict=True):
            due = record.offset // WRITTEN_EVERY > (self.next_offset - 1) // WRITTEN_EVERY >= 0
            # Offsets have gaps: what is booked now happened here.
            self.next_offset = record.offset
            produced = self._answer(record, message)
            if self.updates and due:
                produced += self._statistics(record)
            self.next_offset = record.offset + 1
            if record.offset >= self.live_from:
                outputs.extend(produced)
        return Outcome(outputs, self.next_offset)

    def _check_order(self, records: Sequence[Record]) -> None:
        expected = self.next_offset
        for record in records:
            if record.offset < expected:
                raise ValueError(
                    f"Offset {record.offset} of {record.topic} partition {record.partition} came again after "
                    f"{expected - 1}; a task takes every record once, in order. Restore it and seek back."
                )
            expected = record.offset + 1

    def advance(self, event: Event, x: Vector, fingerprint: bytes = NO_RECORD) -> EventOutcome:
        """Predict one event's labels, then learn its true ones where they are known: test, then train.

        Parameters
        ----------
        event
            The event. What is known of its labels comes with it, or waited for it as feedback.
        x
            Its vector, shape (d,).
        fingerprint
            Stands for its record in the model's digest.
        """
        prediction, alarms = self.partial.corrected(self.learner.predict(x)), []
        sure = None if self.confidence is None else self.confidence.judge(prediction, LISTED)
        if event.teaches:
            lesson = Lesson(x, prediction, KnownLabels.of(event), fingerprint, confidence=sure)
            alarms += self._learn(lesson, event.text)
        else:
            self._unlabelled += 1
        early = self.feedback.remember(event, x, prediction, fingerprint, sure)
        return EventOutcome(prediction, sure, alarms + self._learn(early))

    def hear(self, feedback: Feedback, fingerprint: bytes = NO_RECORD) -> list[Alarm]:
        """Learn labels that come later, where they tell something new of an event that is kept."""
        return self._learn(self.feedback.hear(feedback, fingerprint))

    def apply(self, change: Control, fingerprint: bytes = NO_RECORD) -> Alarm:
        """Carry out an operation on the learner's taxonomy and return what is to be told of it.

        Raises
        ------
        BadEventError
            When it is not allowed; nothing has changed then.
        """
        told = apply_operation(self.learner, change)
        self._chain(fingerprint)
        return told

    def _chain(self, fingerprint: bytes) -> None:
        self._digest = hash_chain(bytes.fromhex(self._digest), fingerprint).hex()

    def _learn(self, lesson: Lesson | None, text: str | None = None) -> list[Alarm]:
        if lesson is None:
            return []
        known = len(self.learner.label_space)
        targets = self.learner.label_space.targets(*lesson.known)
        if lesson.prediction is not None:
            predicted = lesson.prediction.labels
            self.label_statistics.update(targets.positive, predicted, self.next_offset)
            self.scores.update(lesson.prediction, targets, len(self.learner.label_space))
            if self.confidence is not None and lesson.confidence is not None:
                self.confidence.learn(predicted, lesson.confidence, targets)
        self.learner.learn(lesson.x, self._taught(lesson, targets))
        self.updates += 1
        self._changes += self.learner.changes
        self._chain(lesson.fingerprint)
        return self._watch(lesson, lesson.prediction, targets, known, text) if lesson.prediction else []

    def _taught(self, lesson: Lesson, targets: Targets) -> Targets:
        """Return what the learner is told: where some labels are named, that all others are not there."""
        named, negative = lesson.known
        if lesson.prediction is not None and (named or negative is None):
            self.partial.learn(lesson.prediction, targets.positive, complete=negative is None)
        if negative is None or not named:
            return targets
        # Too many a no is what predictions are corrected for; see there.
        return self.learner.label_space.targets(named)

    def _watch(
        self, lesson: Lesson, prediction: Prediction, targets: Targets, known: int, text: str | None
    ) -> list[Alarm]:
        space, predicted, actual = self.learner.label_space, prediction.labels, targets.positive
        if targets.negative is not None:
            said = np.union1d(targets.positive, targets.negative)
            predicted = np.intersect1d(predicted, said, assume_unique=True)
        best, score = prediction.best(1)
        seen = Observation(
            predicted=predicted,
            actual=actual,
            complete=targets.complete,
            appeared=space.names(range(known, len(space))),
            name=space.name,
            best=(int(best[0]), float(score[0])) if len(best) else None,
            x=lesson.x,
            text=text,
            clusters=self.learner.clusters_of(np.union1d(predicted, actual)),
            wrong=self.learner.clusters_of(np.setxor1d(predicted, actual, assume_unique=True)),
            changes=self._changes,
            delay=lesson.delay,
            unlabelled=self._unlabelled,
            above=space.above,
        )
        self._unlabelled, self._changes = 0, []
        return self.monitors.update(seen)

    def _read(self, records: Sequence[Record]) -> list[Message]:
        return encode_all(self.encoder, [self._decode(record) for record in records])

    def _decode(self, record: Record) -> Decoded:
        if record.offset in self.refused:
            return BadEventError("learner", self.refused[record.offset])
        try:
            return decode(record.value, record.headers)
        except BadEventError as bad:
            return bad

    def _answer(self, record: Record, message: Message) -> list[Output]:
        # What is written says what the model had learned *before* this record.
        model = ModelVersion(self.updates, self._digest)
        origin = Origin(self.encoder.name, self.run, model, dict(self._trained_through))
        try:
            if isinstance(message, BadEventError):
                raise message
            answer, why, alarms = self._take(record, message)
        except BadEventError as bad:
            self.dead_letters += 1
            return [dead_letter_output(record, bad, self.source)]
        if self._digest != model.digest:
            self._trained_through[record.topic] = record.offset
        outputs = [drift_output(record, alarm, str(nth), self.source) for nth, alarm in enumerate(alarms)]
        if not isinstance(message, Encoded) or answer is None:
            return outputs
        said = prediction_record(message.event, answer, why, self.learner, origin)
        return [prediction_output(record, said, self.source), *outputs]

    def _take(
        self, record: Record, message: Encoded | Feedback | Control
    ) -> tuple[EventOutcome | None, Explanation | None, list[Alarm]]:
        fingerprint = hash_chain(record.value or b"")
        try:
            if isinstance(message, Feedback):
                return None, None, self.hear(message, fingerprint)
            if isinstance(message, Control):
                return None, None, [self.apply(message, fingerprint)]
            live = record.offset >= self.live_from
            why = self.learner.explain(message.x, EXPLAINED, NEAREST) if live else None
            answer = self.advance(*message, fingerprint)
            return answer, why, answer.alarms
        except (MemoryError, BadEventError):
            raise  # No fault of the record's, or none of the learner's.
        except Exception as error:
            raise LearnerError(record.offset, f"{type(error).__name__}: {error}") from error

    def _statistics(self, record: Record) -> list[Output]:
        """Return what is known of labels whose figures are due, and of the partition."""
        labels = label_records(self.label_statistics, self.learner, self.scores)
        partition = partition_record(self.learner, self.scores, self.monitors)
        return statistics_outputs(record, labels, partition, self.source)

    def state(self) -> State:
        """Return everything the pipeline has learned; belongs to `next_offset`. See `Learner.state`."""
        return super().state() | {"changes": [dataclasses.asdict(change) for change in self._changes]}

    def load_state(self, state: State) -> None:
        """Take over the state of a task with equal settings."""
        super().load_state(state)
        self._changes = [Change(**change) for change in state["changes"]]
