"""Base of sequential tests: running statistics that restart after a drift, kept as plain numbers."""

from __future__ import annotations

import abc
import dataclasses
import math
import operator
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from drift.core import Parametrised, State

UNDECIDED = 0.0, math.inf
"""Statistic and threshold of a detector that has not seen enough values."""


def check_value(value: float) -> None:
    """Raise ValueError for NaN and infinity, which would stay in a detector's means for good."""
    if not math.isfinite(value):
        raise ValueError(f"A detector takes in finite numbers. Got {value!r}; leave out what is missing.")


@dataclasses.dataclass(slots=True)
class RunningMean:
    """Running mean of `n` values."""

    n: float = 0.0
    mean: float = 0.0

    def update(self, value: float) -> None:
        """Take in one value."""
        self.n += 1.0
        self.mean += 1.0 / self.n * (value - self.mean)


class SequentialTest(Parametrised, abc.ABC):
    """A detector that compares running statistics after every value; see `drift.detectors.Detector`.

    The tests compare each one with river's, which makes the same decisions but can neither save its state
    nor report what it compared.

    `_figures` are the attributes that change while it runs; `_count` is the number of values.
    """

    drift_detected: bool
    warning: bool
    before: float | None = None
    after: float | None = None
    _warns: ClassVar[bool] = True
    _figures: ClassVar[tuple[str, ...]]
    _count: ClassVar[str]

    def __init__(self) -> None:
        self._restart()

    def update(self, value: float) -> None:
        """See `Detector`."""
        check_value(value)
        if self.drift_detected:
            self._restart()
        self._add(value)

    @property
    def statistic(self) -> float:
        """See `Detector`."""
        return self._compared()[0]

    @property
    def threshold(self) -> float:
        """See `Detector`."""
        return self._compared()[1]

    @property
    def window(self) -> int:
        """Number of values the statistic covers: those since the last drift, unless a detector differs."""
        return int(operator.attrgetter(self._count)(self))

    @abc.abstractmethod
    def _restart(self) -> None:
        """Reset all statistics to their initial values."""
        self.drift_detected = self.warning = False

    @abc.abstractmethod
    def _add(self, value: float) -> None:
        """Take in one value and update the decision."""

    @abc.abstractmethod
    def _compared(self) -> tuple[float, float]:
        """Return statistic and threshold."""

    def state(self) -> State:
        """See `Detector`."""
        values = [operator.attrgetter(name)(self) for name in self._saved()]
        return super().state() | {"values": np.array(values, dtype=np.float64)}

    def load_state(self, state: State) -> None:
        """See `Detector`."""
        super().load_state(state)
        for name, value in zip(self._saved(), np.asarray(state["values"]).tolist(), strict=True):
            owner, _, attribute = name.rpartition(".")
            setattr(operator.attrgetter(owner)(self) if owner else self, attribute, value)
        self.drift_detected, self.warning = bool(self.drift_detected), bool(self.warning)

    def _saved(self) -> Iterator[str]:
        yield "drift_detected"
        if self._warns:
            yield "warning"
        yield from self._figures
