"""HDDM with averages and with weighted averages, as river has them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from river import drift, stats

from drift.detectors.river_detector import UNDECIDED, RiverDetector


class HDDMA(RiverDetector):
    """Hoeffding's bound on averages: the mean of all values, against the mean at the lowest point.

    Takes the parameters of `river.drift.binary.HDDMA`; rises only, unless `two_sided_test`.

    References
    ----------
    I. Frías-Blanco et al. Online and non-parametric drift detection methods based on Hoeffding's bounds.
    IEEE TKDE 27(3), 2015.
    """

    _count = "_z.n"
    _fields = ("_z.n", "_z._mean", "_x_min.n", "_x_min._mean", "_x_max.n", "_x_max._mean")

    def __init__(
        self,
        drift_confidence: float = 0.001,
        warning_confidence: float = 0.005,
        two_sided_test: bool = False,
    ) -> None:
        hddma: Any = drift.binary.HDDMA  # river leaves these two untyped
        super().__init__(hddma(drift_confidence, warning_confidence, two_sided_test))

    def _figures(self) -> tuple[float, float]:
        rise = self._against(self._river._x_min)
        if not self._river.two_sided_test:
            return rise
        return max(rise, self._against(self._river._x_max), key=lambda figures: abs(figures[0]) / figures[1])

    def _against(self, reference: stats.Mean) -> tuple[float, float]:
        now = self._river._z
        if reference.n in (0, now.n):
            return UNDECIDED
        span = (now.n - reference.n) / reference.n / now.n
        return now.get() - reference.get(), math.sqrt(span / 2 * math.log(2 / self._river.drift_confidence))


class HDDMW(RiverDetector):
    """McDiarmid's bound on weighted averages: recent values, against those up to the lowest point.

    Takes the parameters of `river.drift.binary.HDDMW`; rises only, unless `two_sided_test`.

    References
    ----------
    I. Frías-Blanco et al. Online and non-parametric drift detection methods based on Hoeffding's bounds.
    IEEE TKDE 27(3), 2015.
    """

    _fields = ("_incr_cutpoint", "_decr_cutpoint")
    _samples = ("_total", "_s1_incr", "_s2_incr", "_s1_decr", "_s2_decr")

    def __init__(
        self,
        drift_confidence: float = 0.001,
        warning_confidence: float = 0.005,
        lambda_val: float = 0.05,
        two_sided_test: bool = False,
    ) -> None:
        hddmw: Any = drift.binary.HDDMW
        super().__init__(hddmw(drift_confidence, warning_confidence, lambda_val, two_sided_test))
        self._seen = 0

    @property
    def window(self) -> int:
        """Values that weigh: the length of the exponential window, or fewer since the last drift."""
        return min(self._seen, math.ceil(2 / float(self._river.lambda_val)))

    def _figures(self) -> tuple[float, float]:
        river = self._river
        rise = self._between(river._s1_incr, river._s2_incr)
        if not river.two_sided_test:
            return rise
        fall = self._between(river._s1_decr, river._s2_decr)
        return max(rise, fall, key=lambda figures: abs(figures[0]) / figures[1])

    def _between(self, first: Any, second: Any) -> tuple[float, float]:
        if not (first.is_init and second.is_init):
            return UNDECIDED
        bound = math.sqrt((first.ibc + second.ibc) * math.log(1 / self._river.drift_confidence) / 2)
        return second.ewma - first.ewma, bound

    def update(self, value: float) -> None:
        """See `Detector`."""
        self._seen = 1 if self.drift_detected else self._seen + 1
        super().update(value)

    def state(self) -> dict[str, Any]:
        """See `Detector`."""
        samples = [getattr(self._river, name) for name in self._samples]
        figures = [[sample.ewma, sample.is_init, sample.ibc] for sample in samples]
        return super().state() | {"samples": np.array(figures, dtype=np.float64), "seen": self._seen}

    def load_state(self, state: dict[str, Any]) -> None:
        """See `Detector`."""
        super().load_state(state)
        self._seen = state["seen"]
        samples = np.asarray(state["samples"]).tolist()
        for name, (mean, known, bound) in zip(self._samples, samples, strict=True):
            sample = getattr(self._river, name)
            # The mean is a compiled object; its first value becomes the mean as it is.
            sample._ewma = stats.EWMean(self._river.lambda_val)
            if known:
                sample._ewma.update(mean)
            sample._is_init, sample._ibc = bool(known), bound
