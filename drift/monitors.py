"""What is watched while a learner runs, and what an alarm says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Observation(NamedTuple):
    """What one message showed, once its true labels were known.

    Parameters
    ----------
    predicted, actual
        Label ids, ascending, each once.
    appeared
        Names of labels never seen before this message.
    """

    predicted: NDArray[np.intp]
    actual: NDArray[np.intp]
    appeared: Sequence[str] = ()


class Alarm(NamedTuple):
    """One drift event: which detector saw what, where, how much, and what was done.

    Parameters
    ----------
    detector
        Name of the detector.
    scope
        error, prior, correlation, vector, calibration or structure.
    subject
        A label, a cluster or "stream".
    statistic, threshold
        What was measured and what it was compared with.
    window
        Messages the figure is about.
    action
        What the service did about it.
    p
        Chance of such a figure without drift, where the detector knows it.
    """

    detector: str
    scope: str
    subject: str
    statistic: float
    threshold: float
    window: int
    action: str
    p: float | None = None


class Monitors:
    """All monitors of one partition."""

    def update(self, observation: Observation) -> list[Alarm]:
        """Take in one message and return the alarms it raised."""
        del observation
        return []

    def state(self) -> dict[str, Any]:
        """Return everything learned, as arrays and plain JSON values."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
