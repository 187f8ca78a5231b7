"""The model of a stream: it answers events, and learns lessons in one order."""

from __future__ import annotations

import collections
import hashlib
import itertools
from collections.abc import Sequence
from typing import NamedTuple

from drift.alarms import Alarm
from drift.core import Parts, State, Stateful, Values, Vector, digest, fields
from learners.core import Change, Explanation, FullError, Learner, Prediction, Targets
from learners.uncertainty import Confidence, Conformal, PositiveUnlabelled
from stream.pipeline.lesson import NO_RECORD, KnownLabels, Lesson, hash_chain
from stream.records import (
    LISTED,
    BadEventError,
    Control,
    ModelVersion,
    Origin,
    Position,
    Record,
    apply_operation,
)

EXPLAINED, NEAREST = 5, 3
"""Most labels that a prediction explains, and most past messages that it names."""


class Learned(NamedTuple):
    """The effect of a lesson on a model.

    Parameters
    ----------
    targets
        The lesson's labels as ids.
    prediction
        The lesson's prediction, without labels that have left since; None where the lesson has none.
    appeared, returned
        Names of the labels that were new, and ids of those that had left before and are back.
    changes
        What changed in the learner's structure.
    """

    targets: Targets
    prediction: Prediction | None
    appeared: list[str]
    returned: list[int]
    changes: Sequence[Change]


class Model(Stateful):
    """A learner, the correction for partial labels, and the confidence: equal lessons give equal models.

    Parameters
    ----------
    learner
        Labels events.
    confidence
        Estimates the confidence of each prediction; None for none.
    encoder
        Name of the encoder of the vectors: with another one it is another model.

    Attributes
    ----------
    updates
        Lessons learned.
    trained_through
        By topic, the offset of the last record whose lessons predictions depend on: those that a learner
        still collects for its next step are not among them.
    digest
        Hash chain over the records learned from, also those collected.
    """

    state_fields = fields(
        Values("updates", "trained_through", "digest"), Parts("learner", "partial", "confidence")
    )

    def __init__(self, learner: Learner, confidence: Conformal | None, encoder: str) -> None:
        self.learner = learner
        self.confidence = confidence
        self.partial = PositiveUnlabelled()
        self.updates = 0
        self.trained_through: dict[str, int] = {}
        self._given_through: dict[str, int] = {}
        self._expected: collections.deque[Vector] = collections.deque()
        self._predicted: collections.deque[tuple[Vector, Prediction]] = collections.deque()
        self.digest = hashlib.blake2b(f"{encoder}\n{learner!r}".encode(), digest_size=16).hexdigest()

    @property
    def version(self) -> ModelVersion:
        """The model's version, as predictions name it."""
        return ModelVersion(self.updates, self.digest)

    def origin(self, record: Record, encoder: str, run: str) -> Origin:
        """Return what a prediction for a record is made with, before anything is learned from that."""
        trained = [
            # Of a topic other than the record's, which is the lessons', there is one partition.
            Position(topic, record.partition if topic == record.topic else 0, offset)
            for topic, offset in self.trained_through.items()
        ]
        return Origin(encoder, run, self.version, trained, self.named)

    def state_digest(self) -> str:
        """Return the digest of the model's current state; equal models have equal ones."""
        confidence = None if self.confidence is None else self.confidence.state()
        return digest(
            {"learner": self.learner.digest(), "partial": self.partial.state(), "confidence": confidence}
        )[:32]

    def expect(self, xs: Sequence[Vector]) -> None:
        """Note the vectors that `answer` will be asked for next, for learners that predict many at once."""
        self._expected = collections.deque(xs)
        self._predicted.clear()

    def answer(self, x: Vector) -> tuple[Prediction, Confidence | None]:
        """Return a vector's labels, and their confidence."""
        prediction = self.partial.corrected(self._predict(x))
        # Who judges, explains, writes or scores it asks for its best labels.
        prediction = prediction._replace(
            admitted=self.learner.label_space.admitted, ranked=prediction.best(LISTED)
        )
        return prediction, None if self.confidence is None else self.confidence.judge(prediction, LISTED)

    def _predict(self, x: Vector) -> Prediction:
        if self.learner.predictable == 1:
            return self.learner.predict(x)
        while self._expected and self._expected.popleft() is not x:
            pass
        while self._predicted:
            of, prediction = self._predicted.popleft()
            if of is x and self.learner.holds(prediction):
                return prediction
        together = [x, *itertools.islice(self._expected, self.learner.predictable - 1)]
        predictions = self.learner.predict_many(together)
        self._predicted.extend(zip(together[1:], predictions[1:], strict=True))
        return predictions[0]

    @property
    def named(self) -> float:
        """Estimated chance that a label of an event is named; see `PositiveUnlabelled`."""
        return self.partial.named()

    def explain(self, prediction: Prediction) -> Explanation | None:
        """Return the explanation of a prediction just made, if the learner has one."""
        return self.learner.explain(prediction, EXPLAINED, NEAREST)

    def learn(self, lesson: Lesson) -> Learned:
        """Learn a lesson and, if its prediction has not been scored yet, update confidence and correction.

        Raises
        ------
        BadEventError
            When there is no room for its labels; nothing has changed then.
        """
        space, prediction = self.learner.label_space, lesson.prediction
        try:
            targets = space.targets(*lesson.known)
        except FullError as error:
            raise BadEventError("limit", str(error)) from error
        appeared, returned = space.born, space.returned
        if prediction is not None:
            prediction, complete = prediction.still_held(space), lesson.known.negative is None
            if self.confidence is not None and lesson.confidence is not None:
                said = lesson.confidence.still_held(space, prediction.admitted)
                self.confidence.learn(prediction.labels, said, targets)
            if lesson.known.labels or complete:
                self.partial.learn(prediction, targets.positive, complete=complete)
        self.learner.learn_predicted(lesson.x, self._taught(lesson.known, targets), lesson.prediction)
        self.updates += 1
        self._chain(lesson.fingerprint)
        return Learned(targets, prediction, appeared, returned, self.learner.changes)

    def check_room(self, lessons: Sequence[Lesson]) -> None:
        """Raise the BadEventError that one of the lessons of a record would raise, before any is learned."""
        try:
            for lesson in lessons:
                self.learner.label_space.check_room([*lesson.known.labels, *(lesson.known.negative or ())])
        except FullError as error:
            raise BadEventError("limit", str(error)) from error

    def learned_through(self, topic: str, offset: int) -> None:
        """Note the record that lessons were of; it counts once the learner has taken the step they are in."""
        self._given_through[topic] = offset
        if not self.learner.unlearned:
            self.trained_through |= self._given_through

    def apply(self, change: Control, fingerprint: bytes = NO_RECORD) -> Alarm:
        """Apply an operation to the learner's taxonomy and return the alarm that reports it.

        Raises
        ------
        BadEventError
            When it is not allowed; nothing has changed then.
        """
        alarm = apply_operation(self.learner, change)
        self._chain(fingerprint)
        return alarm

    def state(self) -> State:
        """Return learner, correction, confidence and counts; see `Learner.state`."""
        collected = (
            {} if self._given_through == self.trained_through else {"given": dict(self._given_through)}
        )
        return super().state() | collected

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        super().load_state(state)
        self._given_through = dict(state.get("given", self.trained_through))
        self.expect([])

    def _taught(self, known: KnownLabels, targets: Targets) -> Targets:
        """Return the targets for the learner: of partial labels, all that are not named count as absent."""
        if known.negative is None or not known.labels:
            return targets
        # This overstates absences; `PositiveUnlabelled` corrects the predictions for it.
        return self.learner.label_space.closed(Targets(targets.positive))

    def _chain(self, fingerprint: bytes) -> None:
        self.digest = hash_chain(bytes.fromhex(self.digest), fingerprint).hex()
