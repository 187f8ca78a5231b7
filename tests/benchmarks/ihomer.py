"""iHOMER's default: messages per second on one core, predict and learn, and where the time goes.

Run `python -m tests.benchmarks.ihomer [--profile] [--labels 14 ...] [--scale 1.0]`. Vectors have 100
features. The first 3,000 messages are not measured: after 2,000 the experts that add nothing fall asleep.
"""

from __future__ import annotations

import cProfile
import pstats

import numpy as np

from drift.core import Vector
from learners.core.labels import Targets
from learners.ensemble.ihomer import IHOMER
from learners.wrappers.river_models import BinaryRelevance
from tests.benchmarks.timing import parser, rate, scaled

FEATURES = 100


def stream(messages: int, labels: int) -> list[tuple[Vector, Targets]]:
    """Return messages from groups of ten labels, each with its own centre, three labels per message."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(max(2, labels // 10), FEATURES))
    result = []
    for _ in range(messages):
        group = int(rng.integers(len(centres)))
        x = (centres[group] + rng.normal(size=FEATURES)).astype(np.float32)
        chosen = [*(group * 10 + rng.integers(0, 10, 2)) % labels, rng.integers(labels)]
        result.append((x, Targets(np.unique(chosen).astype(np.intp))))
    return result


def run(learner: IHOMER | BinaryRelevance, messages: list[tuple[Vector, Targets]]) -> int:
    """Predict and learn every message; what was computed for the one serves the other, as in the service."""
    for x, targets in messages:
        learner.learn_predicted(x, targets, learner.predict(x))
    return len(messages)


def learner_for(labels: int, scale: float) -> IHOMER:
    """Return a learner that knows all labels and has a full window."""
    learner = IHOMER(max_labels=100_000)
    learner.label_space.ids(map(str, range(labels)))
    run(learner, stream(scaled(3000, scale), labels))
    return learner


def main() -> None:
    """Print rates by the number of labels, or a profile at the first of them."""
    arguments = parser(__doc__)
    arguments.add_argument("--profile", action="store_true")
    arguments.add_argument("--labels", type=int, nargs="*", default=(14, 100, 1000, 10_000, 100_000))
    given = arguments.parse_args()
    if given.profile:
        labels = given.labels[0]
        learner, messages = learner_for(labels, given.scale), stream(scaled(2000, given.scale), labels)
        with cProfile.Profile() as profile:
            run(learner, messages)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        return
    for labels in given.labels:
        learner, messages = learner_for(labels, given.scale), stream(scaled(1000, given.scale), labels)
        print(f"{labels:>5} labels: {rate(lambda k=learner, m=messages: run(k, m)):,.0f} messages/s")  # type: ignore[misc]


if __name__ == "__main__":
    main()
