"""What the parts of iHOMER are worth: its scores and cost with each of them taken out, everything else equal.

Run `python -m tests.benchmarks.ablation [--sets scene yeast enron reuters21578] [--limit 4000] [--drifts
concept ...] [--seeds 0 1 2]`. *no memory* rehearses nothing and keeps windows of recent messages alone;
*unweighed* gives messages that stay in the windows for the sake of rare labels the votes of recent ones;
of the sum of the experts' logits, *no rivals* leaves out the likeliest other label, *fixed sum* keeps the
weights that labels share as they start, and *no own sum* leaves out a label's own, which pay on many labels
and messages alone: try `--sets arxiv_daily --limit 20000`; *no sleep* asks every expert about every message
(in the first 2,000 all are asked anyway). Each set is read as it is stored
and shuffled; every message is predicted and learned by all variants in turn, from the first one on, so a busy
machine slows all of them. Microseconds are of the last three quarters of a stream.

Then streams with a planted drift, of which no label falls silent for good but in *death*: the share of exact
label-sets before it, in its first 500 messages and in the 1,500 after these, means over the seeds.
Target: with the memory at most .2 points less of any score than without, at most 1.4 times the cost, and no
slower recovery.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import get_args

import numpy as np

from drift.core import Floats, Ids, Vector
from learners.core import Targets
from learners.ensemble.ihomer import IHOMER
from learners.ensemble.mixture import Mixed, Mixture
from learners.ensemble.models import PART_TIME
from learners.ensemble.sleeping import Sleepers
from learners.metrics.prequential import Prequential
from learners.neighbors.window import Window
from stream.encoders import Dense, Encoder, Hashing
from stream.records import Control, Event, Feedback
from stream.sources import open_source
from stream.testing.synthetic import Kind, PlantedDrift, Synthetic
from tests.benchmarks.drift import PATTERNS
from tests.benchmarks.partition import stored
from tests.data import DATA

START, AFTER = 2000, (500, 2000)
"""Messages before a planted drift, and ends of the parts of those after it that are told apart."""
Message = tuple[Vector, Sequence[str]]


class Unweighed(Window):
    """A window in which all messages weigh the same, however old they are."""

    def weigh(self, rows: Ids, weights: Floats) -> None:
        """Leave the weights as they are."""


def unweighed() -> IHOMER:
    """Return the default learner, of which spared messages vote like recent ones."""
    learner = IHOMER()
    near = learner._near_angle
    near._said = Unweighed(near.window, near.enough)
    learner._near_standard.follow(near)
    return learner


def without_rivals() -> IHOMER:
    """Return the default learner, whose stacker does not hear of the likeliest other label."""
    learner = IHOMER()
    learner._mixture.rivals = False
    return learner


class FixedSum(Mixture):
    """A mixture whose stacker never learns the weights that labels share."""

    def learn(self, mixed: Mixed, targets: Targets, times: float = 1.0) -> None:
        """Learn all but these weights."""
        shared = self._shared.copy()
        super().learn(mixed, targets, times)
        self._shared = shared


def with_fixed_sum() -> IHOMER:
    """Return the default learner with a `FixedSum`."""
    learner = IHOMER()
    usual = learner._mixture
    learner._mixture = FixedSum(
        usual.experts, novices=usual.novices, part_time=usual.part_time, rivals=usual.rivals
    )
    return learner


def without_own_sum() -> IHOMER:
    """Return the default learner, whose stacker learns the weights that labels share alone."""
    learner = IHOMER()
    learner._mixture.rate = 1e-12
    return learner


def awake() -> IHOMER:
    """Return the default learner, of which no expert ever sleeps."""
    learner = IHOMER()
    learner._sleepers = Sleepers(len(PART_TIME), trial=10**9)
    return learner


VARIANTS: dict[str, Callable[[], IHOMER]] = {
    "default": IHOMER,
    "no memory": lambda: IHOMER(memory=0),
    "unweighed": unweighed,
    "no rivals": without_rivals,
    "fixed sum": with_fixed_sum,
    "no own sum": without_own_sum,
    "no sleep": awake,
}


class Trial:
    """One variant on one stream."""

    def __init__(self, learner: IHOMER) -> None:
        self._learner = learner
        self.scores = Prequential()
        self.exact: list[bool] = []
        self.seconds: list[float] = []

    def follow(self, x: Vector, labels: Sequence[str]) -> None:
        """Predict a message, then learn it."""
        learner, began = self._learner, time.thread_time()
        prediction = learner.predict(x)
        targets = learner.label_space.targets(labels)
        learner.learn_predicted(x, targets, prediction)
        self.seconds.append(time.thread_time() - began)
        self.scores.update(prediction, targets, len(learner.label_space))
        self.exact.append(np.array_equal(prediction.labels, targets.positive))

    def report(self) -> str:
        """Return the scores and what a message costs."""
        found, rest = self.scores.summary(), self.seconds[len(self.seconds) // 4 :]
        return (
            f"{found.subset_accuracy:.4f} {found.micro_f1:.4f} {found.macro_f1:.4f} "
            f"{found.errors_per_message:.4f} {1e6 * statistics.mean(rest):5.0f}"
        )


def trials(messages: Iterable[Message]) -> dict[str, Trial]:
    """Give every message to all variants in turn."""
    found = {name: Trial(made()) for name, made in VARIANTS.items()}
    for x, labels in messages:
        for trial in found.values():
            trial.follow(x, labels)
    return found


def of_set(name: str, limit: int, shuffled: bool) -> Iterable[Message]:
    """Return the first messages of a set."""
    events = DATA / name / "events.jsonl.gz"
    if not events.exists():
        return stored(name, shuffled, limit)
    source = open_source(events)
    order = np.random.default_rng(1).permutation(len(source)) if shuffled else np.arange(len(source))
    return encoded(Hashing(device="cpu"), (source.message(place) for place in order[:limit].tolist()))


def encoded(encoder: Encoder, messages: Iterable[Event | Feedback | Control]) -> list[Message]:
    """Return the vectors of events, and their labels."""
    events = [message for message in messages if isinstance(message, Event)]
    return [(x, event.labels or ()) for x, event in zip(encoder.encode(events), events, strict=True)]


def recovery(drift: PlantedDrift, seed: int, after: Sequence[int]) -> dict[str, list[float]]:
    """Return by variant the share of exact label-sets, in per cent: before a drift, and in parts after it."""
    events = Synthetic([drift], seed=seed).events(drift.start + after[-1])
    cuts = [drift.start // 2, drift.start, *(drift.start + end for end in after)]
    found = trials(encoded(Dense(), (Event(**fields) for fields in events)))
    return {
        name: [100 * statistics.mean(trial.exact[low:high]) for low, high in itertools.pairwise(cuts)]
        for name, trial in found.items()
    }


def mean_of(runs: Sequence[Sequence[float]]) -> str:
    """Return the means over the runs."""
    return " ".join(f"{statistics.mean(part):5.1f}" for part in zip(*runs, strict=True))


def main() -> None:
    """Print a line for each set and order, and one for each drift."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--limit", type=int, default=4000)
    asked.add_argument("--sets", nargs="*", default=["scene", "yeast", "enron", "reuters21578"])
    asked.add_argument("--drifts", nargs="*", choices=get_args(Kind), default=list(PATTERNS))
    asked.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    asked.add_argument("--scale", type=float, default=1.0, help="share of a drift's messages")
    given = asked.parse_args()
    print(f"subset accuracy, micro-F1, macro-F1, errors a message, µs a message: {' | '.join(VARIANTS)}")
    for name in given.sets:
        for shuffled in (False, True):
            found = trials(of_set(name, given.limit, shuffled))
            lines = " | ".join(trial.report() for trial in found.values())
            print(f"{name:>16} {'shuffled' if shuffled else 'stored':>9}  {lines}", flush=True)
    start, *after = (int(given.scale * messages) for messages in (START, *AFTER))
    print("exact label-sets, %: before a drift, in its first messages, in those after them")
    for kind in given.drifts:
        for pattern in PATTERNS[kind]:
            drift = PlantedDrift(kind, pattern, start, after[-1] // 2)
            runs = [recovery(drift, seed, after) for seed in given.seeds]
            columns = (mean_of([run[name] for run in runs]) for name in VARIANTS)
            print(f"{kind + ', ' + pattern:>26}  {' | '.join(columns)}", flush=True)


if __name__ == "__main__":
    main()
