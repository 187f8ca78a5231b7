"""Feedback: the share of messages that get labels, and the delay of the labels."""

from __future__ import annotations

import math

from drift.alarms import Alarm, Observation, Series, SeriesMonitor

LOG_LATEST = math.log1p(1e6)
"""Logarithm at which delays are capped: a million messages and more are the same value."""


class FeedbackMonitor(SeriesMonitor):
    """Watches the flow of labels. Scope *feedback*.

    * ``labelled/adwin``: 1 / (1 + u) for u messages without labels since the last labelled one; a fall means
      that fewer messages are labelled. `before` and `after` are unlabelled messages per labelled one.
    * ``delay/adwin``: log(1 + n) / log(1,000,001) for labels that came n messages after their message's
      prediction; a rise means that they come later. `before` and `after` are the n of the mean value.

    Without any labels there are no observations and no alarms: watch the service's counters of learned
    messages for that case.
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
