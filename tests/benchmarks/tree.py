"""The multi-label tree: messages per second, how soon it finds planted splits, and recovers from a swap.

Run `python -m tests.benchmarks.tree [--profile] [--scale 1.0]`. Target at 100 features, 100 labels and 3
labels per message: 3,000 messages per second on one core, exact label-sets within 5,000 messages, and again
within 2,000 after a sudden swap of the concept.
"""

from __future__ import annotations

import cProfile
import pstats

import numpy as np

from drift.core import Vector
from learners.core.labels import Targets
from learners.tree.hoeffding_adaptive_tree import HoeffdingAdaptiveTree
from tests.benchmarks.timing import parser, rate, scaled
from tests.learners.streams import threshold_stream

FEATURES, LABELS = 100, 100
Messages = list[tuple[Vector, Targets]]


def fresh() -> HoeffdingAdaptiveTree:
    """Return a learner that knows all labels by name."""
    learner = HoeffdingAdaptiveTree()
    learner.label_space.ids(f"l{label}" for label in range(LABELS))
    return learner


def planted(messages: int, seed: int = 0, shift: int = 0) -> Messages:
    """Return a planted stream in ids, so that only the learner is timed."""
    space = fresh().label_space
    stream = threshold_stream(messages, FEATURES, LABELS, seed, shift)
    return [(message.x, space.targets(message.labels)) for message in stream]


def run(learner: HoeffdingAdaptiveTree, messages: Messages) -> list[bool]:
    """Predict and learn every message; return which label-sets were predicted exactly."""
    exact = []
    for x, targets in messages:
        exact.append(np.array_equal(learner.predict(x).labels, targets.positive))
        learner.learn(x, targets)
    return exact


def by_part(exact: list[bool], size: int) -> str:
    """Return the share of exact label-sets in each part of a stream."""
    return " ".join(f"{np.mean(exact[first : first + size]):.2f}" for first in range(0, len(exact), size))


def main() -> None:
    """Print rates and learning curves, or a profile."""
    arguments = parser(__doc__)
    arguments.add_argument("--profile", action="store_true")
    given = arguments.parse_args()
    messages = planted(scaled(5000, given.scale))
    # Compiles the kernels.
    run(fresh(), messages[:1000])
    if given.profile:
        with cProfile.Profile() as profile:
            run(fresh(), messages)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        return
    print(f"{rate(lambda: len(run(fresh(), messages))):,.0f} messages/s, median of 5 runs from the start")
    learner = fresh()
    print(f"exact, each 500 messages:                {by_part(run(learner, messages), 500)}")
    swapped = planted(scaled(3000, given.scale), 2, shift=1)
    print(f"exact, each 250 messages after the swap: {by_part(run(learner, swapped), 250)}")
    print(learner.statistics())


if __name__ == "__main__":
    main()
