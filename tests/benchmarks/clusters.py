"""Label clusters on planted groups: how well and how soon they are found, and what a message costs.

Run `python -m tests.benchmarks.clusters` (a quarter of an hour; `--quick` for a few cells). Wanted: adjusted
Rand index of 0.95 at low noise, before and after a regrouping; one change in 10,000 messages at most
once they are found; no message over 20 ms at 5,000 labels.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from sklearn.metrics import adjusted_rand_score

from learners.clusters import Clusters
from learners.labels import Ids
from tests.learners.partitions import label_sets, partition

TOUCHES = 1500
"""Messages that carry each label, before and again after the regrouping."""
FOUND = 0.95


class Followed(NamedTuple):
    """What became of a planted partition."""

    rand: float
    found_after: int | None
    changes: float


def follow(clusters: Clusters, stream: Iterator[Ids], truth: Ids, messages: int) -> Followed:
    """Learn a stream; changes are counted in its second half, for 10,000 messages."""
    found, changes = None, 0
    for n, labels in enumerate(itertools.islice(stream, messages)):
        made = clusters.learn(labels, len(truth))
        changes += len(made) if n >= messages // 2 else 0
        if made:
            rand = adjusted_rand_score(truth, clusters.owners())
            found = None if rand < FOUND else n if found is None else found
    return Followed(adjusted_rand_score(truth, clusters.owners()), found, changes * 2e4 / messages)


def cell(groups: int, density: float, noise: float) -> str:
    """Return one line of the table: a partition of 100 labels, then another."""
    clusters, messages = Clusters(), int(TOUCHES / density)
    line = f"{groups:>6} {density:>8} {noise:>6.0%}"
    for seed in (0, 1):
        truth = partition(100, groups, seed)
        result = follow(clusters, label_sets(truth, density, noise, seed), truth, messages)
        after = "never" if result.found_after is None else f"{result.found_after:,}"
        line += f" | {result.rand:>5.2f} {after:>9} {result.changes:>8.2f}"
    return line


def costs(labels: int) -> str:
    """Return one line on time: a stream with ten labels on a message, in groups of ten."""
    truth, clusters, spent = partition(labels, labels // 10, 0), Clusters(), []
    for message in itertools.islice(label_sets(truth, 10 / labels, 0.05, 0), 20_000):
        start = time.thread_time()
        clusters.learn(message, labels)
        spent.append(time.thread_time() - start)
    first, worst = 1e3 * spent[0], 1e3 * max(spent[1:])
    return f"{labels:>7,} {1 / np.mean(spent):>11,.0f} {first:>9.2f} {worst:>9.2f}"


def main() -> None:
    """Print both tables."""
    # Compiles.
    costs(100)
    print(f"{'labels':>7} {'messages/s':>11} {'first ms':>9} {'worst ms':>9}")
    for labels in (100, 1000, 5000):
        print(costs(labels), flush=True)
    print("\n" + " " * 22 + " |      planted            |      regrouped")
    print("groups  density  noise |  rand     after changes |  rand     after changes")
    quick = "--quick" in sys.argv
    for density in (0.5, 0.02) if quick else (0.5, 0.1, 0.02, 0.005):
        for groups in (2, 20) if quick else (2, 5, 20):
            for noise in (0.0, 0.2) if quick else (0.0, 0.05, 0.2):
                print(cell(groups, density, noise), flush=True)


if __name__ == "__main__":
    main()
