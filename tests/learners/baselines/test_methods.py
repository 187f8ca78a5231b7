"""The published methods: each learns what can be learned, alike in two processes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from learners.baselines.model_rules import AdaptiveModelRules
from learners.catalogue import make
from tests.learners.streams import linear_stream

METHODS = [
    "br-lr",
    "br-knn",
    "br-nb",
    "br-amr",
    "br-ht",
    "br-hat",
    "br-efdt",
    "br-sgt",
    "br-amf",
    "br-arf",
    "br-abalr",
    "br-abolr",
    "cc",
    "isoup-tree",
    "mlht-ps",
]
"""All but `mlht`, whose leaves predict one label-set each: 700 messages are too few for it to split."""

DIGEST = """
from learners.catalogue import make
from tests.learners.checks import stream, teach
for name in {names}:
    learner = make(name)
    teach(learner, stream(420))
    print(name, learner.digest())
"""


@pytest.mark.parametrize("name", METHODS)
def test_it_learns(name: str) -> None:
    """Given 500 messages, more labels are right than without looking at the features."""
    learner = make(name, buffer=300) if name == "mlht-ps" else make(name)
    right, blind = [], []
    for position, (x, labels) in enumerate(linear_stream(700, features=3, labels=2, shift=0.3)):
        truth = learner.label_space.targets(labels)
        if position >= 500:
            size = len(learner.label_space)
            guess, on = np.zeros(size, dtype=np.bool_), truth.dense(size)
            guess[learner.predict(x).labels] = True
            right.append(guess == on)
            blind.append(~on)
        learner.learn(x, truth)
    assert np.mean(right) > np.mean(blind) + 0.05


@pytest.mark.parametrize("name", [*METHODS, "mlht"])
def test_dull_features_do_no_harm(name: str) -> None:
    """Constant and binary features, and a label that comes only once, are no reason to fail."""
    learner = make(name, buffer=50) if name == "mlht-ps" else make(name)
    generator = np.random.default_rng(0)
    for position in range(450):
        on = bool(generator.random() < 0.5)
        x = np.array([0.0, 3.0, on], dtype=np.float32)
        assert np.isfinite(learner.predict(x).scores).all()
        learner.learn(x, learner.label_space.targets(["on"] * on + ["once"] * (position == 5)))


def test_two_processes_agree() -> None:
    """Names are hashed differently in every process, addresses differ too; the digests do not."""
    names = ["br-amr", "isoup-tree", "br-efdt", "mlht-ps"]
    said = [
        subprocess.run(
            [sys.executable, "-c", DIGEST.format(names=names)],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in (1, 2)
    ]
    assert said[0].count("\n") == len(names)
    assert said[0] == said[1]


def test_rules_stand_constant_targets() -> None:
    """A label that never occurs, and examples without features, are no reason to fail."""
    rules = AdaptiveModelRules(n_min=10)
    for step in range(50):
        rules.learn_one({}, 0.0)
        rules.learn_one({"x": step % 5, "y": step % 3}, 0.0)
    assert rules.predict_one({"x": 1, "y": 1}) == 0.0
