"""Label clusters on planted groups: how well and how soon they are found, and the cost per message.

Run `python -m tests.benchmarks.clusters` (half an hour; with `--table FILE` it resumes where it stopped;
`--quick` for a few cells, `--costs`, `--flapping` or `--sparse` for one table, `--scale` for fewer messages).
Target: adjusted Rand index of 0.95 at low noise, before and after a regrouping; at most one change in 10,000
messages after a warm-up, and where there is no structure; a cost independent of the number of labels; no
message over 20 ms at 5,000 labels.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.metrics import adjusted_rand_score

from drift.core import Ids
from learners.cluster.clusters import Clusters
from tests.benchmarks.timing import parser, scaled
from tests.learners.cluster.partitions import (
    exclusive_label_sets,
    independent_label_sets,
    label_sets,
    partition,
)

TOUCHES = 6000
"""Messages with each label, before and again after the regrouping."""
FOUND = 0.95
SEEDS = range(3)

Planted = Callable[[Ids, float, float, int], Iterator[Ids]]
PLANTED: dict[str, Planted] = {"independent": label_sets, "exclusive": exclusive_label_sets}


class Followed(NamedTuple):
    """Results for a planted partition."""

    rand: float
    found_after: float
    changes: float


def follow(clusters: Clusters, stream: Iterator[Ids], truth: Ids, messages: int) -> Followed:
    """Learn a stream; changes are counted in its second half, per 10,000 messages."""
    found, changes = np.inf, 0
    for n, labels in enumerate(itertools.islice(stream, messages)):
        made = clusters.learn(labels, len(truth))
        if made:
            rand = adjusted_rand_score(truth, clusters.owners())
            changes += len(made) if n >= messages // 2 else 0
            found = np.inf if rand < FOUND else min(found, n)
    rate = changes * 2e4 / messages
    return Followed(adjusted_rand_score(truth, clusters.owners()), found / messages, rate)


def cell(planted: Planted, groups: int, density: float, noise: float, touches: int) -> str:
    """Return a line of the table, medians over seeds: a partition of 100 labels, then another."""
    results: list[list[Followed]] = [[], []]
    for seed in SEEDS:
        clusters, messages = Clusters(), int(touches / density)
        for phase, results_of in enumerate(results):
            truth = partition(100, groups, seed + 100 * phase)
            stream = planted(truth, density, noise, seed + 100 * phase)
            results_of.append(follow(clusters, stream, truth, messages))
    line = ""
    for results_of in results:
        rand, after, changes = (statistics.median(column) for column in zip(*results_of, strict=True))
        found = "never" if after == np.inf else f"{after * touches:,.0f}"
        line += f" | {rand:>5.2f} {found:>9} {changes:>8.2f}"
    return line


def recovery(quick: bool, table: Path | None, scale: float) -> None:
    """Print how well planted groups are found, independent ones and one per message; see `--table`."""
    done = table.read_text().splitlines() if table and table.exists() else []
    print(f"\n{'':<34} |      planted            |      regrouped")
    print(f"{'groups':>18}  density  noise |  rand   touches changes |  rand   touches changes")
    densities = (0.5, 0.02) if quick else (0.5, 0.1, 0.02, 0.005)
    numbers, noises = ((2, 20), (0.0, 0.2)) if quick else ((2, 5, 20), (0.0, 0.05, 0.2))
    for kind, density, groups, noise in itertools.product(PLANTED, densities, numbers, noises):
        # A label cannot occur more often than its group.
        if kind == "exclusive" and density * groups > 1.0:
            continue
        name = f"{kind:<11} {groups:>6} {density:>8} {noise:>6.0%}"
        line = next((line for line in done if line.startswith(name)), None)
        if line is None:
            line = name + cell(PLANTED[kind], groups, density, noise, scaled(TOUCHES, scale))
            if table:
                with table.open("a") as file:
                    file.write(line + "\n")
        print(line, flush=True)


def sparse(scale: float) -> None:
    """Print how well groups in large label spaces are found, by occurrences of each label."""
    marks = tuple(scaled(mark, scale) for mark in (25, 50, 100, 200, 400))
    print("\nrand by messages that carried each label")
    print(
        f"{'labels':>7} {'groups':>6} {'density':>8} {'noise':>6} |" + "".join(f"{mark:>6}" for mark in marks)
    )
    for labels, groups, density, noise in ((1000, 20, 0.02, 0.05), (5000, 500, 0.001, 0.05)):
        truth, clusters, line = partition(labels, groups, 0), Clusters(), ""
        stream = label_sets(truth, density, noise, 0)
        for before, mark in itertools.pairwise((0, *marks)):
            for message in itertools.islice(stream, int((mark - before) / density)):
                clusters.learn(message, labels)
            line += f"{adjusted_rand_score(truth, clusters.owners()):>6.2f}"
        print(f"{labels:>7,} {groups:>6} {density:>8} {noise:>6.0%} |" + line, flush=True)


def flapping(messages: int) -> None:
    """Print how often labels without any structure are restructured, after an equally long warm-up."""
    print("\nwithout structure: changes in 10,000 messages, by seed")
    for labels, density in ((20, 0.1), (100, 0.02), (100, 0.5), (1000, 0.01)):
        rates = []
        for seed in SEEDS:
            clusters = Clusters()
            stream = itertools.islice(independent_label_sets(labels, density, seed), 2 * messages)
            made = [len(clusters.learn(message, labels)) for message in stream]
            rates.append(sum(made[messages:]) * 1e4 / messages)
        print(f"{labels:>6} {density:>8} | " + " ".join(f"{rate:>6.2f}" for rate in rates), flush=True)


def grouped_label_sets(labels: int, carried: int, seed: int) -> Iterator[Ids]:
    """Yield endless label-sets from groups of ten consecutive labels: the same for any number of labels."""
    rng, groups = np.random.default_rng(seed), min(2 * carried, labels // 10)
    for local in label_sets(np.arange(10 * groups) // 10, carried / (10 * groups), 0.05, seed):
        chosen = rng.choice(labels // 10, groups, replace=False)
        yield np.sort(chosen[local // 10] * 10 + local % 10)


def cost(labels: int, carried: int, touches: int) -> str:
    """Return one line of times, by occurrences of the labels: counting and, separately, checking."""
    clusters, worst, line = Clusters(), 0.0, f"{labels:>7,} {carried:>8}"
    stream = grouped_label_sets(labels, carried, 0)
    clusters.learn(next(stream), labels)
    for until in (touches // 8, touches // 4, touches // 2, touches):
        spent: list[list[float]] = [[], []]
        for message in itertools.islice(stream, (until - until // 2) * labels // carried):
            looks, start = clusters.looks, time.thread_time()
            clusters.learn(message, labels)
            spent[clusters.looks - looks].append(time.thread_time() - start)
        counted, looked = spent
        worst = max(worst, *counted, *looked)
        messages, apiece = len(counted) + len(looked), statistics.median(counted)
        extra = sum(looked) - apiece * len(looked)
        line += f" | {1e6 * apiece:>6.0f} {1e6 * extra / messages:>6.0f}"
    return line + f" | {1e3 * worst:>6.1f}"


def costs(touches: int, sizes: Sequence[int]) -> None:
    """Print the cost per message by the number of labels, labels per message, and their occurrences."""
    # Compiles the kernels.
    cost(100, 2, 500)
    print("us to count and us to look, a message, while labels come for so many times; worst message, ms")
    print(f"{'labels':>7} {'carried':>8}" + "".join(f" | {f'<={touches // n}':>13}" for n in (8, 4, 2, 1)))
    for carried in (2, 20):
        for labels in sizes:
            print(cost(labels, carried, max(8, touches * carried // 20)), flush=True)


def main() -> None:
    """Print the tables."""
    arguments = parser(__doc__)
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--costs", action="store_true")
    arguments.add_argument("--flapping", action="store_true")
    arguments.add_argument("--sparse", action="store_true")
    arguments.add_argument("--table", type=Path, help="file of lines done before; new ones are added to it")
    given = arguments.parse_args()
    everything = not (given.costs or given.flapping or given.sparse)
    if given.costs or everything:
        costs(scaled(200, given.scale), (100,) if given.quick else (100, 1000, 5000, 20_000))
    if given.flapping or everything:
        flapping(scaled(20_000, given.scale))
    if given.sparse or everything:
        sparse(given.scale)
    if everything:
        recovery(given.quick, given.table, given.scale)


if __name__ == "__main__":
    main()
