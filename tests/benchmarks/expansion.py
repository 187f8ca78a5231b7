"""Label expansion on real streams, in time order: PL-FMS beside its ablations and flat iHOMER.

Run `python -m tests.benchmarks.expansion [--data reuters21578] [--schedule levels] [--limit 3000]
[--seeds 5] [--only pl-fms "no memory"]`. Two schedules: *levels*, where the stream has as many parts as there
are levels and part k is labelled k levels deep; and *data*, where each message is labelled as deep as it is.
A tenth of the messages (another one per seed), the probes, is never learned from: it is labelled in full and
predicted at every checkpoint, for the any-time area and for forgetting.

Target: hierarchical and per-level F1 of PL-FMS above every ablation and flat iHOMER; forgetting of the
coarse level at most 1 point; at least 60 % of the labels with 20 positives or more predicted correctly once
within their next 20 positives. Where every message is labelled down to the leaves from the start, as in
*data* here, there is nothing to pseudo-label: "no PL" is then the same learner.
"""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from drift.core import Ids, Vector
from learners.core.base import Learner
from learners.core.labels import Targets
from learners.ensemble.ihomer import IHOMER
from learners.hierarchy.expansion import LabelExpansion
from learners.hierarchy.taxonomy import Taxonomy
from learners.linear_model.logistic import AdaptiveLogisticRegression
from learners.metrics.hierarchical import Hierarchical, anytime_area, forgetting
from stream.encoders import Hashing
from tests.data import DATA

VARIANTS: dict[str, Callable[[int], LabelExpansion | IHOMER]] = {
    "pl-fms": lambda seed: LabelExpansion(seed=seed),
    "with FMS": lambda seed: LabelExpansion(seed=seed, flexible=True),
    "no PL": lambda seed: LabelExpansion(seed=seed, pseudo=False),
    "no memory": lambda seed: LabelExpansion(IHOMER(memory=0), memory=0),
    "flat": lambda seed: LabelExpansion(seed=seed, hierarchy=False),
    "flat iHOMER": lambda seed: IHOMER(),
    "iHOMER micro": lambda seed: IHOMER(rule="micro_f1"),
    "around linear": lambda seed: LabelExpansion(AdaptiveLogisticRegression(), seed=seed),
}
CHECKPOINTS = 12
PROBES = 10
FACET = {"reuters21578": "topics/", "arxiv_daily": ""}
"""Prefix of the paths that are used of a data set; it is removed."""


class Stream(NamedTuple):
    """Vectors, and the paths of each message."""

    x: list[Vector]
    paths: list[list[str]]

    @property
    def levels(self) -> int:
        """Number of levels of the deepest path."""
        return max(path.count("/") for paths in self.paths for path in paths) + 1


@dataclasses.dataclass
class Run:
    """The results of one learner on one stream."""

    f1: float
    levels: tuple[float, ...]
    coherence: float
    area: float
    forgotten: tuple[float, ...]
    caught: list[int]
    eligible: int
    seconds: float


def load(name: str, limit: int) -> Stream:
    """Return the first labelled messages of a data set."""
    texts, paths = [], []
    with gzip.open(DATA / name / "events.jsonl.gz", "rt") as lines:
        for line in lines:
            event = json.loads(line)
            facet = FACET[name]
            found = [path.removeprefix(facet) for path in event.get("paths") or () if path.startswith(facet)]
            if found:
                texts.append(event["text"])
                paths.append(found)
            if len(paths) == limit:
                break
    return Stream(list(Hashing(device="cpu").vectors(texts)), paths)


class Taught:
    """A learner that is evaluated on a stream, scored through a taxonomy of its own."""

    def __init__(self, learner: LabelExpansion | IHOMER) -> None:
        self.learner: Learner = learner
        self.taxonomy = Taxonomy()
        learner.share(self.taxonomy)
        self._flat = isinstance(learner, IHOMER)

    def predict(self, x: Vector) -> Ids:
        """Return the predicted labels."""
        return self.learner.predict(x).labels

    def learn(self, x: Vector, targets: Targets) -> None:
        """Learn a message; for a flat learner unknown labels are negative."""
        self.learner.learn(x, Targets(targets.positive) if self._flat else targets)


class Emergence:
    """How soon labels are first predicted correctly: at which of their first 20 positives."""

    def __init__(self) -> None:
        self._positives: dict[int, int] = {}
        self._caught: dict[int, int] = {}

    def update(self, predicted: Ids, targets: Targets) -> None:
        """Count one message."""
        guessed = set(predicted.tolist())
        for label in targets.positive.tolist():
            # The first positive only introduces the label: no learner can predict it.
            count = self._positives[label] = self._positives.get(label, -1) + 1
            if count > 0 and label in guessed:
                self._caught.setdefault(label, count)

    def summary(self) -> tuple[list[int], int]:
        """Return each label's positive at which it was first predicted, and how many labels had 20 more."""
        eligible = [label for label, count in self._positives.items() if count >= 20]
        return sorted(self._caught[label] for label in eligible if label in self._caught), len(eligible)


def run(stream: Stream, learner: LabelExpansion | IHOMER, schedule: str, seed: int) -> Run:
    """Test, then train, on all messages but the probes; predict the probes at every checkpoint."""
    taught, scores, emergence = Taught(learner), Hierarchical(), Emergence()
    probes = range(seed, len(stream.x), PROBES)
    places: list[float] = []
    curves: list[list[float]] = []
    every = max(1, len(stream.x) // CHECKPOINTS)
    started = time.thread_time()
    for place, (x, paths) in enumerate(zip(stream.x, stream.paths, strict=True)):
        if place % PROBES != seed % PROBES:
            depth = 1 + place * stream.levels // len(stream.x) if schedule == "levels" else stream.levels
            labels = ["/".join(path.split("/")[:depth]) for path in paths]
            predicted = taught.predict(x)
            targets = taught.taxonomy.targets(labels)
            scores.update(predicted, targets, taught.taxonomy)
            emergence.update(predicted, targets)
            taught.learn(x, targets)
        if (place + 1) % every == 0:
            places.append(place + 1.0)
            curves.append(_probe(taught, stream, probes))
    summary = scores.summary()
    caught, eligible = emergence.summary()
    per_level = list(zip(*(curve[1:] for curve in curves), strict=True))
    return Run(
        summary.f1,
        summary.levels,
        summary.coherence,
        anytime_area(places, [curve[0] for curve in curves]),
        tuple(forgetting(curve) for curve in per_level),
        caught,
        eligible,
        time.thread_time() - started,
    )


def _probe(taught: Taught, stream: Stream, probes: Sequence[int]) -> list[float]:
    """Return hierarchical F1 on the fully labelled probes, then F1 of each level."""
    scores = Hierarchical()
    whole = Taxonomy(path for paths in stream.paths for path in paths)
    for place in probes:
        named = taught.taxonomy.names(taught.predict(stream.x[place]))
        scores.update(whole.ids(named), Targets(whole.targets(stream.paths[place]).positive), whole)
    summary = scores.summary()
    return [summary.f1, *summary.levels]


def report(name: str, runs: Sequence[Run]) -> str:
    """Return one line: means and standard deviations in points."""

    def figure(values: Sequence[float]) -> str:
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        return f"{100 * statistics.mean(values):5.2f}±{100 * spread:4.2f}"

    levels = "  ".join(figure(values) for values in zip(*(each.levels for each in runs), strict=True))
    within = [sum(place <= 20 for place in each.caught) / max(1, each.eligible) for each in runs]
    return (
        f"{name:>13}  {figure([each.f1 for each in runs])}  {levels}  {figure([each.area for each in runs])}"
        f"  {figure([each.forgotten[0] for each in runs])}  {figure([each.coherence for each in runs])}"
        f"  {figure(within)}  {statistics.mean(each.seconds for each in runs):6.1f} s"
    )


def curve(runs: Sequence[Run]) -> str:
    """Return the share of labels predicted correctly within their next 1, 2, 5, 10 and 20 positives."""
    eligible = sum(each.eligible for each in runs)
    caught = np.array([place for each in runs for place in each.caught])
    shares = [
        f"{k}: {100 * np.count_nonzero(caught <= k) / max(1, eligible):.0f} %" for k in (1, 2, 5, 10, 20)
    ]
    return f"caught within ({eligible // len(runs)} labels)  " + "  ".join(shares)


def main() -> None:
    """Print a table per data set and schedule."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", choices=sorted(FACET), nargs="*", default=sorted(FACET, reverse=True))
    asked.add_argument("--schedule", choices=["levels", "data"], nargs="*", default=["levels", "data"])
    asked.add_argument("--limit", type=int, default=3000)
    asked.add_argument("--seeds", type=int, default=5)
    asked.add_argument("--only", nargs="*", choices=sorted(VARIANTS), default=list(VARIANTS))
    options = asked.parse_args()
    for name in options.data:
        stream = load(name, options.limit)
        for schedule in options.schedule:
            print(f"{name}, {schedule}, {len(stream.x)} messages, {options.seeds} seeds")
            print("              hier. F1   F1 by level ...   area   forgotten(1)  coherent  caught in 20")
            runs: dict[str, list[Run]] = {variant: [] for variant in options.only}
            for seed in range(options.seeds):
                for variant, made in runs.items():
                    learner = VARIANTS[variant](seed)
                    made.append(run(stream, learner, schedule, seed))
                    print(f"seed {seed}, {report(variant, made[-1:])}", file=sys.stderr, flush=True)
            for variant, made in runs.items():
                print(report(variant, made))
                print(f"              {curve(made)}", flush=True)


if __name__ == "__main__":
    main()
