"""EDDM: the distance between errors compared with its largest value so far."""

from __future__ import annotations

from drift.core import check_number
from drift.detectors.base import UNDECIDED, RunningMean, SequentialTest


class EDDM(SequentialTest):
    """Early drift detection method: how far the distance between errors has shrunk from its maximum.

    Takes the parameters of `river.drift.binary.EDDM`; detects rises only, and counts only values of exactly
    1 as errors.

    Examples
    --------
    >>> detector = EDDM()
    >>> for n in range(300):
    ...     detector.update(float(n % 10 == 0 or n >= 200))
    ...     if detector.drift_detected:
    ...         print(n, round(detector.statistic, 3), round(detector.threshold, 3))
    215 0.1 0.1

    References
    ----------
    M. Baena-García et al. Early drift detection method. 4th workshop on knowledge discovery from data
    streams, 2006.
    """

    _count = "_seen"
    _figures = (
        "_distances.n",
        "_distances.mean",
        "_squares",
        "_seen",
        "_last_error",
        "_errors",
        "_largest",
    )

    def __init__(self, warm_start: int = 30, alpha: float = 0.95, beta: float = 0.9) -> None:
        check_number(self, "warm_start", warm_start, int, 0)
        check_number(self, "alpha", alpha, float, 0)
        check_number(self, "beta", beta, float, 0)
        if alpha < beta:
            raise ValueError(f"EDDM needs alpha of at least beta. Got {alpha!r} and {beta!r} instead.")
        self.warm_start = warm_start
        self.alpha = alpha
        self.beta = beta
        super().__init__()

    def _restart(self) -> None:
        super()._restart()
        # Of the distances between errors: their mean, and the sum of their squared deviations from it.
        self._distances = RunningMean()
        self._squares = 0.0
        self._seen = self._last_error = self._errors = 0
        self._largest = -1.0

    def _add(self, value: float) -> None:
        self._seen += 1
        if value != 1:
            return
        self._errors += 1
        distance, before = self._seen - self._last_error, self._distances.mean
        self._distances.update(distance)
        self._squares += (distance - before) * (distance - self._distances.mean)
        self._last_error = self._seen
        if self._seen <= self.warm_start:
            return
        if self._spread() > self._largest:
            self._largest = self._spread()
        elif self._errors > self.warm_start:
            level = self._spread() / self._largest
            if level < self.beta:
                self.drift_detected = True
            else:
                self.warning = level < self.alpha

    def _spread(self) -> float:
        """Return the mean distance plus two standard deviations."""
        n = self._distances.n
        variance = self._squares / (n - 1) if n > 1 else 0.0
        spread: float = self._distances.mean + 2 * variance**0.5
        return spread

    def _compared(self) -> tuple[float, float]:
        if self._errors <= self.warm_start or self._largest <= 0:
            return UNDECIDED
        return 1 - self._spread() / self._largest, 1 - self.beta
