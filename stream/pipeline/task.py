"""One partition's pipeline in lockstep: each event is answered by a model that learned all before it.

*Predict, then learn* is strictly one message at a time: prediction n has learned from all of the n - 1
before it, and from nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from drift.alarms import Alarm
from drift.core import Inlined, Vector, fields
from drift.monitors import Monitors
from learners.core import Learner
from learners.uncertainty import Conformal
from stream.encoders import Encoder, Message
from stream.pipeline.answerer import Answer, Answerer, Taught
from stream.pipeline.feedback import FeedbackStore
from stream.pipeline.label_statistics import due
from stream.pipeline.lesson import NO_RECORD, Lesson
from stream.pipeline.model import Model
from stream.pipeline.observer import Observer
from stream.pipeline.outcome import Outcome
from stream.records import (
    DEFAULT_LIMITS,
    Control,
    Envelope,
    Event,
    EventOutcome,
    Feedback,
    Limits,
    Record,
    drift_output,
)


class Task(Answerer):
    """The pipeline of one partition, with a model of its own.

    Parameters
    ----------
    encoder, learner, monitors
        Turns events into vectors; labels them; watches for drift.
    run, source, live_from, feedback, limits, envelope
        See `Answerer`.
    confidence
        Estimates the confidence of each prediction; None (the default) for none.

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

    state_fields = fields(Inlined("_model", "_observer"))

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
        limits: Limits = DEFAULT_LIMITS,
        envelope: Envelope | None = None,
        confidence: Conformal | None = None,
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
        self._model = Model(learner, confidence, encoder.name)
        self._observer = Observer(monitors)
        self._observer.follow(learner.label_space)

    @property
    def model(self) -> Model:
        """See `Answerer.model`."""
        return self._model

    @property
    def observer(self) -> Observer:
        """See `Answerer.observer`."""
        return self._observer

    @property
    def updates(self) -> int:
        """See `Answerer.updates`."""
        return self._model.updates

    def advance(self, event: Event, x: Vector, fingerprint: bytes = NO_RECORD) -> EventOutcome:
        """Predict one event's labels, then learn its true ones where they are known: test, then train.

        See `Answerer.answer`.
        """
        answered = self.answer(event, x, fingerprint)
        alarms = [alarm for lesson in answered.lessons for alarm in self._learn(lesson)]
        return EventOutcome(answered.prediction, answered.confidence, alarms)

    def answer(self, event: Event, x: Vector, fingerprint: bytes = NO_RECORD) -> Answer:
        """See `Answerer.answer`."""
        answered = super().answer(event, x, fingerprint)
        self.observer.unlabelled += not event.teaches
        return answered

    def learn_feedback(self, feedback: Feedback, fingerprint: bytes = NO_RECORD) -> list[Alarm]:
        """Learn labels that arrive later, if they add to what is known of an event that is kept."""
        lesson = self.feedback.join(feedback, fingerprint, self.model.learner.label_space.present_name)
        return [] if lesson is None else self._learn(lesson)

    def _take(self, record: Record, message: Message) -> Outcome:
        statistics_due = due(self.next_offset, record.offset)
        # Offsets have gaps: the current record's offset is the one to count at.
        self.next_offset = record.offset
        outcome = super()._take(record, message)
        if self.model.updates and statistics_due:
            outcome.outputs.extend(self.observer.statistics(self.model.learner, record, self.source))
        return outcome

    def _teach(self, record: Record, taught: Sequence[Taught], fingerprint: bytes) -> Outcome:
        before, alarms = self.model.digest, []
        if taught[1:]:
            # A record is learned whole, or is a dead letter.
            self.model.check_room([each for each in taught if isinstance(each, Lesson)])
        for each in taught:
            alarms += (
                [self.model.apply(each, fingerprint)] if isinstance(each, Control) else self._learn(each)
            )
        if self.model.digest != before:
            self.model.learned_through(record.topic, record.offset)
        outputs = [drift_output(record, alarm, str(nth), self.source) for nth, alarm in enumerate(alarms)]
        return Outcome(outputs, record.offset + 1, alarms)

    def _learn(self, lesson: Lesson) -> list[Alarm]:
        learned = self.model.learn(lesson)
        return self.observer.observe(self.model.learner, lesson, learned, self.next_offset)
