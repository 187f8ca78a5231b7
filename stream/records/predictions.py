"""The record on the predictions topic: an event's labels, their confidence, and their explanation."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec
import numpy as np

from drift.alarms import Alarm
from learners.core import Explanation, LabelSpace, Learner, Prediction
from learners.uncertainty import Confidence
from stream.records.schema import Count, Event, Position, Share

LISTED = 10
"""Number of best scores that a prediction keeps at least; P@k and partial labels are scored on these."""
NEAREST_LABELS = 20
"""Most labels named for each past message in an explanation."""


class ModelVersion(msgspec.Struct, frozen=True):
    """Identifies the model of a prediction: number of messages learned, and the hash chain over them."""

    updates: Count
    digest: str


class LabelScore(msgspec.Struct, frozen=True):
    """A label and its probability."""

    label: str
    score: Share


class TrueLabels(msgspec.Struct, frozen=True, omit_defaults=True):
    """The true labels that came with an event, and whether they are complete."""

    labels: list[str]
    complete: bool = True


class NeighbourRecord(msgspec.Struct, frozen=True):
    """A past message that a prediction leans on: how many were learned before it, its weight, its labels."""

    number: Count
    weight: Share
    labels: list[str]


class ExplanationRecord(msgspec.Struct, frozen=True):
    """The explanation of a prediction.

    Parameters
    ----------
    labels
        The labels explained: predicted ones and the next most probable.
    opinions, weights
        By expert, its probability of each of them and how much that counts.
    named
        Estimated chance that a label of an event is named, 1 where all labels are. A score is the sum of the
        opinions by their weights, divided by it, and at most 1.
    nearest
        The nearest past messages; `number` n is the event whose prediction has `model.updates` n.
    """

    labels: list[str]
    opinions: dict[str, list[Share]]
    weights: dict[str, list[Share]]
    named: Share
    nearest: list[NeighbourRecord]


class ConfidenceRecord(msgspec.Struct, frozen=True):
    """The confidence of a prediction.

    Parameters
    ----------
    labels
        The labels that cannot be excluded, most probable first: the conformal set.
    reject
        Whether the predicted labels should not be relied on.
    """

    labels: list[str]
    reject: bool


class PredictionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One prediction as written to the topic.

    Parameters
    ----------
    id
        The event's.
    ts
        The event's time, in UTC.
    labels
        Predicted labels.
    scores
        Probabilities of the most probable labels and of every predicted one, best first.
    clusters
        Ids of the predicted labels' clusters.
    trained_through
        The last record that the model had learned from, always before the event's own; empty before any.
    model, encoder, run
        The model, the encoder's name, the run's name.
    truth
        The true labels, if the event had them: the prediction did not use them. Else None.
    why
        The explanation, if the learner has one. Else None.
    confidence
        Its confidence. None where that is switched off.
    """

    id: str
    ts: Annotated[datetime.datetime, msgspec.Meta(tz=True)]
    labels: list[str]
    scores: list[LabelScore]
    clusters: list[Count]
    trained_through: list[Position]
    model: ModelVersion
    encoder: str
    run: str
    truth: TrueLabels | None = None
    why: ExplanationRecord | None = None
    confidence: ConfidenceRecord | None = None


class EventOutcome(NamedTuple):
    """The outcome of one event.

    Parameters
    ----------
    prediction
        Its labels, as predicted before anything was learned from it.
    confidence
        The prediction's confidence; None if there is none.
    alarms
        Alarms of the monitors when its labels were learned.
    """

    prediction: Prediction
    confidence: Confidence | None
    alarms: list[Alarm]


class Origin(NamedTuple):
    """What a prediction was made with.

    Parameters
    ----------
    encoder, run, model, trained_through
        See `PredictionRecord`.
    named
        See `ExplanationRecord`.
    """

    encoder: str
    run: str
    model: ModelVersion
    trained_through: list[Position]
    named: float


def prediction_record(
    event: Event,
    prediction: Prediction,
    confidence: Confidence | None,
    why: Explanation | None,
    learner: Learner,
    origin: Origin,
) -> PredictionRecord:
    """Return the record of a prediction; the learner has the labels' names."""
    space = learner.label_space
    return PredictionRecord(
        id=event.id,
        ts=event.time,
        labels=space.names(prediction.labels),
        scores=_listed(prediction, space),
        clusters=learner.clusters_of(prediction.labels),
        trained_through=origin.trained_through,
        model=origin.model,
        encoder=origin.encoder,
        run=origin.run,
        truth=None if event.labels is None else TrueLabels(event.labels, event.labels_complete),
        why=None if why is None else _explanation(why, space, origin.named),
        confidence=None if confidence is None else _confidence(confidence, space),
    )


def _listed(prediction: Prediction, space: LabelSpace) -> list[LabelScore]:
    labels, scores = prediction.best(LISTED)
    if not set(prediction.labels.tolist()).issubset(labels.tolist()):
        listed = np.union1d(labels, prediction.labels)
        labels, scores = prediction.among(listed).best(len(listed))
    return list(map(LabelScore, space.names(labels), scores.tolist()))


def _confidence(confidence: Confidence, space: LabelSpace) -> ConfidenceRecord:
    return ConfidenceRecord(space.names(confidence.labels.tolist()), confidence.reject)


def _explanation(why: Explanation, space: LabelSpace, named: float) -> ExplanationRecord:
    return ExplanationRecord(
        labels=space.names(why.labels),
        opinions={expert: _rounded(given) for expert, given in why.opinions.items()},
        weights={expert: _rounded(given) for expert, given in why.weights.items()},
        named=round(named, 4),
        nearest=[
            NeighbourRecord(number, round(weight, 3), space.names(labels[:NEAREST_LABELS]))
            for number, weight, labels in why.neighbours
        ],
    )


def _rounded(numbers: Sequence[float]) -> list[float]:
    # Numbers in [0, 1]; `round`, which is exact for any number, takes three times as long.
    return [int(number * 1000.0 + 0.5) / 1000.0 for number in numbers]
