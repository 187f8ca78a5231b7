"""Page-Hinkley, as river has it."""

from __future__ import annotations

from river import drift

from drift.detectors.river_detector import UNDECIDED, RiverDetector


class PageHinkley(RiverDetector):
    """Page-Hinkley: the cumulated deviation from the running mean, against its extreme so far.

    Takes the parameters of `river.drift.PageHinkley`; both directions by default, a fall is negative.

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

    _count = "_x_mean.n"
    _fields = (
        "_x_mean.n",
        "_x_mean._mean",
        "_sum_increase",
        "_sum_decrease",
        "_min_increase",
        "_max_decrease",
    )

    def __init__(
        self,
        min_instances: int = 30,
        delta: float = 0.005,
        threshold: float = 50.0,
        alpha: float = 0.9999,
        mode: str = "both",
    ) -> None:
        super().__init__(drift.PageHinkley(min_instances, delta, threshold, alpha, mode))

    def _figures(self) -> tuple[float, float]:
        river = self._river
        if self.window < river.min_instances:
            return UNDECIDED
        rise = river._sum_increase - river._min_increase if river.mode != "down" else 0.0
        fall = river._max_decrease - river._sum_decrease if river.mode != "up" else 0.0
        return (rise if rise >= fall else -fall), river.threshold
