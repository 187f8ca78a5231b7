"""What benchmarks share: medians of several runs in the processor time of one thread, and their size."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of benchmarks of a fixed size; see `scaled`."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--scale", type=float, default=1.0, help="share of the messages to measure with")
    return made


def scaled(messages: int, scale: float) -> int:
    """Return a share of some messages, at least one."""
    return max(1, round(messages * scale))


def rate(work: Callable[[], int], runs: int = 5) -> float:
    """Return the median, over runs, of units of work per second; `work` returns how many units it did.

    The processor time of this thread is counted, so a busy machine has little effect. To compare two rates,
    run both in one process.
    """
    rates = []
    for _ in range(runs):
        start = time.thread_time()
        units = work()
        rates.append(units / (time.thread_time() - start))
    return statistics.median(rates)
