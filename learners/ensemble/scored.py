"""What a prediction of `IHOMER` was computed from."""

from __future__ import annotations

from typing import NamedTuple

from drift.core import Ids, Mask, Vector
from learners.core import Prediction
from learners.ensemble.decision import Decided
from learners.ensemble.mixture import Mixed
from learners.ensemble.shortlist import spread, with_missed
from learners.linear_model import Regressed
from learners.neighbors import Neighbours


class Views(NamedTuple):
    """One vector in the forms that the experts use."""

    direction: Vector
    standard: Vector
    scaled: Vector


class Scored(NamedTuple):
    """What a prediction was computed from; learning from the message needs it again.

    `listed` are the labels that were scored, None for all, and `probabilities` those of all labels.
    """

    labels: int
    listed: Ids | None
    probabilities: Vector
    asked: Mask
    views: Views
    experts: dict[str, Vector]
    regressed: Regressed
    mixed: Mixed
    decided: Decided
    near: Neighbours
    scaled: Regressed | None
    tree: Prediction | None

    def covers(self, true: Ids, labels: int) -> bool:
        """Return whether a message's true labels (ids), of so many labels, were scored."""
        if self.labels != labels:
            return False
        return self.listed is None or not len(with_missed(self.listed, true)[1])

    def scores(self, expert: str) -> Vector:
        """Return an expert's probabilities of all labels, 0 for those that were not scored."""
        return spread(self.experts[expert], self.listed, self.labels)
