"""Small labelled streams for tests: every message is a vector and the ids of its labels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.core.base import Learner
from learners.core.labels import Targets

PLANTED = {0: 0.0, 3: 0.2, 7: -0.3}
"""Features that `threshold_stream` follows, and the threshold of each."""


class Message(NamedTuple):
    """One vector and its labels."""

    x: NDArray[np.float32]
    labels: list[str]


def linear_stream(
    messages: int, features: int, labels: int, seed: int = 0, shift: float = 0.8
) -> list[Message]:
    """Return a stream where each label is a half-space of the features; `shift` makes labels rarer."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(labels, features))
    x = rng.normal(size=(messages, features)).astype(np.float32)
    on = x @ weights.T > shift * np.sqrt(features)
    return [
        Message(row, [f"l{label}" for label in np.flatnonzero(truth)])
        for row, truth in zip(x, on, strict=True)
    ]


def learn_all(learner: Learner, stream: list[Message]) -> Learner:
    """Predict and learn every message, as the service does."""
    for message in stream:
        learner.predict(message.x)
        learner.learn(message.x, learner.label_space.targets(message.labels))
    return learner


def subset_accuracy(learner: Learner, stream: list[Message], after: int = 0) -> float:
    """Return the share of messages past the first `after` whose label-set was predicted exactly."""
    exact = []
    for message in stream:
        predicted = learner.label_space.names(learner.predict(message.x).labels)
        exact.append(sorted(predicted) == sorted(message.labels))
        learner.learn(message.x, learner.label_space.targets(message.labels))
    return float(np.mean(exact[after:]))


def only(*labels: int) -> Targets:
    """Return complete targets with these ids."""
    return Targets(np.array(labels, dtype=np.intp))


def threshold_stream(
    messages: int, features: int, labels: int, seed: int = 0, shift: int = 0
) -> list[Message]:
    """Return a stream whose label-sets of three follow from three thresholds, another way for each shift.

    The thresholds are those of `PLANTED`; the vectors are uniform in [-1, 1].
    """
    rng = np.random.default_rng(seed)
    sets = np.sort(np.random.default_rng(1).choice(labels, (8, 3), replace=False))
    x = rng.uniform(-1, 1, (messages, features)).astype(np.float32)
    region = (x[:, list(PLANTED)] > np.array(list(PLANTED.values()))) @ np.array([1, 2, 4])
    return [
        Message(row, [f"l{label}" for label in sets[(number + shift) % 8]])
        for row, number in zip(x, region, strict=True)
    ]


def prototype_stream(
    messages: int, labels: int, features: int, seed: int = 0, group: int = 50, noise: float = 1.0
) -> list[Message]:
    """Return a stream whose vectors are noisy means of the prototypes of their three labels or fewer.

    Labels come in groups around a centre, those of a message from one group; frequencies are Zipf's, so
    labels appear for the first time all along the stream.
    """
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(1, labels // group), features))
    groups = rng.integers(0, len(centres), labels)
    prototypes = (centres[groups] + rng.normal(size=(labels, features))).astype(np.float32)
    frequencies = rng.permutation(1.0 / np.arange(1, labels + 1))
    stream = []
    for first in rng.choice(labels, messages, p=frequencies / frequencies.sum()):
        near = np.flatnonzero(groups == groups[first])
        others = rng.choice(near, 2, p=frequencies[near] / frequencies[near].sum())
        chosen = np.unique([first, *others])
        x = prototypes[chosen].mean(axis=0) + noise * rng.normal(size=features)
        stream.append(Message(x.astype(np.float32), [f"l{label}" for label in chosen]))
    return stream
