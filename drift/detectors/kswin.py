"""KSWIN, as river has it."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
from river import drift

from drift.detectors.river_detector import UNDECIDED, RiverDetector


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
            return UNDECIDED
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
