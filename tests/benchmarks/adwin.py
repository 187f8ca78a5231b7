"""ADWIN beside river's: microseconds per value, including the check for a cut.

Run `python -m tests.benchmarks.adwin [--scale 1.0]`. Target: no more than river's, on values that are 0
or 1, on fractions and on a stream that changes every thousand values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from river import drift

from drift.detectors import ADWIN
from tests.benchmarks.timing import parser, rate, scaled

VALUES = 50_000
RUNS = 11


def streams(count: int) -> dict[str, list[float]]:
    """Return so many values by the kind of stream."""
    rng = np.random.default_rng(0)
    levels = np.repeat(rng.random(-(-count // 1000)), 1000)[:count]
    return {
        "zeros and ones": (rng.random(count) < 0.3).astype(float).tolist(),
        "fractions": rng.random(count).tolist(),
        "changing": (rng.random(count) < levels).astype(float).tolist(),
    }


def watched(kind: Callable[[], Any], values: list[float]) -> Callable[[], int]:
    """Return work for `rate`: a new detector that is updated with all values."""

    def work() -> int:
        detector = kind()
        cuts = 0
        for value in values:
            detector.update(value)
            if detector.drift_detected:
                cuts += 1
        return len(values)

    return work


def main() -> None:
    """Print one line per stream."""
    scale = parser(__doc__).parse_args().scale
    river: Any = drift.ADWIN  # which is untyped
    for name, values in streams(scaled(VALUES, scale)).items():
        # One untimed run each: compiled code is loaded at first use.
        ours, theirs = (watched(kind, values) for kind in (ADWIN, river))
        ours(), theirs()
        times = [1e6 / rate(work, RUNS) for work in (ours, theirs)]
        print(f"{name:15} ours {times[0]:.3f} us, river {times[1]:.3f} us: ratio {times[0] / times[1]:.2f}")


if __name__ == "__main__":
    main()
