"""What a partition of the labels into clusters adds to iHOMER's predictions, everything else equal.

Run `python -m tests.benchmarks.partition [--limit 1000] [--sets emotions ...]` (some minutes). One learner
predicts and learns a stream; beside its own clusters, its decision is made anew with others, each with
accounts of its own: *one* cluster, *single* labels, and *random* clusters of the sizes that were learned.
Clusters reach nothing but the decision, so the probabilities, and their log loss (nats a message, over the
labels known by then), are the same for all. In the decision one cluster is as good as no clusters: its
candidate is the joint one. The streams are planted ones, of independent groups of labels, and the first
messages of all vector sets, as stored and shuffled.

Printed are the scores with one cluster and the differences to them, in points, with the half width of a 95 %
interval: of exact label-sets over the messages of a stream, and at the end of each score over the streams.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
import scipy.stats
from sklearn.metrics import adjusted_rand_score

from drift.core import Ids, Vector
from learners.core import Prediction, Targets
from learners.ensemble.decision import Decided, Decision
from learners.ensemble.ihomer import IHOMER
from learners.metrics.prequential import Prequential
from learners.neighbors import Neighbours
from stream.sources import Table, open_source
from tests.data import DATA
from tests.learners.cluster.partitions import partition

GROUPS = ((5, 6), (10, 6), (20, 5))
"""Planted: how many groups, and the labels of each."""
TEMPLATES, ON, NOISE = 3, 0.3, 0.8
"""Label-sets that a group draws from, the chance that it is on, and the features' standard deviation."""
LEAST = 1e-6
"""Probability that stands for 0 and, from 1, for 1 in the log loss."""

Stream = Iterator[tuple[Vector, list[str]]]
Clusters = Callable[[Ids], Ids]
"""Gives every label a cluster, from the learned ones: shape (L,)."""
PARTITIONS: dict[str, Clusters] = {
    "one": np.zeros_like,
    "learned": lambda owners: owners,
    "single": lambda owners: np.arange(len(owners)),
    "random": lambda owners: np.random.default_rng(len(owners)).permutation(owners),
}
SCORES = ("subset_accuracy", "micro_f1", "macro_f1")


class Watched(IHOMER):
    """Keeps what its last decision was made from."""

    def _decide(
        self, probabilities: Vector, neighbours: tuple[Neighbours, ...], labels: int, listed: Ids | None
    ) -> Decided:
        self.seen = probabilities, neighbours, self._previous.labels
        return super()._decide(probabilities, neighbours, labels, listed)


class Way:
    """One partition's decisions, and their scores."""

    def __init__(self, clusters: Clusters) -> None:
        self._clusters = clusters
        self._decision = Decision()
        self.scores = Prequential()
        self.exact: list[int] = []

    def predict(self, learner: Watched) -> Decided:
        """Return the decision for the message that the learner has just predicted."""
        probabilities, neighbours, previous = learner.seen
        owners = np.zeros(len(probabilities), dtype=np.intp)
        learned = learner.structure().owners[: len(owners)]
        owners[: len(learned)] = learned
        return self._decision.decide(probabilities, neighbours, previous, self._clusters(owners))

    def score(self, decided: Decided, prediction: Prediction, targets: Targets, labels: int) -> None:
        """Score a decision."""
        self.scores.update(prediction._replace(labels=decided.labels), targets, labels)
        self.exact.append(int(np.array_equal(decided.labels, targets.positive)))

    def learn(self, decided: Decided, targets: Targets) -> None:
        """Learn from a decision."""
        self._decision.learn(decided, targets)


def follow(learner: Watched, stream: Stream) -> tuple[dict[str, Way], float]:
    """Predict and learn a stream; return what each partition gave, and the mean log loss."""
    ways, losses = {name: Way(made) for name, made in PARTITIONS.items()}, []
    for x, names in stream:
        prediction = learner.predict(x)
        decided = {name: way.predict(learner) for name, way in ways.items()}
        if decided["learned"].labels.tolist() != prediction.labels.tolist():
            raise AssertionError("the learner's own decision differs from the one repeated")
        losses.append(log_loss(prediction.scores, learner, names))
        targets = learner.label_space.targets(names)
        for name, way in ways.items():
            way.score(decided[name], prediction, targets, len(learner.label_space))
        if len(learner.label_space) > len(prediction.scores):
            # A message with a new label is learned as if it had been predicted with that label known.
            learner.predict(x)
            decided = {name: way.predict(learner) for name, way in ways.items()}
        for name, way in ways.items():
            way.learn(decided[name], targets)
        learner.learn_predicted(x, targets, prediction)
    return ways, statistics.mean(losses)


def log_loss(scores: Vector, learner: Watched, names: list[str]) -> float:
    """Return the log loss of one message, over the labels that had a score."""
    known = learner.label_space.names()
    truth = np.isin(known, names) if len(known) else np.zeros(0, dtype=np.bool_)
    return float(-np.log(np.clip(np.where(truth, scores, 1.0 - scores), LEAST, 1.0)).sum())


def planted(groups: int, size: int, messages: int, seed: int) -> tuple[Stream, dict[str, int]]:
    """Return a stream of independent groups, each with a few label-sets, and the group of each label.

    The features are the labels' indicators with noise.
    """
    rng, labels = np.random.default_rng(seed), groups * size
    truth = partition(labels, groups, seed)
    members = [np.flatnonzero(truth == group) for group in range(groups)]
    carried = max(2, size // 2)
    sets = [[rng.choice(some, carried, replace=False) for _ in range(TEMPLATES)] for some in members]

    def messages_of() -> Stream:
        for _ in range(messages):
            present = np.zeros(labels, dtype=np.float32)
            for group in np.flatnonzero(rng.random(groups) < ON).tolist():
                present[sets[group][rng.integers(TEMPLATES)]] = 1.0
            x = (present + NOISE * rng.normal(size=labels)).astype(np.float32)
            yield x, [str(label) for label in np.flatnonzero(present)]

    return messages_of(), {str(label): group for label, group in enumerate(truth.tolist())}


def stored(name: str, shuffled: bool, limit: int) -> Stream:
    """Yield the first messages of a set, in its order or shuffled with seed 1."""
    source = open_source(DATA / name)
    if not isinstance(source, Table):
        raise TypeError(f"{DATA / name} holds no vectors. Name a folder with X.npz.")
    order = np.random.default_rng(1).permutation(len(source)) if shuffled else np.arange(len(source))
    for place in order[:limit].tolist():
        yield source.vector(place), list(source.message(place).labels or ())


def half_width(differences: Sequence[float]) -> float:
    """Return the half width of the 95 % interval of a mean; infinite for one value."""
    if len(differences) < 2:
        return float("inf")
    spread = statistics.stdev(differences) / len(differences) ** 0.5
    width: float = scipy.stats.t.ppf(0.975, len(differences) - 1) * spread
    return width


def report(name: str, ways: dict[str, Way], loss: float) -> dict[str, list[float]]:
    """Print one stream's scores; return each partition's differences to one cluster, in points."""
    one = ways["one"].scores.summary()
    messages = len(ways["one"].exact)
    base = " / ".join(f"{100 * getattr(one, score):.1f}" for score in SCORES)
    line, found = f"{name:>24} {messages:>5} {loss:>8.3f}  {base:>20}", {}
    for other in list(PARTITIONS)[1:]:
        summary = ways[other].scores.summary()
        found[other] = [100 * (getattr(summary, score) - getattr(one, score)) for score in SCORES]
        apart = [100.0 * (a - b) for a, b in zip(ways[other].exact, ways["one"].exact, strict=True)]
        subset, micro, macro = found[other]
        line += f" | {subset:+5.2f} ±{half_width(apart):4.2f} / {micro:+5.2f} / {macro:+5.2f}"
    print(line, flush=True)
    return found


def summary(kind: str, found: Sequence[dict[str, list[float]]]) -> None:
    """Print the mean differences to one cluster over streams."""
    for other in list(PARTITIONS)[1:] if found else ():
        columns = zip(*(each[other] for each in found), strict=True)
        means = (f"{statistics.mean(column):+.2f} ±{half_width(column):.2f}" for column in columns)
        print(f"{kind}, {len(found)} streams, {other} - one: {' / '.join(means)}", flush=True)


def main() -> None:
    """Print the table."""
    sets = sorted(path.parent.name for path in DATA.glob("*/X.npz"))
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--limit", type=int, default=1000, help="messages of a set")
    asked.add_argument("--planted", type=int, default=4000, help="messages of a planted stream; 0 for none")
    asked.add_argument("--seeds", type=int, default=2, help="planted streams of each shape")
    asked.add_argument("--sets", nargs="*", choices=sets, default=sets)
    given = asked.parse_args()
    print(f"{'':>24}     n log loss  one: exact/micro/macro | {' | '.join(list(PARTITIONS)[1:])}, minus one")
    found = []
    for (groups, size), seed in product(GROUPS, range(given.seeds if given.planted else 0)):
        stream, truth = planted(groups, size, given.planted, seed)
        learner = Watched()
        ways = follow(learner, stream)
        names = map(str, learner.label_space.names())
        rand = adjusted_rand_score([truth[name] for name in names], learner.structure().owners)
        found.append(report(f"planted {groups} x {size}, rand {rand:.2f}", *ways))
    summary("planted", found)
    found = []
    for name, shuffled in product(given.sets, (False, True)):
        ways = follow(Watched(), stored(name, shuffled, given.limit))
        found.append(report(f"{name} {'shuffled' if shuffled else 'stored'}", *ways))
    summary("sets", found)


if __name__ == "__main__":
    main()
