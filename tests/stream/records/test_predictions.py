"""The record of a prediction: its parts by name, in the order and with the digits that are promised."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from learners.core.prediction import Explanation, Neighbour, Prediction
from learners.dummy.priors import LabelPriors
from learners.uncertainty.conformal import Confidence
from stream.records.predictions import LISTED, LabelScore, ModelVersion, Origin, prediction_record
from stream.records.schema import Event, Position

NAMES = [f"l{n}" for n in range(30)]
ORIGIN = Origin("letters", "r", ModelVersion(7, "0" * 32), [Position("s.events", 0, 41)], 0.123456)


def test_everything_has_its_name() -> None:
    """Scores best first: the ten best, and what is predicted without being among them."""
    learner = LabelPriors()
    learner.label_space.ids(NAMES)
    scores = np.linspace(0.9, 0.1, 30).astype(np.float32)
    prediction = Prediction(np.array([0, 20]), scores)
    said = Confidence(np.array([0, 1, 2]), scores[:3], 2, True, -0.5)
    near = [Neighbour(12, 0.98765, np.arange(25)), Neighbour(3, 0.0123, np.array([4]))]
    why = Explanation(np.array([0, 20]), {"a": [0.12345, 1.0]}, {"a": [0.55555, 1.0]}, near)
    event = Event(id="e", ts=60.0, labels=["l1"], labels_complete=False)
    record = prediction_record(event, prediction, said, why, learner, ORIGIN)
    assert (record.id, record.labels, record.clusters) == ("e", ["l0", "l20"], [])
    assert record.ts == datetime.datetime(1970, 1, 1, 0, 1, tzinfo=datetime.UTC)
    listed = [*range(10), 20]
    assert record.scores == [LabelScore(NAMES[n], float(scores[n])) for n in listed]
    assert record.truth is not None
    assert (record.truth.labels, record.truth.complete) == (["l1"], False)
    assert record.confidence is not None
    assert (record.confidence.labels, record.confidence.reject) == (["l0", "l1"], True)
    assert record.why is not None
    assert record.why.labels == ["l0", "l20"]
    assert (record.why.opinions, record.why.weights) == ({"a": [0.123, 1.0]}, {"a": [0.556, 1.0]})
    assert record.why.named == pytest.approx(0.1235)
    first, second = record.why.nearest
    assert (first.number, first.weight, first.labels) == (12, 0.988, NAMES[:20])
    assert (second.number, second.weight, second.labels) == (3, 0.012, ["l4"])


def test_what_there_is_not_is_none() -> None:
    """An event without labels, a learner that explains nothing, no confidence."""
    record = prediction_record(
        Event(id="e", ts=0.0),
        Prediction(np.array([], np.intp), np.zeros(0, np.float32)),
        None,
        None,
        LabelPriors(),
        ORIGIN,
    )
    assert (record.truth, record.why, record.confidence) == (None, None, None)
    assert (record.labels, record.scores) == ([], [])


@pytest.mark.parametrize("predicted", [[0, 1], [3, LISTED + 5], []])
def test_the_most_probable_labels_are_listed_and_all_predicted_ones(predicted: list[int]) -> None:
    """Most probable first, each once."""
    learner = LabelPriors()
    learner.label_space.ids(f"l{label:03}" for label in range(LISTED + 10))
    scores = np.linspace(0.9, 0.1, LISTED + 10).astype(np.float32)
    prediction = Prediction(np.array(predicted, dtype=np.intp), scores)
    origin = Origin("dense", "run", ModelVersion(0, ""), [], 1.0)
    record = prediction_record(Event(id="1", ts=0.0), prediction, None, None, learner, origin)
    expected = sorted({*range(LISTED), *predicted})
    assert [listed.label for listed in record.scores] == [f"l{label:03}" for label in expected]
    assert [listed.score for listed in record.scores] == scores[expected].tolist()
