"""Timing for the benchmarks: medians of several runs, in the processor time of one thread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def rate(work: Callable[[], int], runs: int = 5) -> float:
    """Return the median, over runs, of units of work a second; `work` returns how many units it did.

    Processor time of this thread is counted, so a busy machine disturbs little. Whoever compares two rates
    runs both in one process.
    """
    rates = []
    for _ in range(runs):
        start = time.thread_time()
        units = work()
        rates.append(units / (time.thread_time() - start))
    return statistics.median(rates)
