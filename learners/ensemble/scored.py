"""What a prediction of `IHOMER` was computed from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.core import Ids, Mask, Vector
from learners.core import Prediction
from learners.ensemble.decision import Decided
from learners.ensemble.mixture import Mixed
from learners.ensemble.models import Modelled
from learners.ensemble.shortlist import NOTHING, spread
from learners.neighbors import Neighbours
from learners.preprocessing import Views

Nearest = tuple[Neighbours, ...]
UNDECIDED = Decided(
    *(NOTHING, NOTHING, np.zeros((3, 0))),
    *(np.zeros((0, 0), dtype=np.bool_), np.zeros((0, 6)), np.zeros(0)),
)
"""Stands for the decision of a message whose probabilities alone are asked for."""


class Seen(NamedTuple):
    """What the scores of a message are computed from, whichever labels are scored.

    `logits` are the first expert's log-odds of all labels where only a shortlist is scored, else None;
    `asked` are the part-time experts that are.
    """

    labels: int
    views: Views
    asked: Mask
    near: Nearest
    logits: Vector | None
    priors: Vector
    tree: Prediction | None


class Scored(NamedTuple):
    """What a prediction was computed from; learning from the message needs it again."""

    seen: Seen
    modelled: Modelled
    mixed: Mixed
    decided: Decided

    @property
    def size(self) -> int:
        """How many labels were scored."""
        return len(self.mixed.probabilities)

    @property
    def listed(self) -> Ids | None:
        """The labels that were scored, None for all."""
        return self.modelled.listed

    def every(self) -> Vector:
        """Return a new array of the probabilities of all labels, 0 for those that were not scored."""
        scores = spread(self.mixed.probabilities, self.listed, self.seen.labels)
        return scores.copy() if self.listed is None else scores

    def among(self, labels: Ids) -> Ids:
        """Return those of some labels that were scored, in the same order."""
        return labels if self.listed is None else labels[np.isin(labels, self.listed)]

    def opinions(self, labels: Ids) -> Vector:
        """Return what each expert, and the stacker last, says of some labels that were scored."""
        opinions: Vector = self.mixed.opinions[:, self.mixed.places(labels)]
        return opinions
