"""Label cardinality: the number of labels per message."""

from __future__ import annotations

from drift.alarms import Alarm, Observation, Series, SeriesMonitor, odds


class CardinalityMonitor(SeriesMonitor):
    """Watches k / (1 + k) for a message with k labels. Scope *prior*, detector ``cardinality/adwin``.

    This scale separates 0, 1 and 2 labels well, and no single message with many labels dominates. `before`
    and `after` are the label counts of the mean value. Messages with incomplete labels are skipped.

    Examples
    --------
    >>> import numpy as np
    >>> monitor = CardinalityMonitor()
    >>> for n in range(300):
    ...     labels = np.arange(1 if n < 200 else 3)
    ...     for alarm in monitor.update(Observation(labels, labels)):
    ...         print(n, alarm.detector, alarm.statistic, alarm.since, alarm.before, alarm.after)
    255 cardinality/adwin 0.25 56 1.0 3.0
    """

    def __init__(self) -> None:
        super().__init__(Series("cardinality", "prior", unit=odds))

    def update(self, observation: Observation) -> list[Alarm]:
        """See `Monitor`."""
        labels = len(observation.actual)
        return self._update(labels / (1 + labels) if observation.complete else None)
