"""The extreme learner: cost per message from 1,000 to a million labels, and precision beside exact scoring.

Run `python -m tests.benchmarks.extreme [--labels 1000000] [--features 256] [--births 10] [--scale 1.0]` for
the cost: one learner grows by so many new labels per message, and at every power of ten messages with three
known labels are predicted and learned, with the shortlist and by scoring every label with the same weights.
"listed" is the share of the true labels in the shortlist; most of them have occurred once. The messages do
not depend on `--labels`, so two runs print the same digests of the grown learner as far as both go.
`--quality` instead runs planted streams, from their first message, through the tree, through exact mode,
through both in micro-batches, and through `ihomer`, with its shortlist and scoring every label. `--sizes
100000` does so with as many labels, which takes hours where every label is scored.

Target: the shortlist's cost grows like log L; at 1,000 and 10,000 labels its P@1 and P@5 are at least 95 % of
exact mode's, and those of `ihomer` at most .3 points below those without its shortlist.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from drift.core import Vector
from learners.core.base import Learner
from learners.core.labels import Targets
from learners.ensemble import ihomer
from learners.extreme.classifier import ExtremeClassifier
from learners.metrics.prequential import Prequential
from tests.benchmarks.timing import parser, scaled
from tests.learners.streams import Message, prototype_stream

LABELS = 1_000_000
"""Number of planted labels, of which a run uses the first ones."""
GROUP, GROUPS = 50, 20
"""Labels that share a centre, and groups that share a centre of the next level, and so on."""


class Prototypes:
    """A vector per label, computed on demand, so that a million of them need not be stored."""

    def __init__(self, features: int, births: int) -> None:
        self._features = features
        self.births = births
        rng, count = np.random.default_rng(0), LABELS // GROUP
        self._centres = rng.normal(size=(count, features)).astype(np.float32)
        above = count
        while above > 1:
            above = -(-above // GROUPS)
            wider = rng.normal(size=(above, features)).astype(np.float32)
            self._centres += np.repeat(wider, -(-count // above), axis=0)[:count]

    def labels_of(self, group: int, labels: int) -> list[int]:
        """Return the labels of a group among the first so many, in order of birth."""
        groups = len(self._centres)
        births: list[int] = []
        for first in range(group * self.births, labels, groups * self.births):
            births += range(first, min(first + self.births, labels))
        return births

    def message(self, labels: list[int], noise: int) -> Vector:
        """Return a noisy mean of the prototypes of labels of one group."""
        own = [np.random.default_rng((1, label)).normal(size=self._features) for label in labels]
        blur = np.random.default_rng((2, noise)).normal(size=self._features)
        centre = self._centres[labels[0] // self.births % len(self._centres)]
        x: Vector = (centre + np.mean(own, axis=0) + blur).astype(np.float32)
        return x

    def known(self, labels: int, messages: int) -> Iterator[tuple[Vector, Targets]]:
        """Yield messages with three labels of one group, among the first so many labels."""
        rng = np.random.default_rng(labels)
        for number in range(messages):
            group = int(rng.integers(min(len(self._centres), labels // self.births)))
            some = np.sort(rng.choice(self.labels_of(group, labels), 3, replace=False))
            yield self.message(some.tolist(), number), Targets(some)


def grow(learner: ExtremeClassifier, prototypes: Prototypes, labels: int) -> tuple[float, float]:
    """Teach new labels up to a number; return the CPU seconds taken, in total and at most."""
    took = []
    for first in range(len(learner.label_space), labels, prototypes.births):
        born = list(range(first, min(first + prototypes.births, labels)))
        learner.label_space.ids(f"l{label}" for label in born)
        x = prototypes.message(born, first)
        start = time.process_time()
        learner.learn(x, Targets(np.array(born)))
        took.append(time.process_time() - start)
    return sum(took), max(took, default=0.0)


def cost(learner: ExtremeClassifier, messages: list[tuple[Vector, Targets]]) -> tuple[float, float]:
    """Predict and learn; return the median CPU milliseconds per message, and the share of labels scored."""
    took, listed = [], []
    for x, targets in messages:
        start = time.process_time()
        prediction = learner.predict(x)
        learner.learn(x, targets)
        took.append(time.process_time() - start)
        listed.append(len(prediction.among(targets.positive).scores) / len(targets.positive))
    return 1e3 * statistics.median(took), statistics.mean(listed)


def resident() -> float:
    """Return the resident memory of the process, in GiB; Linux only."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(kilobytes) / 2**20


def costs(largest: int, features: int, births: int, messages: int) -> None:
    """Print a line per power of ten of labels, and how the cost grows."""
    prototypes = Prototypes(features, births)
    learner = ExtremeClassifier(device="cpu")
    sizes, figures = [], []
    print("labels   growing s  worst ms  height  nodes  shortlist ms  listed  exact ms  RSS GiB  digest")
    size = 1000
    while size <= largest:
        seconds, worst = grow(learner, prototypes, size)
        memory, digest = resident(), learner.digest()[:12]
        known = list(prototypes.known(size, messages))
        warm = messages // 6
        cost(learner, known[:warm])
        # The same weights and messages, every label scored.
        exact = ExtremeClassifier(exact=True, device="cpu")
        made = exact.state()["parameters"]
        exact.load_state(learner.state() | {"parameters": made})
        beside, _ = cost(exact, known[warm : warm + max(20, min(500, 10_000_000 // size))])
        del exact
        tree, listed = cost(learner, known[warm:])
        account = learner.statistics()
        sizes.append(size)
        figures.append(tree)
        print(
            f"{size:<9}{seconds:>9.1f}{1e3 * worst:>10.1f}{account.height:>8}{account.nodes:>7}{tree:>14.2f}"
            f"{listed:>8.2f}{beside:>10.2f}{memory:>9.2f}  {digest}",
            flush=True,
        )
        size *= 10
    if len(sizes) > 2:
        slope, start = np.polyfit(np.log10(sizes), figures, 1)
        power = np.polyfit(np.log10(sizes), np.log10(figures), 1)[0]
        print(f"shortlist: {start:.2f} + {slope:.2f} log10 L ms a message; as a power of L: {power:.3f}")


SIZES = {1000: 8000, 10_000: 25_000, 100_000: 25_000}
"""Planted labels, and the messages of their stream."""
EVERY = "ihomer, every label"
MODES: dict[str, Learner] = {
    "tree": ExtremeClassifier(device="cpu"),
    "tree, micro-batches of 16": ExtremeClassifier(micro_batch=16, device="cpu"),
    "tree, micro-batches of 256": ExtremeClassifier(micro_batch=256, device="cpu"),
    "exact": ExtremeClassifier(exact=True, device="cpu"),
    "exact, micro-batches of 16": ExtremeClassifier(exact=True, micro_batch=16, device="cpu"),
    "exact, micro-batches of 256": ExtremeClassifier(exact=True, micro_batch=256, device="cpu"),
    "ihomer": ihomer.IHOMER(max_labels=LABELS),
    EVERY: ihomer.IHOMER(max_labels=LABELS),
}


def quality(labels: int, messages: int, modes: Sequence[str]) -> None:
    """Print scores and cost on a planted stream, by mode."""
    many = vars(ihomer)["MANY"]
    stream: list[Message] = prototype_stream(messages, labels, features=128)
    found = {}
    for mode in modes:
        vars(ihomer)["MANY"] = sys.maxsize if mode == EVERY else many
        learner, scores, start = MODES[mode].clone(), Prequential(), time.process_time()
        position = 0
        while position < len(stream):
            together = stream[position : position + learner.predictable]
            position += len(together)
            predictions = learner.predict_many([x for x, _ in together])
            for prediction, (x, names) in zip(predictions, together, strict=True):
                targets = learner.label_space.targets(names)
                scores.update(prediction, targets, len(learner.label_space))
                learner.learn_predicted(x, targets, prediction)
        took = 1e6 * (time.process_time() - start) / len(stream)
        found[mode] = scores.summary()
        score = found[mode]
        print(
            f"{labels:>7,} labels, {len(learner.label_space):>7,} of them met, {mode:>27}: {took:>6.0f} us a "
            f"message, P@1 {score.p_at_1:.3f}, P@5 {score.p_at_5:.3f}, micro-F1 {score.micro_f1:.3f}",
            flush=True,
        )
    vars(ihomer)["MANY"] = many
    if {"tree", "exact"} <= set(modes):
        tree, every = found["tree"], found["exact"]
        print(f"tree / exact: P@1 {tree.p_at_1 / every.p_at_1:.3f}, P@5 {tree.p_at_5 / every.p_at_5:.3f}")


def main() -> None:
    """Print costs or quality."""
    torch.set_num_threads(1)
    arguments = parser(__doc__)
    arguments.add_argument("--labels", type=int, default=LABELS)
    arguments.add_argument("--features", type=int, default=256)
    arguments.add_argument("--births", type=int, default=10)
    arguments.add_argument("--quality", action="store_true")
    arguments.add_argument("--modes", nargs="*", choices=list(MODES), default=list(MODES))
    arguments.add_argument("--sizes", type=int, nargs="*", choices=list(SIZES), default=[1000, 10_000])
    given = arguments.parse_args()
    if given.quality:
        for size in given.sizes:
            quality(size, scaled(SIZES[size], given.scale), given.modes)
    else:
        costs(given.labels, given.features, given.births, scaled(600, given.scale))


if __name__ == "__main__":
    main()
