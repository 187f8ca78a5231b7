"""Building a task from settings: encoder, learner and monitors by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from drift.monitors import Monitors
from learners import make
from learners.core import Learner
from learners.uncertainty import Conformal
from learners.wrappers import RiverLearner
from stream.config import Settings
from stream.encoders import make_encoder
from stream.pipeline.feedback import FeedbackStore
from stream.pipeline.model import Model
from stream.pipeline.observer import Observer
from stream.pipeline.shared import Replica, SharedAnswerer
from stream.pipeline.task import Task
from stream.records import Limits, topic

Made = TypeVar("Made", bound=Task)


@overload
def make_task(settings: Settings, live_from: int = 0) -> Task: ...
@overload
def make_task(settings: Settings, live_from: int, kind: type[Made]) -> Made: ...
def make_task(settings: Settings, live_from: int = 0, kind: type[Task] = Task) -> Task:
    """Return a new task.

    Parameters
    ----------
    settings
        Encoder, learner, monitors, stream and run.
    live_from
        First offset whose outputs count; see `Task`.
    kind
        `Task` (the default), or a subclass that is constructed in the same way.

    Raises
    ------
    ValueError
        When there is no such encoder, learner, monitor or detector, or it does not accept a parameter; the
        message lists those there are.
    """
    return kind(
        make_encoder(settings.encoder.name, **settings.encoder.parameters),
        _learner(settings),
        _monitors(settings),
        live_from=live_from,
        confidence=_confidence(settings),
        **_answering(settings),
    )


def make_replica(settings: Settings, live_from: int = 0) -> Replica:
    """Return a model for a whole stream that has learned nothing; see `make_task`.

    Parameters
    ----------
    settings
        Encoder, learner, monitors and stream.
    live_from
        First lesson whose outputs count.

    Raises
    ------
    ValueError
        As `make_task`; and when the encoder assigns feature positions by first appearance, because then equal
        events of two partitions have different vectors.
    """
    encoder = make_encoder(settings.encoder.name, **settings.encoder.parameters)
    if encoder.state():
        raise ValueError(
            f"The encoder {settings.encoder.name!r} gives features their places in the order it meets them "
            "in, which differs between partitions, and a model that they share needs one. Set "
            "model.scope = 'partition', or an encoder that learns nothing, such as 'hashing'."
        )
    model = Model(_learner(settings), _confidence(settings), encoder.name)
    source = f"/ithaca/{topic(settings.stream, 'lessons')}"
    return Replica(
        model,
        Observer(_monitors(settings)),
        source=source,
        live_from=live_from,
        configuration=settings.epoch,
    )


def make_answerer(settings: Settings, replica: Callable[[], Replica], live_from: int = 0) -> SharedAnswerer:
    """Return an answerer of one partition that uses the whole stream's model, which `replica` returns."""
    encoder = make_encoder(settings.encoder.name, **settings.encoder.parameters)
    return SharedAnswerer(encoder, replica, live_from=live_from, **_answering(settings))


def _learner(settings: Settings) -> Learner:
    learner = make(settings.learner.name, **settings.learner.parameters)
    if isinstance(learner, RiverLearner):
        learner.allow_pickle |= settings.snapshot.allow_pickle
    return learner


def _monitors(settings: Settings) -> Monitors:
    drift = settings.drift
    return Monitors(drift.detector, drift.parameters, drift.monitors, drift.budget)


def _confidence(settings: Settings) -> Conformal | None:
    confidence = settings.confidence
    return Conformal(confidence.coverage, confidence.error) if confidence.enabled else None


def _answering(settings: Settings) -> dict[str, Any]:
    return {
        "run": settings.run_name,
        "source": f"/ithaca/{topic(settings.stream, 'events')}",
        "feedback": FeedbackStore(**settings.feedback.model_dump()),
        "limits": Limits(**settings.limits.model_dump()),
        "envelope": settings.envelope,
    }
