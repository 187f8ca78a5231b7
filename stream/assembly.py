"""Building a task from settings: encoder, learner and monitors by their names."""

from __future__ import annotations

import importlib
import inspect
from typing import cast

from drift.monitors import Monitors
from learners import catalogue
from stream.config import Settings
from stream.encoders import Encoder
from stream.kafka.topics import topic
from stream.task import Task

ENCODERS = {
    "hashing": ("stream.encoders.hashing", "Hashing"),
    "dense": ("stream.encoders.dense", "Dense"),
    "transformer": ("stream.encoders.transformer", "Transformer"),
}
"""Where each encoder lives; it is imported when it is asked for, as some need an extra."""


def make_task(settings: Settings, live_from: int = 0) -> Task:
    """Return a fresh task.

    Parameters
    ----------
    settings
        Encoder, learner, stream and run.
    live_from
        First offset whose outputs count; see `Task`.

    Raises
    ------
    ValueError
        When there is no such encoder or learner, or it does not take a parameter; says what there is.
    """
    return Task(
        make_encoder(settings),
        catalogue.make(settings.learner.name, **settings.learner.parameters),
        Monitors(),
        run=settings.run_name,
        source=f"/ithaca/{topic(settings.stream, 'events')}",
        live_from=live_from,
    )


def make_encoder(settings: Settings) -> Encoder:
    """Return the encoder that the settings name."""
    name, parameters = settings.encoder.name, settings.encoder.parameters
    if name not in ENCODERS:
        raise ValueError(f"There is no encoder named {name!r}. Choose among {', '.join(sorted(ENCODERS))}.")
    module, attribute = ENCODERS[name]
    kind = getattr(importlib.import_module(module), attribute)
    allowed = inspect.signature(kind).parameters
    for parameter in parameters:
        if parameter not in allowed:
            raise ValueError(
                f"The encoder {name!r} has no parameter {parameter!r}. It takes {', '.join(allowed)}."
            )
    return cast(Encoder, kind(**parameters))
