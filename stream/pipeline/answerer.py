"""Processing of one partition's events: decode, encode, predict, join feedback, write dead letters.

An answerer knows neither brokers nor clocks. Its caller (`worker`, `testing`, `replay`, `evaluation`) passes
records in offset order and writes what it returns; the same records give the same bytes for any division
into batches. Encoding is batched; prediction is strictly one message at a time.
"""

from __future__ import annotations

import abc
import collections
import concurrent.futures
import math
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from drift.core import Parts, Stateful, Values, Vector, fields
from learners.core import Explanation, Prediction
from learners.uncertainty import Confidence
from stream.encoders import Decoded, Encoded, Encoder, Message, encode_all
from stream.pipeline.feedback import FeedbackStore
from stream.pipeline.lesson import NO_RECORD, KnownLabels, Lesson, hash_chain
from stream.pipeline.model import Model
from stream.pipeline.observer import Observer
from stream.pipeline.outcome import Outcome, joined, learner_errors
from stream.records import (
    DEFAULT_LIMITS,
    BadEventError,
    Control,
    Envelope,
    Event,
    Feedback,
    Limits,
    Record,
    check_size,
    dead_letter_output,
    decode,
    prediction_output,
    prediction_record,
)

Taught = Lesson | Control
"""What changes a model: a lesson, or an operation on its taxonomy."""


class Answer(NamedTuple):
    """The prediction for one event, and the lessons that it leads to.

    Parameters
    ----------
    prediction, confidence
        The predicted labels, and their confidence; None without a confidence model.
    lessons
        What can be learned now: from its own labels, then from feedback that arrived before it.
    """

    prediction: Prediction
    confidence: Confidence | None
    lessons: list[Lesson]


class Answerer(Stateful, abc.ABC):
    """Processes the records of one partition; subclasses define how lessons reach the model.

    Parameters
    ----------
    encoder
        Turns events into vectors.
    run
        Name of the run, which is written into every prediction.
    source
        CloudEvents source of its outputs.
    live_from
        First offset whose outputs are returned. Earlier records are processed without output, to restore the
        state after a restart.
    feedback
        Keeps events until their labels arrive; by default one with its own defaults.
    limits
        Messages that exceed them become dead letters.
    envelope
        Format that wraps each event; None (the default) for none.

    Attributes
    ----------
    refused
        Offsets of records at which the learner failed, and why; see `LearnerError`.
    longest_s
        Seconds after which `process` leaves the other records for the next time; none by default.
    """

    state_fields = fields(Values("next_offset", "dead_letters"), Parts("encoder", "feedback"))

    def __init__(
        self,
        encoder: Encoder,
        *,
        run: str,
        source: str,
        live_from: int = 0,
        feedback: FeedbackStore | None = None,
        limits: Limits = DEFAULT_LIMITS,
        envelope: Envelope | None = None,
    ) -> None:
        self.encoder = encoder
        self.run = run
        self.source = source
        self.live_from = live_from
        self.feedback = FeedbackStore() if feedback is None else feedback
        self.limits = limits
        self.envelope = envelope
        self.refused: Mapping[int, str] = {}
        self.longest_s = math.inf
        self.next_offset = 0
        self.dead_letters = 0
        self._ahead: collections.deque[tuple[int, concurrent.futures.Future[list[Message]]]] = (
            collections.deque()
        )

    def process(self, records: Sequence[Record]) -> Outcome:
        """Process records of one partition, in offset order, and return what to write and commit.

        Ends after the record at which `longest_s` have passed; `Outcome.next_offset` says how far it came.
        Where the encoder learns from what it encodes, all are processed: its state is that behind the last.

        Raises
        ------
        ValueError
            When a record comes again: the caller has lost its position.
        EncoderError, LearnerError
            See there. Some of the records may have been processed, so the answerer must be restored.
        """
        self._check_order(records)
        steps: list[Outcome] = []
        messages = self._messages_of(records)
        self.model.expect([message.x for message in messages if isinstance(message, Encoded)])
        until = time.monotonic() + self.longest_s
        for record, message in zip(records, messages, strict=True):
            step = self._take(record, message)
            self.next_offset = record.offset + 1
            if record.offset >= self.live_from:
                steps.append(step)
            if time.monotonic() >= until:
                if not self.encoder.state():
                    break
                until = math.inf
        return joined(steps, self.next_offset)

    def encode_ahead(self, records: Sequence[Record], executor: concurrent.futures.Executor) -> None:
        """Have records decoded and encoded on another thread, for the `process` that will be given them.

        Does nothing where the encoder learns from what it encodes: its state would be ahead of the model's.
        """
        if not self.encoder.state():
            self._ahead.append((records[0].offset, executor.submit(self._encoded, records)))

    def wait_encoded(self) -> None:
        """Wait until the records that were first encoded ahead are encoded."""
        if self._ahead:
            concurrent.futures.wait([self._ahead[0][1]])

    def _messages_of(self, records: Sequence[Record]) -> list[Message]:
        """Return what records hold, encoded ahead or now."""
        while self._ahead:
            offset, ahead = self._ahead.popleft()
            if records and offset == records[0].offset:
                messages = ahead.result()
                if len(messages) == len(records):
                    return messages
            # They were to be read again from elsewhere.
            ahead.cancel()
        return self._encoded(records)

    def _encoded(self, records: Sequence[Record]) -> list[Message]:
        return encode_all(self.encoder, [self._decoded(record) for record in records])

    def answer(self, event: Event, x: Vector, fingerprint: bytes = NO_RECORD) -> Answer:
        """Predict one event's labels, and return the prediction with the lessons that it leads to.

        Parameters
        ----------
        event
            The event, with its labels if they are known; early feedback may hold them as well.
        x
            Its vector, shape (d,).
        fingerprint
            Hash of its record, for the model's digest.
        """
        prediction, confidence = self.model.answer(x)
        lessons = []
        if event.teaches:
            known = KnownLabels.of(event)
            lessons.append(Lesson(x, prediction, known, fingerprint, 0, confidence, event.text))
        present_name = self.model.learner.label_space.present_name
        early = self.feedback.remember(event, x, prediction, fingerprint, confidence, present_name)
        return Answer(prediction, confidence, lessons if early is None else [*lessons, early])

    @property
    @abc.abstractmethod
    def model(self) -> Model:
        """The model that labels events."""

    @property
    @abc.abstractmethod
    def observer(self) -> Observer:
        """The observer that scores the model's predictions."""

    @property
    @abc.abstractmethod
    def updates(self) -> int:
        """Number of lessons from this partition."""

    @abc.abstractmethod
    def _teach(self, record: Record, taught: Sequence[Taught], fingerprint: bytes) -> Outcome:
        """Return the outcome of lessons, or of a taxonomy operation, from one record.

        Raises
        ------
        BadEventError
            When an operation is not allowed.
        """

    def _check_order(self, records: Sequence[Record]) -> None:
        expected = self.next_offset
        for record in records:
            if record.offset < expected:
                raise ValueError(
                    f"Offset {record.offset} of {record.topic} partition {record.partition} came again after "
                    f"{expected - 1}; a task takes every record once, in order. Restore it and seek back."
                )
            expected = record.offset + 1

    def _decoded(self, record: Record) -> Decoded:
        if record.offset in self.refused:
            return BadEventError("learner", self.refused[record.offset])
        try:
            check_size(record.value or b"", record.key)
            message = decode(record.value, record.headers, self.envelope)
            self.limits.check(message)
        except BadEventError as bad:
            return bad
        return message

    def _take(self, record: Record, message: Message) -> Outcome:
        """Process one record; if it cannot be used, it becomes a dead letter."""
        # Outputs name the model's state *before* this record.
        model = self.model
        origin = model.origin(record, self.encoder.name, self.run)
        try:
            if isinstance(message, BadEventError):
                raise message
            with learner_errors(record.offset):
                fingerprint = hash_chain(record.value or b"")
                answered, explanation, taught = self._answered(record, message, fingerprint)
                outputs = []
                if isinstance(message, Encoded) and answered is not None:
                    # Before anything is learned: later on, ids may be other labels'.
                    prediction, confidence, _ = answered
                    written = prediction_record(
                        message.event, prediction, confidence, explanation, model.learner, origin
                    )
                    outputs = [prediction_output(record, written, self.source)]
                outcome = self._teach(record, taught, fingerprint)
        except BadEventError as bad:
            self.dead_letters += 1
            letter = dead_letter_output(record, bad, self.source)
            return Outcome([letter], record.offset + 1, dead_letters=[bad.reason])
        outcome.outputs[:0] = outputs
        return outcome

    def _answered(
        self, record: Record, message: Encoded | Feedback | Control, fingerprint: bytes
    ) -> tuple[Answer | None, Explanation | None, Sequence[Taught]]:
        """Return a message's answer and explanation, if it is an event, and what there is to learn."""
        if isinstance(message, Control):
            return None, None, [message]
        if isinstance(message, Feedback):
            lesson = self.feedback.join(message, fingerprint, self.model.learner.label_space.present_name)
            return None, None, [] if lesson is None else [lesson]
        live = record.offset >= self.live_from
        answered = self.answer(*message, fingerprint)
        explanation = self.model.explain(answered.prediction) if live else None
        return answered, explanation, answered.lessons
