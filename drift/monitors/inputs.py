"""Input quality: missing features, length and script of the text."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from drift.alarms import Alarm, Observation, Series, SeriesMonitor
from drift.core import Arrays, Floats, Values, fields

LOG_LONGEST_TEXT = math.log2(1e6)
"""Texts from a million bytes on count as one."""
REFERENCE_TEXTS = 1000
"""Texts that the usual byte frequencies are a mean of."""


class InputMonitor(SeriesMonitor):
    """Watches what comes in, before anybody's judgement of it. Scope *input*.

    * ``missing/adwin``: the share of the vector that is missing.
    * ``length/adwin``: the logarithm of the text's length in bytes; `before` and `after` are bytes.
    * ``bytes/adwin``: how much the text's byte frequencies are like those of the last texts (1 minus the
      squared Hellinger distance). Another language, script, encoding or format makes it fall.

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
        roots = np.sqrt(np.bincount(raw, minlength=256) / len(raw))
        likeness = float(roots @ np.sqrt(self._usual)) if self._texts else None
        self._texts += 1
        self._usual += (roots * roots - self._usual) / min(self._texts, REFERENCE_TEXTS)
        return likeness if likeness is None else min(1.0, likeness)
