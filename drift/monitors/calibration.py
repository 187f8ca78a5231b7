"""Calibration: whether predicted probabilities still match observed frequencies."""

from __future__ import annotations

import numpy as np

from drift.alarms import Alarm, Observation, shifted
from drift.core import Inlined, Stateful, fields
from drift.statistics import MeanBank

SCORE_RANGES = 5


class CalibrationMonitor(Stateful):
    """Watches how often the most probable label is true, separately for each range of its probability.

    Scope *calibration*, detector ``calibration/means``, subject such as "0.6 to 0.8"; `before` and `after`
    are the shares of messages in which it was true. Statistic and threshold are nats of evidence; see
    `drift.alarms.shifted`. Messages with incomplete labels are skipped.

    Parameters
    ----------
    budget
        False alarms per 100,000 messages for all ranges together; see `Bank`.
    """

    state_fields = fields(Inlined("_bank"))

    def __init__(self, budget: float = 1.0) -> None:
        self._bank = MeanBank(budget)

    def update(self, observation: Observation) -> list[Alarm]:
        """See `Monitor`."""
        if observation.best is None or not observation.complete:
            return []
        best, score = observation.best
        place = min(SCORE_RANGES - 1, int(SCORE_RANGES * score))
        right = np.array([float(best in observation.actual.tolist())])
        return [
            shifted(
                "calibration/means",
                "calibration",
                f"{shift.series / SCORE_RANGES:.1f} to {(shift.series + 1) / SCORE_RANGES:.1f}",
                shift,
            )
            for shift in self._bank.update(np.array([place]), right)
        ]
