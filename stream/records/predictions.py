"""What is said of an event: its labels, how sure that is and why, as a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from drift.alarms import Alarm
from learners.core import Explanation, LabelSpace, Learner, Prediction
from learners.uncertainty import Confidence
from stream.records.schema import LISTED, Event, Model, Nearest, PredictionRecord, Sure, TrueLabels, Why

NEAREST_LABELS = 20
"""How many labels are named of each past message that a prediction names."""


class Answer(NamedTuple):
    """What one event led to.

    Parameters
    ----------
    prediction
        Its labels, as predicted before anything was learned from it.
    confidence
        How sure that is; None where nothing is said of it.
    alarms
        What the monitors found when its labels were learned.
    """

    prediction: Prediction
    confidence: Confidence | None
    alarms: list[Alarm]


class Origin(NamedTuple):
    """What a prediction was made with: the encoder's name, the run's, and the model, trained how far."""

    encoder: str
    run: str
    model: Model
    trained_through: Mapping[str, int]


def prediction_record(
    event: Event, answer: Answer, why: Explanation | None, learner: Learner, origin: Origin
) -> PredictionRecord:
    """Return a prediction as it is written; the learner has the labels' names."""
    space, prediction = learner.label_space, answer.prediction
    return PredictionRecord(
        id=event.id,
        labels=space.names(prediction.labels),
        scores=_listed(prediction, space),
        clusters=learner.clusters_of(prediction.labels),
        trained_through=dict(origin.trained_through),
        model=origin.model,
        encoder=origin.encoder,
        run=origin.run,
        truth=None if event.labels is None else TrueLabels(event.labels, event.labels_complete),
        why=None if why is None else _told(why, space),
        confidence=None if answer.confidence is None else _sure(answer.confidence, space),
    )


def _listed(prediction: Prediction, space: LabelSpace) -> dict[str, float]:
    listed = np.union1d(prediction.best(LISTED)[0], prediction.labels)
    labels, scores = prediction.among(listed).best(len(listed))
    return dict(zip(space.names(labels), scores.tolist(), strict=True))


def _sure(said: Confidence, space: LabelSpace) -> Sure:
    return Sure(space.names(said.labels.tolist()), said.reject)


def _told(why: Explanation, space: LabelSpace) -> Why:
    return Why(
        labels=space.names(why.labels),
        opinions={expert: _rounded(given) for expert, given in why.opinions.items()},
        weights={expert: _rounded(given) for expert, given in why.weights.items()},
        nearest=[
            Nearest(number, round(weight, 3), space.names(labels[:NEAREST_LABELS]))
            for number, weight, labels in why.neighbours
        ],
    )


def _rounded(numbers: Sequence[float]) -> list[float]:
    return [round(number, 3) for number in numbers]
