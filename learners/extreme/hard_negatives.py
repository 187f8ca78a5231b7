"""Learning from what was scored: positives, and negatives with a high score (hard negatives)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from drift.core import Ids, Mask, Vector
from learners.extreme.classifier_rows import ClassifierRows
from learners.linear_model import sigmoid

TOLERANCE = 0.01
"""Errors below it are not learned from, which leaves the positives and the hard negatives."""


class Scored(NamedTuple):
    """Ids of one height, ascending, and the logits of their classifiers, both of shape (n,).

    For nodes also the cosines of the angles between the vector and their centroids.
    """

    ids: Ids = np.zeros(0, dtype=np.intp)
    logits: Vector = np.zeros(0, dtype=np.float32)
    cosines: Vector = np.zeros(0, dtype=np.float32)

    def find(self, wanted: Ids) -> tuple[Ids, Mask]:
        """Return the positions of ids of shape (k,) in `ids`, and which of them are in it."""
        places = np.searchsorted(self.ids, wanted)
        places[places == len(self.ids)] = 0
        found = self.ids[places] == wanted if len(self.ids) else np.zeros(len(wanted), dtype=np.bool_)
        return places, found


def teach(rows: ClassifierRows, scored: Scored, positive: Ids, inputs: Vector) -> None:
    """Take a step of the logistic loss: positives (ascending) against all other rows that were scored.

    Positives are updated even where they were not scored; negatives only where they are hard, with an error
    above `TOLERANCE`.
    """
    ids, errors = _errors(rows, scored, positive, inputs)
    if len(ids):
        rows.step(ids, errors, inputs)


def teach_together(
    rows: ClassifierRows, scored: Sequence[Scored], positive: Sequence[Ids], inputs: Vector
) -> None:
    """Take the steps of `teach` for many messages as one; inputs have shape (messages, d)."""
    wrong = [_errors(rows, each, some, one) for each, some, one in zip(scored, positive, inputs, strict=True)]
    ids, errors = (np.concatenate(parts) for parts in zip(*wrong, strict=True))
    messages = np.repeat(np.arange(len(wrong)), [len(some) for some, _ in wrong])
    rows.step_pairs(ids, messages, errors, inputs)


def _errors(rows: ClassifierRows, scored: Scored, positive: Ids, inputs: Vector) -> tuple[Ids, Vector]:
    """Return the rows to update for one message, and prediction minus truth of each."""
    places, found = scored.find(positive)
    missed = positive[~found]
    ids, errors = scored.ids, sigmoid(scored.logits)
    errors[places[found]] -= 1.0
    if len(missed):
        ids = np.concatenate([ids, missed])
        errors = np.concatenate([errors, sigmoid(rows.products(missed, inputs)) - np.float32(1.0)])
    wrong = np.flatnonzero(np.abs(errors) > TOLERANCE)
    return ids[wrong], errors[wrong]
