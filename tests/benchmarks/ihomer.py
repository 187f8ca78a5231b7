"""iHOMER's default: messages per second on one core, predict and learn, and where the time goes.

Run `python -m tests.benchmarks.ihomer [--parts] [--text] [--labels 14 ...] [--scale 1.0]`. Vectors have 100
features; with `--text` they are Reuters' in 1,024 dimensions and a sparse part. The first 3,000 messages are
not measured: after 2,000 the experts that add nothing fall asleep. `--parts` prints the microseconds of each
part of a message instead, without those of the parts that it calls; measuring adds about one to each call.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from typing import Any

import numpy as np

from drift.core import Vector
from learners.core import Targets
from learners.ensemble.ihomer import IHOMER
from learners.wrappers.river_models import BinaryRelevance
from tests.benchmarks.silence import load
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


def warmed(labels: int, scale: float) -> tuple[IHOMER, list[tuple[Vector, Targets]]]:
    """Return a learner that knows all labels and has a full window, and the messages to measure it with."""
    learner = IHOMER(max_labels=100_000)
    learner.label_space.ids(map(str, range(labels)))
    first = scaled(3000, scale)
    messages = stream(first + scaled(1000, scale), labels)
    run(learner, messages[:first])
    return learner, messages[first:]


def warmed_by_text(scale: float) -> tuple[IHOMER, list[tuple[Vector, Targets]]]:
    """Return the same for the texts of Reuters."""
    learner, first = IHOMER(), scaled(3000, scale)
    texts = load(first + scaled(1000, scale))
    messages = [(x, learner.label_space.targets(labels)) for x, labels in texts]
    run(learner, messages[:first])
    return learner, messages[first:]


def speed(learner: IHOMER, messages: list[tuple[Vector, Targets]]) -> float:
    """Return messages per second, the median of five parts: each message is new to the learner."""
    turns, share = iter(range(5)), max(1, len(messages) // 5)
    return rate(lambda: run(learner, messages[(n := next(turns)) * share : (n + 1) * share]))


class Parts:
    """Measures methods of a learner's parts, each without those that it calls.

    Parameters
    ----------
    learner
        Its parts are changed: they measure themselves from now on.
    """

    METHODS = (
        *("_look", "_score", "_decide", "_teach", "_rehearse", "ask", "teach", "logits", "score", "regress"),
        *("update", "update_some", "nearest", "vote", "temper", "transform", "of", "mix", "values"),
        *("predict", "learn", "learn_predicted", "learn_named", "add", "draw", "without_silent"),
    )

    def __init__(self, learner: IHOMER) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self._inside = [0.0]
        for name, part in {**vars(learner), **vars(learner._models), "": learner}.items():
            for method in self.METHODS:
                if type(part).__module__.startswith("learners.") and hasattr(part, method):
                    self._measure(part, method, f"{name} {method}".replace("_", " ").strip())

    def _measure(self, part: Any, method: str, name: str) -> None:
        original = getattr(part, method)

        def measured(*arguments: Any, **named: Any) -> Any:
            began = time.thread_time()
            self._inside.append(0.0)
            result = original(*arguments, **named)
            seconds = time.thread_time() - began
            self.seconds[name] += seconds - self._inside.pop()
            self._inside[-1] += seconds
            self.calls[name] += 1
            return result

        setattr(part, method, measured)

    def show(self, messages: int) -> None:
        """Print the parts that take more than one in a hundred, the largest first."""
        whole = sum(self.seconds.values())
        for name, seconds in sorted(self.seconds.items(), key=lambda each: -each[1]):
            if seconds * 100 > whole:
                print(f"{1e6 * seconds / messages:8.1f} us {self.calls[name] / messages:5.2f} calls  {name}")


def main() -> None:
    """Print rates, or what the parts of a message cost, by the number of labels."""
    arguments = parser(__doc__)
    arguments.add_argument("--parts", action="store_true")
    arguments.add_argument("--text", action="store_true")
    arguments.add_argument("--labels", type=int, nargs="*", default=(14, 100, 1000, 10_000, 100_000))
    given = arguments.parse_args()
    for labels in (None,) if given.text else given.labels:
        learner, messages = warmed_by_text(given.scale) if labels is None else warmed(labels, given.scale)
        print("text" if labels is None else f"{labels:>5} labels", end=":\n" if given.parts else ": ")
        if given.parts:
            Parts(learner).show(run(learner, messages))
        else:
            print(f"{speed(learner, messages):,.0f} messages/s")


if __name__ == "__main__":
    main()
