"""river's detectors, with the figures they decide by and a state that is plain numbers."""

from __future__ import annotations

import abc
import math
import operator
import random
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from river import drift, stats


class RiverDetector(abc.ABC):
    """What river's detectors have in common; see `drift.detectors.Detector`.

    `_fields` are the attributes of river's object that change while it runs, `_count` the one that counts
    values. They are river's own and not its promise; the tests hold every detector against an
    uninterrupted river one, so that a release that renames or adds one is noticed there.
    """

    _fields: ClassVar[tuple[str, ...]]
    _count: ClassVar[str]

    def __init__(self, detector: Any) -> None:
        self._river = detector

    @property
    def drift_detected(self) -> bool:
        """See `Detector`."""
        return bool(self._river.drift_detected)

    @property
    def warning(self) -> bool:
        """See `Detector`."""
        return bool(getattr(self._river, "warning_detected", False))

    @property
    def statistic(self) -> float:
        """See `Detector`."""
        return self._figures()[0]

    @property
    def threshold(self) -> float:
        """See `Detector`."""
        return self._figures()[1]

    @property
    def window(self) -> int:
        """Values the figures are about: those since the last drift, unless the detector says otherwise."""
        return int(operator.attrgetter(self._count)(self._river))

    @abc.abstractmethod
    def _figures(self) -> tuple[float, float]:
        """Return statistic and threshold."""

    def update(self, value: float) -> None:
        """See `Detector`."""
        self._river.update(value)

    def state(self) -> dict[str, Any]:
        """See `Detector`."""
        values = [_number(operator.attrgetter(field)(self._river)) for field in self._all_fields()]
        return {"values": np.array(values, dtype=np.float64)}

    def load_state(self, state: dict[str, Any]) -> None:
        """See `Detector`."""
        for field, value in zip(self._all_fields(), np.asarray(state["values"]).tolist(), strict=True):
            parent, _, name = field.rpartition(".")
            owner = operator.attrgetter(parent)(self._river) if parent else self._river
            setattr(owner, name, None if math.isnan(value) else value)

    def _all_fields(self) -> Sequence[str]:
        warns = hasattr(self._river, "_warning_detected")
        return ("_drift_detected", *(("_warning_detected",) if warns else ()), *self._fields)


_UNDECIDED = 0.0, math.inf


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
            return _UNDECIDED
        rise = river._sum_increase - river._min_increase if river.mode != "down" else 0.0
        fall = river._max_decrease - river._sum_decrease if river.mode != "up" else 0.0
        return (rise if rise >= fall else -fall), river.threshold


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
            return _UNDECIDED
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
            return _UNDECIDED
        distances = river._error_distances
        return 1 - (distances.mean.get() + 2 * distances.get() ** 0.5) / river._p2s_prime_max, 1 - river.beta


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
            return _UNDECIDED
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
            return _UNDECIDED
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


class KSWIN(RiverDetector):
    """Kolmogorov-Smirnov test between the latest values of a window and a sample of its older ones.

    Takes the parameters of `river.drift.KSWIN`, the seed of the sampling among them, which has no default.
    Statistic and threshold are minus the decimal logarithm of p and of `alpha`. A test for every value
    costs far more than any other detector here.

    References
    ----------
    C. Raab, M. Heusinger and F.-M. Schleif. Reactive soft prototype computing for concept drift streams.
    Neurocomputing, 2020.
    """

    _fields = ("p_value", "n")

    def __init__(self, seed: int, alpha: float = 0.005, window_size: int = 100, stat_size: int = 30) -> None:
        super().__init__(drift.KSWIN(alpha, window_size, stat_size, seed))

    @property
    def window(self) -> int:
        """Latest values that are compared with the older ones."""
        return int(self._river.stat_size)

    def _figures(self) -> tuple[float, float]:
        river = self._river
        if river.n < river.window_size:
            return _UNDECIDED
        return -math.log10(max(river.p_value, 1e-300)), -math.log10(river.alpha)

    def state(self) -> dict[str, Any]:
        """See `Detector`."""
        version, words, _ = self._river._rng.getstate()
        return super().state() | {
            "window": np.array(self._river.window, dtype=np.float64),
            "random": np.array([version, *words], dtype=np.uint32),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """See `Detector`."""
        super().load_state(state)
        self._river.window.clear()
        self._river.window.extend(np.asarray(state["window"]).tolist())
        version, *words = np.asarray(state["random"]).tolist()
        self._river._rng = random.Random()
        self._river._rng.setstate((version, tuple(words), None))


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
