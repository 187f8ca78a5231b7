"""HDDM: drift detection with Hoeffding's bound on averages and McDiarmid's bound on weighted averages."""

from __future__ import annotations

import copy
import dataclasses
import math

import numpy as np

from drift.core import State, check_flag, check_number
from drift.detectors.base import UNDECIDED, RunningMean, SequentialTest


class HDDMA(SequentialTest):
    """Hoeffding's bound on averages: the mean of all values, compared with the mean at its lowest point.

    Takes the parameters of `river.drift.binary.HDDMA`; detects rises only, unless `two_sided_test`.

    References
    ----------
    I. Frías-Blanco et al. Online and non-parametric drift detection methods based on Hoeffding's bounds.
    IEEE TKDE 27(3), 2015.
    """

    _count = "_all.n"
    _figures = ("_all.n", "_all.mean", "_lowest.n", "_lowest.mean", "_highest.n", "_highest.mean")

    def __init__(
        self,
        drift_confidence: float = 0.001,
        warning_confidence: float = 0.005,
        two_sided_test: bool = False,
    ) -> None:
        _check(self, drift_confidence, warning_confidence, two_sided_test)
        self.drift_confidence = drift_confidence
        self.warning_confidence = warning_confidence
        self.two_sided_test = two_sided_test
        super().__init__()

    def _restart(self) -> None:
        super()._restart()
        # The mean of all values, and its copies where mean + bound was lowest and mean - bound highest.
        self._all, self._lowest, self._highest = RunningMean(), RunningMean(), RunningMean()

    def _add(self, value: float) -> None:
        now = self._all
        now.update(value)
        bound = self._hoeffding(now)
        if not self._lowest.n or self._lowest.mean + self._hoeffding(self._lowest) >= now.mean + bound:
            self._lowest = copy.copy(now)
        if not self._highest.n or self._highest.mean - self._hoeffding(self._highest) <= now.mean - bound:
            self._highest = copy.copy(now)
        rise, fall = now.mean - self._lowest.mean, self._highest.mean - now.mean
        self.drift_detected = rise >= self._bound(self._lowest, self.drift_confidence)
        self.warning = not self.drift_detected and rise >= self._bound(self._lowest, self.warning_confidence)
        if self.two_sided_test:
            if fall >= self._bound(self._highest, self.drift_confidence):
                self.drift_detected = True
            elif fall >= self._bound(self._highest, self.warning_confidence):
                self.warning = True

    def _hoeffding(self, mean: RunningMean) -> float:
        return math.sqrt(1.0 / (2 * mean.n) * math.log(1.0 / self.drift_confidence))

    def _bound(self, reference: RunningMean, confidence: float) -> float:
        """Return how far the mean of all values may be from the reference; infinity for the same values."""
        n = self._all.n
        if reference.n in (0, n):
            return math.inf
        return math.sqrt((n - reference.n) / reference.n * (1.0 / n) / 2 * math.log(2.0 / confidence))

    def _compared(self) -> tuple[float, float]:
        rise = self._against(self._lowest)
        if not self.two_sided_test:
            return rise
        return max(rise, self._against(self._highest), key=lambda figures: abs(figures[0]) / figures[1])

    def _against(self, reference: RunningMean) -> tuple[float, float]:
        bound = self._bound(reference, self.drift_confidence)
        return UNDECIDED if bound == math.inf else (self._all.mean - reference.mean, bound)


@dataclasses.dataclass(slots=True)
class WeightedMean:
    """An exponentially weighted mean, and the sum of its squared weights, which bounds its deviation."""

    mean: float = 0.0
    known: bool = False
    squares: float = 1.0

    def update(self, value: float, weight: float) -> None:
        """Take in one value with a weight; earlier values keep the remaining weight."""
        self.mean = weight * value + (1 - weight) * self.mean if self.known else value
        self.squares = weight * weight + (1 - weight) ** 2 * self.squares
        self.known = True


class HDDMW(SequentialTest):
    """McDiarmid's bound on weighted averages: recent values, compared with those up to the lowest point.

    Takes the parameters of `river.drift.binary.HDDMW`; detects rises only, unless `two_sided_test`.

    References
    ----------
    I. Frías-Blanco et al. Online and non-parametric drift detection methods based on Hoeffding's bounds.
    IEEE TKDE 27(3), 2015.
    """

    _figures = ("_lowest", "_highest")
    _means = ("_all", "_up_to_lowest", "_since_lowest", "_up_to_highest", "_since_highest")

    def __init__(
        self,
        drift_confidence: float = 0.001,
        warning_confidence: float = 0.005,
        lambda_val: float = 0.05,
        two_sided_test: bool = False,
    ) -> None:
        _check(self, drift_confidence, warning_confidence, two_sided_test)
        check_number(self, "lambda_val", lambda_val, float, 0, 1, open_low=True)
        self.drift_confidence = drift_confidence
        self.warning_confidence = warning_confidence
        self.lambda_val = lambda_val
        self.two_sided_test = two_sided_test
        super().__init__()

    def _restart(self) -> None:
        super()._restart()
        self._all = WeightedMean()
        # The lowest upper bound of the mean, and the highest lower bound; the means up to them and since.
        self._lowest, self._highest = math.inf, -math.inf
        self._up_to_lowest, self._since_lowest = WeightedMean(), WeightedMean()
        self._up_to_highest, self._since_highest = WeightedMean(), WeightedMean()
        self._seen = 0

    @property
    def window(self) -> int:
        """Effective number of values: the length of the exponential window, or fewer since the last drift."""
        return min(self._seen, math.ceil(2 / self.lambda_val))

    def _add(self, value: float) -> None:
        self._seen += 1
        self._all.update(value, self.lambda_val)
        bound = self._mcdiarmid(self._all.squares, self.drift_confidence)
        if self._all.mean + bound < self._lowest:
            self._lowest = self._all.mean + bound
            self._up_to_lowest, self._since_lowest = copy.copy(self._all), WeightedMean()
        else:
            self._since_lowest.update(value, self.lambda_val)
        if self._all.mean - bound > self._highest:
            self._highest = self._all.mean - bound
            self._up_to_highest, self._since_highest = copy.copy(self._all), WeightedMean()
        else:
            self._since_highest.update(value, self.lambda_val)
        self.drift_detected = self._rises(self.drift_confidence)
        self.warning = not self.drift_detected and self._rises(self.warning_confidence)
        if self.two_sided_test:
            if self._falls(self.drift_confidence):
                self.drift_detected = True
            elif self._falls(self.warning_confidence):
                self.warning = True

    def _mcdiarmid(self, squares: float, confidence: float) -> float:
        return math.sqrt(squares * math.log(1 / confidence) / 2)

    def _rises(self, confidence: float) -> bool:
        difference, bound = self._between(self._up_to_lowest, self._since_lowest, confidence)
        return difference > bound

    def _falls(self, confidence: float) -> bool:
        difference, bound = self._between(self._up_to_highest, self._since_highest, confidence)
        return -difference > bound

    def _between(self, first: WeightedMean, second: WeightedMean, confidence: float) -> tuple[float, float]:
        if not (first.known and second.known):
            return UNDECIDED
        return second.mean - first.mean, self._mcdiarmid(first.squares + second.squares, confidence)

    def _compared(self) -> tuple[float, float]:
        rise = self._between(self._up_to_lowest, self._since_lowest, self.drift_confidence)
        if not self.two_sided_test:
            return rise
        fall = self._between(self._up_to_highest, self._since_highest, self.drift_confidence)
        return max(rise, fall, key=lambda figures: abs(figures[0]) / figures[1])

    def state(self) -> State:
        """See `Detector`."""
        means = [dataclasses.astuple(getattr(self, name)) for name in self._means]
        return super().state() | {"samples": np.array(means, dtype=np.float64), "seen": self._seen}

    def load_state(self, state: State) -> None:
        """See `Detector`."""
        super().load_state(state)
        self._seen = state["seen"]
        means = np.asarray(state["samples"]).tolist()
        for name, (mean, known, squares) in zip(self._means, means, strict=True):
            setattr(self, name, WeightedMean(mean, bool(known), squares))


def _check(owner: object, drift_confidence: float, warning_confidence: float, two_sided_test: bool) -> None:
    check_number(owner, "drift_confidence", drift_confidence, float, 0, 1, open_low=True)
    check_number(owner, "warning_confidence", warning_confidence, float, 0, 1, open_low=True)
    check_flag(owner, "two_sided_test", two_sided_test)
