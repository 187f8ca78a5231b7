"""Building a task from settings: encoder, learner and monitors by their names."""

from __future__ import annotations

from typing import TypeVar, overload

from drift.monitors import Monitors
from learners import make
from learners.uncertainty import Conformal
from learners.wrappers import RiverLearner
from stream.config import Settings
from stream.encoders import make_encoder
from stream.pipeline.feedback import FeedbackStore
from stream.pipeline.task import Task
from stream.records import topic

Made = TypeVar("Made", bound=Task)


@overload
def make_task(settings: Settings, live_from: int = 0) -> Task: ...
@overload
def make_task(settings: Settings, live_from: int, kind: type[Made]) -> Made: ...
def make_task(settings: Settings, live_from: int = 0, kind: type[Task] = Task) -> Task:
    """Return a fresh task.

    Parameters
    ----------
    settings
        Encoder, learner, monitors, stream and run.
    live_from
        First offset whose outputs count; see `Task`.
    kind
        `Task` (the default), or one that does more and is made of the same.

    Raises
    ------
    ValueError
        When there is no such encoder, learner, monitor or detector, or it does not take a parameter;
        says what there is.
    """
    confidence = settings.confidence
    task = kind(
        make_encoder(settings.encoder.name, **settings.encoder.parameters),
        make(settings.learner.name, **settings.learner.parameters),
        Monitors(
            settings.drift.detector,
            settings.drift.parameters,
            settings.drift.monitors,
            settings.drift.budget,
        ),
        run=settings.run_name,
        source=f"/ithaca/{topic(settings.stream, 'events')}",
        live_from=live_from,
        feedback=FeedbackStore(**settings.feedback.model_dump()),
        confidence=Conformal(confidence.coverage, confidence.error) if confidence.enabled else None,
    )
    if isinstance(task.model.learner, RiverLearner):
        task.model.learner.allow_pickle |= settings.snapshot.allow_pickle
    return task
