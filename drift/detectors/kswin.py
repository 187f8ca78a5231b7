"""KSWIN: the latest values of a window compared with a sample of its older ones."""

from __future__ import annotations

import collections
import math
import random
import warnings
from itertools import islice

import numpy as np
from scipy.stats import ks_2samp

from drift.core import State, check_number
from drift.detectors.base import UNDECIDED, SequentialTest

LEAST_DISTANCE = 0.1
"""Kolmogorov-Smirnov distance, in [0, 1], that a drift must exceed whatever its p-value; as in river."""


class KSWIN(SequentialTest):
    """Kolmogorov-Smirnov test between the latest values of a window and a sample of its older ones.

    Takes the parameters of `river.drift.KSWIN`; `seed`, of the sampling, has no default. Statistic and
    threshold are the negative decimal logarithms of the p-value and of `alpha`. It runs a test for every
    value, which costs far more than any other detector here.

    References
    ----------
    C. Raab, M. Heusinger and F.-M. Schleif. Reactive soft prototype computing for concept drift streams.
    Neurocomputing, 2020.
    """

    _warns = False
    _figures = ("_p", "_seen")

    def __init__(self, seed: int, alpha: float = 0.005, window_size: int = 100, stat_size: int = 30) -> None:
        check_number(self, "seed", seed, int, -math.inf)
        check_number(self, "alpha", alpha, float, 0, 1, open_low=True)
        check_number(self, "window_size", window_size, int, 2)
        # As many older values are sampled, each once.
        check_number(self, "stat_size", stat_size, int, 1, window_size // 2)
        self.seed = seed
        self.alpha = alpha
        self.window_size = window_size
        self.stat_size = stat_size
        super().__init__()

    def _restart(self) -> None:
        super()._restart()
        self._p = 0.0
        self._seen = 0
        self._values: collections.deque[float] = collections.deque(maxlen=self.window_size)
        self._random = random.Random(self.seed)

    @property
    def window(self) -> int:
        """Number of latest values that are compared with the older ones."""
        return self.stat_size

    def _add(self, value: float) -> None:
        self._seen += 1
        self._values.append(value)
        if len(self._values) < self.window_size:
            return
        older = self.window_size - self.stat_size
        sample = [self._values[place] for place in self._random.sample(range(older), self.stat_size)]
        latest = list(islice(self._values, older, None))
        with warnings.catch_warnings():
            # With too many values for an exact p-value, scipy warns and returns the asymptotic one.
            warnings.simplefilter("ignore", category=RuntimeWarning)
            distance, self._p = ks_2samp(sample, latest, method="auto")
        self.drift_detected = bool(self._p <= self.alpha and distance > LEAST_DISTANCE)

    def _compared(self) -> tuple[float, float]:
        if self._seen < self.window_size:
            return UNDECIDED
        return -math.log10(max(self._p, 1e-300)), -math.log10(self.alpha)

    def state(self) -> State:
        """See `Detector`."""
        version, words, _ = self._random.getstate()
        return super().state() | {
            "window": np.array(self._values, dtype=np.float64),
            "random": np.array([version, *words], dtype=np.uint32),
        }

    def load_state(self, state: State) -> None:
        """See `Detector`."""
        super().load_state(state)
        self._values = collections.deque(np.asarray(state["window"]).tolist(), self.window_size)
        version, *words = np.asarray(state["random"]).tolist()
        self._random.setstate((version, tuple(words), None))
