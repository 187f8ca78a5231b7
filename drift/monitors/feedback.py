"""Feedback: how many labels come, and how late."""

from __future__ import annotations

import math

from drift.alarms import Alarm, Observation, Series, SeriesMonitor

LOG_LATEST = math.log1p(1e6)
"""Delays from a million messages on count as one."""


class FeedbackMonitor(SeriesMonitor):
    """Watches the flow of labels. Scope *feedback*.

    * ``labelled/adwin``: 1 / (1 + u) for u messages without labels since the last one with; a fall says
      that fewer messages get labels. `before` and `after` are messages without labels for each with some.
    * ``delay/adwin``: log(1 + n) / log(1,000,001) for labels that came n messages after their message's
      prediction; a rise says that they come later. `before` and `after` are such n, of the mean figure.

    When no labels come at all, nothing is observed and no alarm can be raised: watch the service's
    counters of learned messages for that.
    """

    def __init__(self) -> None:
        super().__init__(
            Series("labelled", "feedback", unit=lambda share: 1.0 / share - 1.0),
            Series("delay", "feedback", unit=lambda late: math.expm1(late * LOG_LATEST)),
        )

    def update(self, observation: Observation) -> list[Alarm]:
        """See `Monitor`."""
        late = min(1.0, math.log1p(observation.delay) / LOG_LATEST)
        return self._update(1.0 / (1 + observation.unlabelled), late)
