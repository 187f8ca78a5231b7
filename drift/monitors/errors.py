"""Errors of the learner: of all labels together, and of each label cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from drift.alarms import Alarm, Observation, Series, SeriesMonitor, odds, shifted
from drift.core import Parts, Stateful, fields
from drift.statistics import MeanBank, Slots


class ErrorMonitor(SeriesMonitor):
    """Watches what the learner gets wrong. Scope *error*; rises only: a learner that gets better is no drift.

    * ``subset-error``: 1 where the predicted label-set is not the true one.
    * ``jaccard-error``: the share of the labels predicted or true that only one of the two has.
    * ``hamming-error``: w / (1 + w) for w wrong answers. (The Hamming loss itself divides by the number of
      labels, so that new labels would look like progress.) `before` and `after` are wrong answers.

    Parameters
    ----------
    detector, parameters
        See `drift.detectors.build`. A bad choice costs delay or false alarms: EDDM, for one, sees nothing
        of `jaccard-error` but the values of exactly 1.

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


class ClusterErrorMonitor(Stateful):
    """Watches how often each label cluster has a wrong label, of the messages that touch it.

    Scope *error*, detector ``cluster-error/means``, subject the cluster's id; rises only. Statistic and
    threshold are nats of evidence; see `drift.alarms.shifted`.

    Parameters
    ----------
    budget
        False alarms per 100,000 messages over all clusters; see `Bank`.
    clusters
        Clusters followed at a time, at least 1: the ones touched last. Too few and those that seldom occur
        are forgotten before they can be judged.
    """

    state_fields = fields(Parts("_bank", "_slots"))

    def __init__(self, budget: float = 1.0, clusters: int = 1024) -> None:
        self._bank = MeanBank(budget)
        self._slots = Slots(clusters)

    def update(self, observation: Observation) -> list[Alarm]:
        """See `Monitor`."""
        slots, fresh = self._slots.take(observation.clusters)
        if fresh:
            self._bank.restart(np.array(fresh, dtype=np.intp))
        wrong = set(observation.wrong)
        by_slot = sorted(zip(slots, observation.clusters, strict=True))
        values = np.array([float(cluster in wrong) for _, cluster in by_slot])
        shifts = self._bank.update(np.array([slot for slot, _ in by_slot], dtype=np.intp), values)
        return [
            shifted("cluster-error/means", "error", str(self._slots.key(shift.series)), shift)
            for shift in shifts
            if shift.kind == "rise"
        ]
