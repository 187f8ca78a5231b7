"""A stream's lessons through a new learner: they hold vectors and labels, so that nothing is encoded."""

from __future__ import annotations

from stream.config import Settings
from stream.pipeline import Outcome, Replica, make_replica, read_lesson
from stream.records import (
    Event,
    LessonRecord,
    OperationRecord,
    Record,
    prediction_output,
    prediction_record,
)


class LessonsReplay(Replica):
    """A replica that predicts a lesson's labels by itself, and then learns it: test, then train.

    A prediction is named after the record that made the labels known: the event, or its feedback. Lessons
    that correct earlier ones are learned only. That the live learner failed at a lesson has no effect here.

    Parameters
    ----------
    replica
        A replica that has learned nothing.
    encoder, run
        Name of the encoder of the vectors, and of the run.
    """

    def __init__(self, replica: Replica, *, encoder: str, run: str) -> None:
        super().__init__(replica.model, replica.observer, source=replica.source)
        self._encoder = encoder
        self._run = run

    def _learned(self, record: Record, shared: LessonRecord | OperationRecord) -> Outcome:
        if isinstance(shared, OperationRecord) or shared.predicted is None:
            return super()._learned(record, shared)
        model = self.model
        lesson = read_lesson(shared, model.learner.label_space)
        prediction, confidence = model.answer(lesson.x)
        origin = model.origin(record, self._encoder, self._run)
        place, complete = shared.source, shared.negative is None
        event = Event(
            id=f"{place.topic}/{place.partition}/{place.offset}",
            ts=record.timestamp,
            labels=shared.labels,
            labels_complete=complete,
        )
        # Before anything is learned: later on, ids may be other labels'.
        written = prediction_record(
            event, prediction, confidence, model.explain(prediction), model.learner, origin
        )
        of = Record(place.topic, place.partition, place.offset, record.timestamp, record.key, None)
        outcome = self._learn(
            record, shared, lesson._replace(prediction=prediction, confidence=confidence, delay=0)
        )
        outcome.outputs.insert(0, prediction_output(of, written, self.source))
        return outcome


def make_lessons_replay(settings: Settings) -> LessonsReplay:
    """Return a replay of a stream's lessons with the settings' learner; see `make_replica`."""
    return LessonsReplay(
        make_replica(settings.unencoded), encoder=settings.encoder.name, run=settings.run_name
    )
