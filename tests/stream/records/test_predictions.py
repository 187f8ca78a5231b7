"""Prediction records: which labels they list."""

from __future__ import annotations

import numpy as np
import pytest

from learners.core import Prediction
from learners.dummy import LabelPriors
from stream.records import Event, ModelVersion
from stream.records.predictions import LISTED, Origin, prediction_record


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
