"""Logistic regression of all labels at once beside one river model per label, with equal predictions.

Run `python -m tests.benchmarks.linear [--scale 1.0]`. Target: 25 times river's speed at 100 features and 100
labels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from river import linear_model, optim

from drift.core import Vector
from learners.core.labels import Targets
from learners.linear_model.logistic import AdaptiveLogisticRegression, LogisticRegression
from tests.benchmarks.timing import parser, rate, scaled

FEATURES, LABELS = 100, 100


def stream(messages: int) -> list[tuple[Vector, Targets]]:
    """Return messages of unit-normal features with three labels each."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(messages, FEATURES)).astype(np.float32)
    return [(row, Targets(np.unique(rng.integers(0, LABELS, 3)))) for row in x]


def run_ours(learner: LogisticRegression, messages: list[tuple[Vector, Targets]]) -> int:
    """Predict and learn every message."""
    learner.label_space.ids(map(str, range(LABELS)))
    for x, targets in messages:
        learner.update(x, learner.score(x), targets)
    return len(messages)


def run_river(messages: list[tuple[Vector, Targets]], scores: list[list[float]]) -> int:
    """Predict and learn every message with one river model per label."""
    models: list[Any] = [linear_model.LogisticRegression() for _ in range(LABELS)]
    rate = LogisticRegression().rate
    for vector, targets in messages:
        x, on = dict(enumerate(vector.tolist())), set(targets.positive.tolist())
        scores.append([model.predict_proba_one(x)[True] for model in models])
        step = optim.schedulers.Constant(rate / (1.0 + float(vector @ vector)))
        for label, model in enumerate(models):
            model.optimizer.lr = model.intercept_lr = step
            model.learn_one(x, label in on)
    return len(messages)


def main() -> None:
    """Print rates, their ratio and the largest difference of two probabilities."""
    scale = parser(__doc__).parse_args().scale
    messages = stream(scaled(200, scale))
    expected: list[list[float]] = []
    run_river(messages, expected)
    checked = LogisticRegression()
    checked.label_space.ids(map(str, range(LABELS)))
    difference = 0.0
    for (x, targets), scores in zip(messages, expected, strict=True):
        difference = max(difference, float(np.abs(checked.score(x) - scores).max()))
        checked.learn(x, targets)
    river = rate(lambda: run_river(messages[: scaled(40, scale)], []), runs=3)
    long = stream(scaled(5000, scale))
    for learner in (LogisticRegression, AdaptiveLogisticRegression):
        ours = rate(lambda kind=learner: run_ours(kind(), long))  # type: ignore[misc]
        print(f"{learner.__name__}: {ours:,.0f}/s, river {river:,.1f}/s, {ours / river:,.0f} times")
    print(f"largest difference of a probability from river's: {difference:.1e}")


if __name__ == "__main__":
    main()
