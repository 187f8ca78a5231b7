"""What river's detectors have in common: figures they decide by, and a state that is plain numbers."""

from __future__ import annotations

import abc
import math
import operator
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

UNDECIDED = 0.0, math.inf
"""Statistic and threshold of a detector that has not seen enough."""


class RiverDetector(abc.ABC):
    """What river's detectors have in common; see `drift.detectors.Detector`.

    `_fields` are the attributes of river's object that change while it runs, `_count` the one that counts
    values. They are river's own and not its promise; the tests hold every detector against an
    uninterrupted river one, so that a release that renames or adds one is noticed there.
    """

    before: float | None = None
    after: float | None = None
    _fields: ClassVar[tuple[str, ...]]
    _count: ClassVar[str]

    def __init__(self, detector: Any) -> None:
        self._river = detector

    @property
    def drift_detected(self) -> bool:
        """See `Detector`."""
        return bool(self._river.drift_detected)

    @property
    def warning(self) -> bool:
        """See `Detector`."""
        return bool(getattr(self._river, "warning_detected", False))

    @property
    def statistic(self) -> float:
        """See `Detector`."""
        return self._figures()[0]

    @property
    def threshold(self) -> float:
        """See `Detector`."""
        return self._figures()[1]

    @property
    def window(self) -> int:
        """Values the figures are about: those since the last drift, unless the detector says otherwise."""
        return int(operator.attrgetter(self._count)(self._river))

    @abc.abstractmethod
    def _figures(self) -> tuple[float, float]:
        """Return statistic and threshold."""

    def update(self, value: float) -> None:
        """See `Detector`."""
        self._river.update(value)

    def state(self) -> dict[str, Any]:
        """See `Detector`."""
        values = [_number(operator.attrgetter(field)(self._river)) for field in self._all_fields()]
        return {"values": np.array(values, dtype=np.float64)}

    def load_state(self, state: dict[str, Any]) -> None:
        """See `Detector`."""
        for field, value in zip(self._all_fields(), np.asarray(state["values"]).tolist(), strict=True):
            parent, _, name = field.rpartition(".")
            owner = operator.attrgetter(parent)(self._river) if parent else self._river
            setattr(owner, name, None if math.isnan(value) else value)

    def _all_fields(self) -> Sequence[str]:
        warns = hasattr(self._river, "_warning_detected")
        return ("_drift_detected", *(("_warning_detected",) if warns else ()), *self._fields)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
