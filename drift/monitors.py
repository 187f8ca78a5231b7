"""What is watched while a learner runs, and what an alarm says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drift.adwin import ADWIN
from drift.births import LabelBirths
from drift.detectors import Detector, build

SCOPES = ("error", "prior", "correlation", "vector", "calibration", "structure")
"""What an alarm can be about, for counters that exist from the start."""


class Observation(NamedTuple):
    """What one message showed, once its true labels were known.

    Parameters
    ----------
    predicted, actual
        Label ids, ascending, each once. Predicted labels of which the truth says nothing are left out.
    appeared
        Names of labels never seen before this message.
    complete
        Whether `actual` is all there is; if not, the number of labels says nothing.
    """

    predicted: NDArray[np.intp]
    actual: NDArray[np.intp]
    appeared: Sequence[str] = ()
    complete: bool = True


class Alarm(NamedTuple):
    """One drift event: which detector saw what, where, how much, and what was done.

    Parameters
    ----------
    detector
        What was watched and by which detector, as in "subset-error/adwin".
    scope
        error, prior, correlation, vector, calibration or structure.
    subject
        A label, a cluster or "stream".
    statistic, threshold
        What was measured and what its size was compared with. Where a detector tells the two apart, a
        rise is positive and a fall negative.
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
    """All monitors of one partition: what the errors, the labels a message and new labels do.

    * ``subset-error``: 1 where the predicted label-set is not the true one. Scope *error*; rises only,
      because a learner that gets better is no drift.
    * ``jaccard-error``: the share of the labels predicted or true that only one of the two has. Scope
      *error*; rises only.
    * ``cardinality``: k / (1 + k) for a message with k labels, which tells 0, 1 and 2 labels well apart
      and lets no crowded message drown the rest. Scope *prior*; rises and falls; always ADWIN.
    * ``births``: labels never seen before, per window of messages, against the windows before; see
      `LabelBirths`. Scope *prior*.

    One message costs O(labels on it), however many labels there are.

    Parameters
    ----------
    detector
        Name of the detector of both errors; see `drift.detectors`. A bad choice costs delay or false
        alarms: EDDM, for one, sees nothing of `jaccard-error` but the values of exactly 1.
    parameters
        Its parameters; None (the default) leaves them all at their defaults.

    Raises
    ------
    ValueError
        When there is no such detector or parameter.

    Examples
    --------
    >>> monitors = Monitors()
    >>> wheat, corn = np.array([0]), np.array([1])
    >>> for n in range(300):
    ...     for alarm in monitors.update(Observation(wheat, wheat if n < 200 else corn)):
    ...         print(n, alarm.detector, alarm.scope, alarm.subject, alarm.statistic, alarm.window)
    223 subset-error/adwin error stream 1.0 24
    223 jaccard-error/adwin error stream 1.0 24
    """

    def __init__(
        self, detector: str = "adwin", parameters: Mapping[str, float | str | bool] | None = None
    ) -> None:
        self.detector = detector
        self._errors: dict[str, Detector] = {
            name: build(detector, **(parameters or {})) for name in ("subset-error", "jaccard-error")
        }
        self._cardinality = ADWIN()
        self._births = LabelBirths()

    def update(self, observation: Observation) -> list[Alarm]:
        """Take in one message and return the alarms it raised."""
        predicted, actual = set(observation.predicted.tolist()), set(observation.actual.tolist())
        either = len(predicted | actual)
        wrong = len(predicted ^ actual) / either if either else 0.0
        alarms = []
        for (name, detector), value in zip(self._errors.items(), (float(wrong > 0), wrong), strict=True):
            detector.update(value)
            if detector.drift_detected and detector.statistic > 0:
                alarms.append(_alarm(f"{name}/{self.detector}", "error", detector))
        if observation.complete:
            alarms += self._count(len(actual))
        return alarms + self._appeared(observation.appeared)

    def _count(self, labels: int) -> list[Alarm]:
        self._cardinality.update(labels / (1 + labels))
        if not self._cardinality.drift_detected:
            return []
        return [_alarm("cardinality/adwin", "prior", self._cardinality)]

    def _appeared(self, names: Sequence[str]) -> list[Alarm]:
        births = self._births
        if not births.update(len(names)):
            return []
        figures = float(births.count), float(births.threshold), births.window, "labels added", births.p
        return [Alarm("births/binomial", "prior", "stream", *figures)]

    def watched(self) -> dict[str, tuple[float, float]]:
        """Return what is measured now, by detector: the statistic and what its size is compared with."""
        detectors = {f"{name}/{self.detector}": detector for name, detector in self._errors.items()}
        detectors["cardinality/adwin"] = self._cardinality
        found = {name: (float(each.statistic), float(each.threshold)) for name, each in detectors.items()}
        return found | {"births/binomial": (float(self._births.count), float(self._births.threshold))}

    def state(self) -> dict[str, Any]:
        """Return everything learned, as arrays and plain JSON values."""
        return {
            "errors": {name: detector.state() for name, detector in self._errors.items()},
            "cardinality": self._cardinality.state(),
            "births": self._births.state(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the state of monitors with equal parameters; later alarms are equal."""
        for name, detector in self._errors.items():
            detector.load_state(state["errors"][name])
        self._cardinality.load_state(state["cardinality"])
        self._births.load_state(state["births"])


def _alarm(name: str, scope: str, detector: Detector) -> Alarm:
    return Alarm(name, scope, "stream", detector.statistic, detector.threshold, detector.window, "none")
