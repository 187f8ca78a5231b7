"""DDM: the error rate compared with its lowest value so far."""

from __future__ import annotations

import math

from drift.core import check_number
from drift.detectors.base import UNDECIDED, RunningMean, SequentialTest


class DDM(SequentialTest):
    """Drift detection method: the error rate plus its deviation, compared with their lowest sum so far.

    Takes the parameters of `river.drift.binary.DDM`; detects rises only. If the first `warm_start` values
    contain no error, the next error is a drift.

    Examples
    --------
    >>> detector = DDM()
    >>> for n in range(300):
    ...     detector.update(float(n % 10 == 0 or n >= 200))
    ...     if detector.drift_detected:
    ...         print(n, round(detector.statistic, 3), round(detector.threshold, 3))
    209 0.167 0.164

    References
    ----------
    J. Gama, P. Medas, G. Castillo and P. Rodrigues. Learning with drift detection. SBIA 2004.
    """

    _count = "_errors.n"
    _figures = ("_errors.n", "_errors.mean", "_least_rate", "_least_deviation", "_least")

    def __init__(
        self, warm_start: int = 30, warning_threshold: float = 2.0, drift_threshold: float = 3.0
    ) -> None:
        check_number(self, "warm_start", warm_start, int, 0)
        check_number(self, "warning_threshold", warning_threshold, float, 0)
        check_number(self, "drift_threshold", drift_threshold, float, 0)
        self.warm_start = warm_start
        self.warning_threshold = warning_threshold
        self.drift_threshold = drift_threshold
        super().__init__()

    def _restart(self) -> None:
        super()._restart()
        self._errors = RunningMean()
        # Rate and deviation where their sum was lowest; undefined during the warm start.
        self._least_rate = self._least_deviation = math.nan
        self._least = math.inf

    def _add(self, value: float) -> None:
        self._errors.update(value)
        if self._errors.n <= self.warm_start:
            return
        rate, deviation = self._errors.mean, self._deviation()
        if rate + deviation <= self._least:
            self._least_rate, self._least_deviation = rate, deviation
            self._least = rate + deviation
        self.drift_detected = rate + deviation > self._bound(self.drift_threshold)
        self.warning = not self.drift_detected and rate + deviation > self._bound(self.warning_threshold)

    def _deviation(self) -> float:
        rate = self._errors.mean
        return math.sqrt(rate * (1 - rate) / self._errors.n)

    def _bound(self, deviations: float) -> float:
        return self._least_rate + deviations * self._least_deviation

    def _compared(self) -> tuple[float, float]:
        if math.isnan(self._least_rate):
            return UNDECIDED
        return self._errors.mean + self._deviation(), self._bound(self.drift_threshold)
