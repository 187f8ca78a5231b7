"""Errors of the learner: over all labels, and per label cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from drift.alarms import Alarm, Observation, Series, SeriesMonitor, odds, shifted
from drift.core import Parametrised, Parts, fields
from drift.statistics import MeanBank, Slots


class ErrorMonitor(SeriesMonitor):
    """Watches the errors of the learner. Scope *error*; rises only: a learner that improves is no drift.

    * ``subset-error``: 1 where the predicted label set is not the true one.
    * ``jaccard-error``: the share of the predicted or true labels that are not in both sets.
    * ``hamming-error``: w / (1 + w) for w wrong labels. (The Hamming loss divides by the number of labels, so
      that new labels would look like an improvement.) `before` and `after` are wrong labels.

    Parameters
    ----------
    detector, parameters
        See `drift.detectors.build`. A bad choice costs delay or false alarms: EDDM, for example, counts only
        the values of exactly 1 of `jaccard-error`.

    Examples
    --------
    >>> monitor = ErrorMonitor()
    >>> wheat, corn = np.array([0]), np.array([1])
    >>> for n in range(300):
    ...     for alarm in monitor.update(Observation(wheat, wheat if n < 200 else corn)):
    ...         print(n, alarm.detector, round(alarm.statistic, 2), alarm.since)
    223 subset-error/adwin 1.0 24
    223 jaccard-error/adwin 1.0 24
    223 hamming-error/adwin 0.67 24
    """

    def __init__(
        self, detector: str = "adwin", parameters: Mapping[str, float | str | bool] | None = None
    ) -> None:
        self.detector = detector
        self.parameters = dict(parameters or {})
        units: dict[str, Callable[[float], float]]
        units = {"subset-error": float, "jaccard-error": float, "hamming-error": odds}
        super().__init__(
            *(
                Series(name, "error", falls=False, unit=unit, detector=detector, parameters=parameters)
                for name, unit in units.items()
            )
        )

    def update(self, observation: Observation) -> list[Alarm]:
        """See `Monitor`."""
        predicted, actual = set(observation.predicted.tolist()), set(observation.actual.tolist())
        wrong, either = len(predicted ^ actual), len(predicted | actual)
        return self._update(float(wrong > 0), wrong / either if either else 0.0, wrong / (1 + wrong))


class ClusterErrorMonitor(Parametrised):
    """Watches, per label cluster, the share of the messages touching it with a wrong label of that cluster.

    Scope *error*, detector ``cluster-error/means``, subject the cluster's id; rises only. Statistic and
    threshold are nats of evidence; see `drift.alarms.shifted`.

    Parameters
    ----------
    budget
        False alarms per 100,000 messages for all clusters together; see `Bank`.
    clusters
        Most clusters watched at a time, at least 1: the most recently touched ones. With too few, clusters
        that seldom occur are dropped before they can be tested.
    """

    state_fields = fields(Parts("_bank", "_slots"))

    def __init__(self, budget: float = 1.0, clusters: int = 1024) -> None:
        self.budget = budget
        self.clusters = clusters
        self._bank = MeanBank(budget)
        self._slots = Slots(clusters)

    def update(self, observation: Observation) -> list[Alarm]:
        """See `Monitor`."""
        slots, fresh = self._slots.take(observation.clusters)
        if fresh:
            self._bank.restart(np.array(fresh, dtype=np.intp))
        wrong = set(observation.wrong)
        # Of a message that touches more clusters than are watched, the first ones are.
        by_slot = sorted(zip(slots, observation.clusters, strict=False))
        values = np.array([float(cluster in wrong) for _, cluster in by_slot])
        shifts = self._bank.update(np.array([slot for slot, _ in by_slot], dtype=np.intp), values)
        return [
            shifted("cluster-error/means", "error", str(self._slots.key(shift.series)), shift)
            for shift in shifts
            if shift.kind == "rise"
        ]
