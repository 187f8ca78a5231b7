"""What a prediction of `IHOMER` was computed from."""

from __future__ import annotations

from typing import NamedTuple

from drift.core import Mask, Vector
from learners.core import Prediction
from learners.ensemble.decision import Decided
from learners.ensemble.mixture import Mixed
from learners.linear_model import Regressed
from learners.neighbors import Neighbours


class Views(NamedTuple):
    """One vector in the forms that the experts use."""

    direction: Vector
    standard: Vector
    scaled: Vector


class Scored(NamedTuple):
    """What a prediction was computed from; learning from the message needs it again."""

    labels: int
    asked: Mask
    views: Views
    experts: dict[str, Vector]
    regressed: Regressed
    mixed: Mixed
    decided: Decided
    near: Neighbours
    scaled: Regressed | None
    tree: Prediction | None
