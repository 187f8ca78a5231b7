"""Input quality: missing features, length and script of the text."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from drift.alarms import Alarm, Observation, Series, SeriesMonitor
from drift.core import Arrays, Floats, Values, compiled, fields

LOG_LONGEST_TEXT = math.log2(1e6)
"""Logarithm at which lengths of texts, in bytes, are capped: a million bytes and more are the same value."""
REFERENCE_TEXTS = 1000
"""Effective number of recent texts in the reference byte frequencies."""


class InputMonitor(SeriesMonitor):
    """Watches the input, independently of predictions and labels. Scope *input*.

    * ``missing/adwin``: the share of the vector's values that are missing.
    * ``length/adwin``: the logarithm of the text's length in bytes; `before` and `after` are bytes.
    * ``bytes/adwin``: the similarity of the text's byte frequencies to those of recent texts (1 minus the
      squared Hellinger distance). It falls with another language, script, encoding or format.

    Examples
    --------
    >>> monitor = InputMonitor()
    >>> nothing = np.zeros(0, dtype=np.intp)
    >>> for n in range(400):
    ...     text = "wheat prices rose again" if n < 300 else "цены на пшеницу снова выросли"
    ...     for alarm in monitor.update(Observation(nothing, nothing, text=text)):
    ...         print(n, alarm.detector, f"{alarm.statistic:.2f}", alarm.since)
    320 bytes/adwin -0.65 24
    """

    state_fields = fields(Arrays("_usual"), Values("_texts"))

    def __init__(self) -> None:
        super().__init__(
            Series("missing", "input"),
            Series("length", "input", unit=lambda length: 2.0 ** (length * LOG_LONGEST_TEXT) - 1.0),
            Series("bytes", "input"),
        )
        self._usual: Floats = np.zeros(256)
        self._texts = 0

    def update(self, observation: Observation) -> list[Alarm]:
        """See `Monitor`."""
        x, text = observation.x, observation.text
        missing = None if x is None or not len(x) else float(np.count_nonzero(np.isnan(x)) / len(x))
        if not text:
            return self._update(missing, None, None)
        raw = np.frombuffer(text.encode(errors="replace"), dtype=np.uint8)
        return self._update(
            missing, min(1.0, math.log2(1 + len(raw)) / LOG_LONGEST_TEXT), self._likeness(raw)
        )

    def _likeness(self, raw: NDArray[np.uint8]) -> float | None:
        self._texts += 1
        roots, usual = _roots(raw, self._usual, min(self._texts, REFERENCE_TEXTS))
        return min(1.0, float(roots @ usual)) if self._texts > 1 else None


@compiled
def _roots(raw: NDArray[np.uint8], usual: Floats, texts: int) -> tuple[Floats, Floats]:
    """Return the roots of a text's byte frequencies and of the usual ones, and add the text to these."""
    counts, roots, usual_roots = np.zeros(256, np.int64), np.empty(256), np.sqrt(usual)
    for byte in raw:
        counts[byte] += 1
    for byte in range(256):
        root = math.sqrt(counts[byte] / len(raw))
        roots[byte] = root
        usual[byte] += (root * root - usual[byte]) / texts
    return roots, usual_roots
