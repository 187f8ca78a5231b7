"""What a new encoder would do to a model that has learned from a former one: the ways there are, scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from drift.core import Vector
from drift.monitors import Monitors
from learners import make
from learners.metrics import Prequential, Scores
from stream.config import EncoderSettings, LearnerSettings
from stream.encoders import Alignment, AlignmentError, Encoded, Encoder, align, encode_all, make_encoder
from stream.pipeline import Task
from stream.records import Event

ENCODED_AT_ONCE = 64


class Upgrade(NamedTuple):
    """A map between two encoders, and scores of the second half of some events, which it was not fitted to.

    Parameters
    ----------
    alignment
        Fitted to the first half.
    events
        Number of events in all.
    scores
        By way: the former encoder kept; the new one aligned, and the model going on; the new one with a model
        that begins anew.
    """

    alignment: Alignment
    events: int
    scores: dict[str, Scores]


def try_upgrade(
    events: Sequence[Event],
    former: EncoderSettings,
    new: EncoderSettings,
    learner: LearnerSettings,
    progress: Callable[[int], None] = lambda events: None,
) -> Upgrade:
    """Fit a map between two encoders, and score the ways to go on, test-then-train, on events with labels.

    Parameters
    ----------
    events
        In order. The first half teaches the model with the former encoder, and fits the map.
    former, new
        The encoders.
    learner
        The learner; each way has its own.
    progress
        Called after every batch with the number of events encoded.

    Raises
    ------
    AlignmentError
        See `align`; and when an encoder cannot read the events, or learns from them.
    """
    vectors: list[list[Vector]] = [[], []]
    encoders = [make_encoder(each.name, **each.parameters) for each in (former, new)]
    for start in range(0, len(events), ENCODED_AT_ONCE):
        batch = events[start : start + ENCODED_AT_ONCE]
        for known, encoder in zip(vectors, encoders, strict=True):
            known += _encoded(encoder, batch)
        progress(start + len(batch))
    old, fresh = vectors
    middle = len(events) // 2
    alignment = align(new.model_dump(), former.original.model_dump(), fresh[:middle], old[:middle])
    mapped = alignment.attached(alignment.map(fresh[middle:]), fresh[middle:], old[middle:])
    ways = {
        "former encoder": (0, old),
        "new encoder, aligned": (0, [*old[:middle], *mapped]),
        "new encoder, model anew": (middle, fresh),
    }
    scores = {
        way: _scores(learner, events[begin:], given[begin:], middle - begin)
        for way, (begin, given) in ways.items()
    }
    return Upgrade(alignment, len(events), scores)


def _encoded(encoder: Encoder, events: Sequence[Event]) -> list[Vector]:
    vectors = []
    for event, read in zip(events, encode_all(encoder, events), strict=True):
        if not isinstance(read, Encoded):
            raise AlignmentError(f"Event {event.id!r}: {read}. Leave such events out.")
        vectors.append(read.x)
    if encoder.state():
        raise AlignmentError(f"The encoder {encoder.name} learns from events: it can have no fixed map.")
    return vectors


def _scores(
    learner: LearnerSettings, events: Sequence[Event], vectors: Sequence[Vector], free: int
) -> Scores:
    """Return the scores of all events but the first ones."""
    made = make(learner.name, **learner.parameters)
    task = Task(make_encoder("dense"), made, Monitors(names=()), run="align", source="/ithaca/align")
    for number, (event, x) in enumerate(zip(events, vectors, strict=True)):
        if number == free:
            task.observer.scores = Prequential()
        task.advance(event, x)
    return task.observer.scores.summary()
