"""Memory of the default learner while labels come and go: resident megabytes, and the largest state.

Run `python -m tests.benchmarks.memory [--messages 1000000] [--names 10000] [--features 100]`. A window of 300
names moves over all names repeatedly, so each is used for a while, disappears, and returns. Target: once
every name has occurred, resident memory stays constant. It is read twice: before the state is copied to be
measured, as a snapshot does, and after.
"""

from __future__ import annotations

import argparse
import gc
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from drift.core import State, Vector
from learners.ensemble.ihomer import IHOMER
from tests.learners.checks import size_of

BUSY = 300
"""Names used at a time."""
LINES = 10
"""Lines printed in all."""


def stream(messages: int, names: int, features: int) -> Iterator[tuple[Vector, list[str]]]:
    """Yield messages of three labels each, two determined by the vector; a tenth covers all names."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(names, features)).astype(np.float32)
    for message in range(messages):
        first = message * LINES * names // messages
        chosen = (first + rng.integers(0, BUSY, 3)) % names
        x = centres[chosen[:2]].sum(axis=0) + rng.normal(size=features).astype(np.float32)
        yield x, [f"label {number}" for number in chosen]


def resident() -> float:
    """Return the resident memory of this process in megabytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def largest(state: State, count: int = 4, prefix: str = "") -> list[tuple[float, str]]:
    """Return the parts of a state that take most megabytes when serialised, largest first."""
    parts = []
    for name, value in state.items():
        if isinstance(value, dict):
            parts += largest(value, count, f"{prefix}{name}.")
        else:
            parts.append((size_of(value) / 1e6, prefix + name))
    return sorted(parts, reverse=True)[:count]


def main() -> None:
    """Print the resident memory every tenth of the messages, and the largest parts of the state."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--names", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=100)
    given = parser.parse_args()
    learner = IHOMER()
    for number, (x, labels) in enumerate(stream(given.messages, given.names, given.features), 1):
        learner.predict(x)
        learner.learn(x, learner.label_space.targets(labels))
        if number % (given.messages // LINES) == 0:
            gc.collect()
            before = resident()
            parts = ", ".join(f"{name} {size:.1f}" for size, name in largest(learner.state()))
            pairs = learner.statistics().pairs
            print(
                f"{number:>9,} messages, {len(learner.label_space):,} labels, {pairs:,} pairs: "
                f"{before:,.1f} MB, with a copy of the state taken {resident():,.1f} MB ({parts})",
                flush=True,
            )


if __name__ == "__main__":
    main()
