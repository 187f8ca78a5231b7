"""One partition's pipeline as a pure state machine: records in, records out, state inside.

A task knows neither brokers nor clocks. Whoever drives it (`worker`, `testing`, `replay`, `evaluation`)
hands it records in offset order and writes what it returns; the same records give the same bytes,
however they were batched. Encoding is batched; *predict, then learn* is strictly one message at a time.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence

from drift.alarms import Alarm
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
from stream.pipeline.observation import observation
from stream.pipeline.outcome import Outcome, joined
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
        steps: list[Outcome] = []
        messages = encode_all(self.encoder, [self._decoded(record) for record in records])
        for record, message in zip(records, messages, strict=True):
            due = record.offset // WRITTEN_EVERY > (self.next_offset - 1) // WRITTEN_EVERY >= 0
            # Offsets have gaps: what is booked now happened here.
            self.next_offset = record.offset
            step = self._take(record, message)
            if self.updates and due:
                step.outputs.extend(self._statistics(record))
            self.next_offset = record.offset + 1
            if record.offset >= self.live_from:
                steps.append(step)
        return joined(steps, self.next_offset)

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
        prediction = self.partial.corrected(self.learner.predict(x))
        confidence = None if self.confidence is None else self.confidence.judge(prediction, LISTED)
        alarms: list[Alarm] = []
        if event.teaches:
            known = KnownLabels.of(event)
            alarms += self._learn(Lesson(x, prediction, known, fingerprint, 0, confidence, event.text))
        else:
            self._unlabelled += 1
        early = self.feedback.remember(event, x, prediction, fingerprint, confidence)
        return EventOutcome(prediction, confidence, alarms + self._learn(early))

    def learn_feedback(self, feedback: Feedback, fingerprint: bytes = NO_RECORD) -> list[Alarm]:
        """Learn labels that come later, where they say something new of an event that is kept."""
        return self._learn(self.feedback.join(feedback, fingerprint))

    def apply(self, change: Control, fingerprint: bytes = NO_RECORD) -> Alarm:
        """Carry out an operation on the learner's taxonomy and return the alarm that reports it.

        Raises
        ------
        BadEventError
            When it is not allowed; nothing has changed then.
        """
        alarm = apply_operation(self.learner, change)
        self._chain(fingerprint)
        return alarm

    def _chain(self, fingerprint: bytes) -> None:
        self._digest = hash_chain(bytes.fromhex(self._digest), fingerprint).hex()

    def _learn(self, lesson: Lesson | None) -> list[Alarm]:
        """Score what was predicted, where that is still to be done, then learn, and return the alarms."""
        if lesson is None:
            return []
        space = self.learner.label_space
        labels_before = len(space)
        targets = space.targets(*lesson.known)
        if lesson.prediction is not None:
            self._score(lesson.prediction, lesson, targets)
        self.learner.learn(lesson.x, self._taught(lesson.known, targets))
        self.updates += 1
        self._changes += self.learner.changes
        self._chain(lesson.fingerprint)
        if lesson.prediction is None:
            return []
        return self._watch(lesson.prediction, lesson, targets, space.names(range(labels_before, len(space))))

    def _score(self, prediction: Prediction, lesson: Lesson, targets: Targets) -> None:
        """Book how a prediction turned out, wherever that is counted or learned from."""
        self.label_statistics.update(targets.positive, prediction.labels, self.next_offset)
        self.scores.update(prediction, targets, len(self.learner.label_space))
        if self.confidence is not None and lesson.confidence is not None:
            self.confidence.learn(prediction.labels, lesson.confidence, targets)
        complete = lesson.known.negative is None
        if lesson.known.labels or complete:
            self.partial.learn(prediction, targets.positive, complete=complete)

    def _taught(self, known: KnownLabels, targets: Targets) -> Targets:
        """Return what the learner is to learn: where some labels are named, that all others are absent."""
        if known.negative is None or not known.labels:
            return targets
        # That is more absences than there are; `PositiveUnlabelled` corrects the predictions for it.
        return self.learner.label_space.targets(known.labels)

    def _watch(
        self, prediction: Prediction, lesson: Lesson, targets: Targets, appeared: list[str]
    ) -> list[Alarm]:
        """Let the monitors see a prediction and what was true, and return their alarms."""
        seen = observation(self.learner, prediction, lesson, targets)
        seen = seen._replace(appeared=appeared, changes=self._changes, unlabelled=self._unlabelled)
        self._unlabelled, self._changes = 0, []
        return self.monitors.update(seen)

    def _decoded(self, record: Record) -> Decoded:
        if record.offset in self.refused:
            return BadEventError("learner", self.refused[record.offset])
        try:
            return decode(record.value, record.headers)
        except BadEventError as bad:
            return bad

    def _take(self, record: Record, message: Message) -> Outcome:
        """Take in one record; one that is not to be used becomes a dead letter."""
        # What is written says what the model had learned *before* this record.
        model = ModelVersion(self.updates, self._digest)
        origin = Origin(self.encoder.name, self.run, model, dict(self._trained_through))
        try:
            if isinstance(message, BadEventError):
                raise message
            outcome, explanation, alarms = self._learned_from(record, message)
        except BadEventError as bad:
            self.dead_letters += 1
            letter = dead_letter_output(record, bad, self.source)
            return Outcome([letter], record.offset + 1, dead_letters=[bad.reason])
        if self._digest != model.digest:
            self._trained_through[record.topic] = record.offset
        outputs = [drift_output(record, alarm, str(nth), self.source) for nth, alarm in enumerate(alarms)]
        if isinstance(message, Encoded) and outcome is not None:
            written = prediction_record(message.event, outcome, explanation, self.learner, origin)
            outputs.insert(0, prediction_output(record, written, self.source))
        return Outcome(outputs, record.offset + 1, alarms)

    def _learned_from(
        self, record: Record, message: Encoded | Feedback | Control
    ) -> tuple[EventOutcome | None, Explanation | None, list[Alarm]]:
        """Predict and learn a message; what the learner throws becomes a LearnerError."""
        fingerprint = hash_chain(record.value or b"")
        try:
            if isinstance(message, Feedback):
                return None, None, self.learn_feedback(message, fingerprint)
            if isinstance(message, Control):
                return None, None, [self.apply(message, fingerprint)]
            live = record.offset >= self.live_from
            explanation = self.learner.explain(message.x, EXPLAINED, NEAREST) if live else None
            outcome = self.advance(*message, fingerprint)
            return outcome, explanation, outcome.alarms
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
