"""DDM and EDDM, as river has them: error rates, and distances between errors."""

from __future__ import annotations

import math

from river import drift

from drift.detectors.river_detector import UNDECIDED, RiverDetector


class DDM(RiverDetector):
    """Drift detection method: the error rate plus its deviation, against the lowest it has been.

    Takes the parameters of `river.drift.binary.DDM`; sees rises only. A stream without one error in its
    first `warm_start` values makes the next error a drift.

    References
    ----------
    J. Gama, P. Medas, G. Castillo and P. Rodrigues. Learning with drift detection. SBIA 2004.
    """

    _count = "_p.n"
    _fields = ("_p.n", "_p._mean", "_p_min", "_s_min", "_ps_min")

    def __init__(
        self, warm_start: int = 30, warning_threshold: float = 2.0, drift_threshold: float = 3.0
    ) -> None:
        super().__init__(drift.binary.DDM(warm_start, warning_threshold, drift_threshold))

    def _figures(self) -> tuple[float, float]:
        river = self._river
        if river._p_min is None:
            return UNDECIDED
        rate = river._p.get()
        deviation = math.sqrt(rate * (1 - rate) / river._p.n)
        return rate + deviation, river._p_min + river.drift_threshold * river._s_min


class EDDM(RiverDetector):
    """Early drift detection method: how far the distance between errors has shrunk from its largest.

    Takes the parameters of `river.drift.binary.EDDM`; sees rises only, and counts only values of exactly
    1 as errors.

    References
    ----------
    M. Baena-García et al. Early drift detection method. 4th workshop on knowledge discovery from data
    streams, 2006.
    """

    _count = "_n"
    _fields = (
        "_error_distances.mean.n",
        "_error_distances.mean._mean",
        "_error_distances._S",
        "_n",
        "_last_error",
        "_n_errors",
        "_p2s_prime_max",
    )

    def __init__(self, warm_start: int = 30, alpha: float = 0.95, beta: float = 0.9) -> None:
        super().__init__(drift.binary.EDDM(warm_start, alpha, beta))

    def _figures(self) -> tuple[float, float]:
        river = self._river
        if river._n_errors <= river.warm_start or river._p2s_prime_max <= 0:
            return UNDECIDED
        distances = river._error_distances
        return 1 - (distances.mean.get() + 2 * distances.get() ** 0.5) / river._p2s_prime_max, 1 - river.beta
