"""Page-Hinkley: the cumulative deviation from the running mean."""

from __future__ import annotations

import math

from drift.core import State, check_choice, check_number
from drift.detectors.base import UNDECIDED, RunningMean, SequentialTest

MODES = ("up", "down", "both")


class PageHinkley(SequentialTest):
    """Page-Hinkley: the cumulative deviation from the running mean, compared with its extreme so far.

    Takes the parameters of `river.drift.PageHinkley`; detects both directions by default, a fall is negative.

    Examples
    --------
    >>> detector = PageHinkley(threshold=5.0)
    >>> for n in range(200):
    ...     detector.update(float(n >= 100))
    ...     if detector.drift_detected:
    ...         print(n, round(detector.statistic, 2), detector.threshold)
    105 5.77 5.0

    References
    ----------
    E. S. Page. Continuous inspection schemes. Biometrika 41, 1954.
    """

    _warns = False
    _count = "_mean.n"
    _figures = ("_mean.n", "_mean.mean", "_rise", "_fall", "_least_rise", "_most_fall")

    def __init__(
        self,
        min_instances: int = 30,
        delta: float = 0.005,
        threshold: float = 50.0,
        alpha: float = 0.9999,
        mode: str = "both",
    ) -> None:
        check_number(self, "min_instances", min_instances, int, 0)
        check_number(self, "delta", delta, float, 0)
        check_number(self, "threshold", threshold, float, 0)
        check_number(self, "alpha", alpha, float, 0, 1)
        check_choice(self, "mode", mode, MODES)
        self.min_instances = min_instances
        self.delta = delta
        self.limit = threshold
        self.alpha = alpha
        self.mode = mode
        super().__init__()

    def _made(self) -> State:
        # The attribute `threshold` is the statistic's, which is infinite at first.
        return super()._made() | {"threshold": self.limit}

    def _restart(self) -> None:
        super()._restart()
        self._mean = RunningMean()
        # The cumulative deviations, and their extremes.
        self._rise = self._fall = 0.0
        self._least_rise, self._most_fall = math.inf, -1.0

    def _add(self, value: float) -> None:
        self._mean.update(value)
        deviation = value - self._mean.mean
        self._rise = self.alpha * self._rise + deviation - self.delta
        self._fall = self.alpha * self._fall + deviation + self.delta
        self._least_rise = min(self._least_rise, self._rise)
        self._most_fall = max(self._most_fall, self._fall)
        statistic, limit = self._compared()
        self.drift_detected = abs(statistic) > limit

    def _compared(self) -> tuple[float, float]:
        if self._mean.n < self.min_instances:
            return UNDECIDED
        rise = self._rise - self._least_rise if self.mode != "down" else 0.0
        fall = self._most_fall - self._fall if self.mode != "up" else 0.0
        return (rise if rise >= fall else -fall), self.limit
