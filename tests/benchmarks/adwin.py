"""ADWIN beside river's: microseconds for taking in one value and asking whether it led to a cut.

Run `python -m tests.benchmarks.adwin`. Wanted: no more than river's, on values that are 0 or 1, on fractions
and on a stream that changes every thousand values.
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


def streams(size: int) -> dict[str, list[float]]:
    """Return values to take in, by the kind of stream."""
    rng = np.random.default_rng(0)
    levels = np.repeat(rng.random(1 + size // 1000), 1000)[:size]
    return {
        "zeros and ones": (rng.random(size) < 0.3).astype(float).tolist(),
        "fractions": rng.random(size).tolist(),
        "changing": (rng.random(size) < levels).astype(float).tolist(),
    }


def watched(kind: Callable[[], Any], values: list[float]) -> Callable[[], int]:
    """Return work for `rate`: a fresh detector takes in all values."""

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
    """Print one line a stream."""
    size = scaled(VALUES, parser(__doc__).parse_args().scale)
    river: Any = drift.ADWIN  # which has no types
    for name, values in streams(size).items():
        # One run each before the timed ones: compiled code is loaded at the first.
        ours, theirs = (watched(kind, values) for kind in (ADWIN, river))
        ours(), theirs()
        times = [1e6 / rate(work, RUNS) for work in (ours, theirs)]
        print(f"{name:15} ours {times[0]:.3f} us, river {times[1]:.3f} us: ratio {times[0] / times[1]:.2f}")


if __name__ == "__main__":
    main()
