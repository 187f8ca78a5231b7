"""Label clusters on planted groups: how well and how soon they are found, and what a message costs.

Run `python -m tests.benchmarks.clusters` (an hour; with `--table FILE` it goes on where it stopped; `--quick`
for a few cells, `--costs` or `--flapping` for one table). Wanted: adjusted Rand index of 0.95 at low noise,
before and after a regrouping; one change in 10,000 messages at most once they are found, and where there is
nothing to find; a cost that the number of labels does not tell; no message over 20 ms at 5,000 labels.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.metrics import adjusted_rand_score

from learners.clusters import Clusters
from learners.labels import Ids
from tests.learners.partitions import (
    exclusive_label_sets,
    independent_label_sets,
    label_sets,
    partition,
)

TOUCHES = 3000
"""Messages that carry each label, before and again after the regrouping."""
FOUND = 0.95
SEEDS = range(3)

Planted = Callable[[Ids, float, float, int], Iterator[Ids]]
PLANTED: dict[str, Planted] = {"independent": label_sets, "exclusive": exclusive_label_sets}


class Followed(NamedTuple):
    """What became of a planted partition."""

    rand: float
    found_after: float
    changes: float


def follow(clusters: Clusters, stream: Iterator[Ids], truth: Ids, messages: int) -> Followed:
    """Learn a stream; changes are counted once the groups are found, for 10,000 messages."""
    found, changes = np.inf, 0
    for n, labels in enumerate(itertools.islice(stream, messages)):
        made = clusters.learn(labels, len(truth))
        if made:
            rand = adjusted_rand_score(truth, clusters.owners())
            changes = changes + len(made) if found < n else 0
            found = np.inf if rand < FOUND else min(found, n)
    after = messages - found if found < messages else messages
    return Followed(adjusted_rand_score(truth, clusters.owners()), found / messages, changes * 1e4 / after)


def cell(planted: Planted, groups: int, density: float, noise: float) -> str:
    """Return what a line of the table says, medians over seeds: a partition of 100 labels, then another."""
    results: list[list[Followed]] = [[], []]
    for seed in SEEDS:
        clusters, messages = Clusters(), int(TOUCHES / density)
        for phase, results_of in enumerate(results):
            truth = partition(100, groups, seed + 100 * phase)
            stream = planted(truth, density, noise, seed + 100 * phase)
            results_of.append(follow(clusters, stream, truth, messages))
    line = ""
    for results_of in results:
        rand, after, changes = (statistics.median(column) for column in zip(*results_of, strict=True))
        touches = "never" if after == np.inf else f"{after * TOUCHES:,.0f}"
        line += f" | {rand:>5.2f} {touches:>9} {changes:>8.2f}"
    return line


def recovery(quick: bool, table: Path | None) -> None:
    """Print how planted groups are found, independent ones and one on each message; see `--table`."""
    done = table.read_text().splitlines() if table and table.exists() else []
    print(f"\n{'':<34} |      planted            |      regrouped")
    print(f"{'groups':>18}  density  noise |  rand   touches changes |  rand   touches changes")
    densities = (0.5, 0.02) if quick else (0.5, 0.1, 0.02, 0.005)
    numbers, noises = ((2, 20), (0.0, 0.2)) if quick else ((2, 5, 20), (0.0, 0.05, 0.2))
    for kind, density, groups, noise in itertools.product(PLANTED, densities, numbers, noises):
        # A label cannot come oftener than its group.
        if kind == "exclusive" and density * groups > 1.0:
            continue
        name = f"{kind:<11} {groups:>6} {density:>8} {noise:>6.0%}"
        line = next((line for line in done if line.startswith(name)), None)
        if line is None:
            line = name + cell(PLANTED[kind], groups, density, noise)
            if table:
                with table.open("a") as file:
                    file.write(line + "\n")
        print(line, flush=True)


def flapping(messages: int = 20_000) -> None:
    """Print how often labels without any structure are restructured, after as many messages to warm up."""
    print("\nwithout structure: changes in 10,000 messages, by seed")
    for labels, density in ((20, 0.1), (100, 0.02), (100, 0.5), (1000, 0.01)):
        rates = []
        for seed in SEEDS:
            clusters = Clusters()
            stream = itertools.islice(independent_label_sets(labels, density, seed), 2 * messages)
            made = [len(clusters.learn(message, labels)) for message in stream]
            rates.append(sum(made[messages:]) * 1e4 / messages)
        print(f"{labels:>6} {density:>8} | " + " ".join(f"{rate:>6.2f}" for rate in rates), flush=True)


def cost(labels: int, carried: int, messages: int = 6000) -> str:
    """Return one line on time, labels in groups of ten: the means of the first half and of the second."""
    truth, clusters, spent = partition(labels, labels // 10, 0), Clusters(), []
    pairs = 0
    for message in itertools.islice(label_sets(truth, carried / labels, 0.05, 0), messages):
        start = time.thread_time()
        clusters.learn(message, labels)
        spent.append(time.thread_time() - start)
        pairs += len(message) * min(32, max(len(message) - 1, 0))
    first, second = (
        1e6 * statistics.mean(half) for half in (spent[1 : messages // 2], spent[messages // 2 :])
    )
    apiece = 1e9 * sum(spent[1:]) / pairs
    return (
        f"{labels:>7,} {carried:>8} {first:>9.1f} {second:>9.1f} {apiece:>9.0f} {1e3 * max(spent[1:]):>9.2f}"
    )


def costs() -> None:
    """Print what a message costs by the number of labels, and by how many it carries."""
    # Compiles.
    cost(100, 2, 500)
    print(f"{'labels':>7} {'carried':>8} {'us first':>9} {'us then':>9} {'ns/pair':>9} {'worst ms':>9}")
    for carried in (2, 20):
        for labels in (100, 1000, 5000, 20_000):
            print(cost(labels, carried), flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--costs", action="store_true")
    parser.add_argument("--flapping", action="store_true")
    parser.add_argument("--table", type=Path, help="file of lines done before; new ones are added to it")
    given = parser.parse_args()
    everything = not (given.costs or given.flapping)
    if given.costs or everything:
        costs()
    if given.flapping or everything:
        flapping()
    if everything:
        recovery(given.quick, given.table)


if __name__ == "__main__":
    main()
