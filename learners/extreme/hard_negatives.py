"""Learning from what was scored: positives say yes, and what was mistakenly likely says no."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.core import Ids, Mask, Vector
from learners.extreme.classifier_rows import ClassifierRows
from learners.linear_model import sigmoid

TOLERANCE = 0.01
"""Errors below it are not learned from: what is left are the positives and the hard negatives."""


class Scored(NamedTuple):
    """Ids of one height, ascending, and the logits that their classifiers gave. Both of shape (n,).

    Of nodes also the cosines of the vector's angles to their centroids.
    """

    ids: Ids = np.zeros(0, dtype=np.intp)
    logits: Vector = np.zeros(0, dtype=np.float32)
    cosines: Vector = np.zeros(0, dtype=np.float32)

    def find(self, wanted: Ids) -> tuple[Ids, Mask]:
        """Return where ids of shape (k,) stand in `ids`, and which of them do."""
        places = np.searchsorted(self.ids, wanted)
        places[places == len(self.ids)] = 0
        found = self.ids[places] == wanted if len(self.ids) else np.zeros(len(wanted), dtype=np.bool_)
        return places, found


def teach(rows: ClassifierRows, scored: Scored, positive: Ids, inputs: Vector) -> None:
    """Take a step of the logistic loss: positives (ascending) say yes, all else that was scored says no.

    Positives are taught also where they were not scored; of the negatives only the hard ones are, those
    whose error is above `TOLERANCE`.
    """
    places, found = scored.find(positive)
    missed = positive[~found]
    ids, errors = scored.ids, sigmoid(scored.logits)
    errors[places[found]] -= 1.0
    if len(missed):
        ids = np.concatenate([ids, missed])
        errors = np.concatenate([errors, sigmoid(rows.products(missed, inputs)) - np.float32(1.0)])
    wrong = np.flatnonzero(np.abs(errors) > TOLERANCE)
    if len(wrong):
        rows.step(ids[wrong], errors[wrong], inputs)
