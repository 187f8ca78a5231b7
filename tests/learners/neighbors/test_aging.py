"""ARkNN against a plain version that follows its definition message by message."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core import Vector
from learners.core.labels import Targets
from learners.neighbors.aging import AgingNeighbours
from tests.learners.neighbors.test_ranges import plain_ranges
from tests.learners.streams import linear_stream, only

LABELS = 3


class Plain:
    """Messages as a list of their vector, label-set and fitness."""

    def __init__(self, k: int, window: int) -> None:
        self.k, self.window = k, window
        self.kept: list[tuple[Vector, set[str], float, int]] = []
        self.exact = self.asked = 0.0

    def likeness(self, a: Vector, b: Vector) -> float:
        """Return the cosine of two vectors after scaling."""
        low, high = plain_ranges([each[0] for each in self.kept], 4)
        within = [(np.clip(x, low, high).astype(float) - low)[high > low] for x in (a, b)]
        u, v = (each / (high - low)[high > low] for each in within)
        size = float(np.linalg.norm(u) * np.linalg.norm(v))
        return float(u @ v) / size if size else 0.0

    def step(self, x: Vector, labels: set[str], names: list[str]) -> dict[str, float]:
        """Predict, learn, and return the votes."""
        near = sorted(self.kept, key=lambda each: (-round(self.likeness(each[0], x), 12), each[3]))[: self.k]
        weights = [each[2] * (1 + self.likeness(each[0], x)) for each in near]
        votes = {
            name: sum(w for w, each in zip(weights, near, strict=True) if name in each[1])
            / (sum(weights) or 1)
            for name in names
        }
        usual = self.exact / self.asked if self.asked else 0.0
        chosen = [each[3] for each in near]
        self.kept = [
            (*each[:2], min(1.0, max(0.0, each[2] + (each[1] == labels) - usual)), each[3])
            if each[3] in chosen
            else each
            for each in self.kept
        ]
        predicted = {name for name, vote in votes.items() if vote >= 0.5}
        self.exact, self.asked = 0.995 * self.exact + (predicted == labels), 0.995 * self.asked + 1
        self.kept = [(*each[:2], 0.995 * each[2], each[3]) for each in self.kept if each[2] * 0.995 >= 0.001]
        if len(self.kept) == self.window:
            least = min((each[2], each[3]) for each in self.kept)[1]
            self.kept = [each for each in self.kept if each[3] != least]
        free = min(set(range(self.window)) - {each[3] for each in self.kept})
        self.kept.append((x, labels, 1.0, free))
        return votes


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 4), st.integers(4, 20), st.integers(1, 80), st.integers(0, 99))
def test_equals_its_definition(k: int, window: int, messages: int, seed: int) -> None:
    """Votes and the messages kept, with their fitness, are those of the plain version."""
    learner, plain = AgingNeighbours(k, window), Plain(k, window)
    for message in linear_stream(messages, 4, LABELS, seed):
        names = learner.label_space.names()
        scores = dict(zip(names, learner.score(message.x).tolist(), strict=True))
        votes = plain.step(message.x, set(message.labels), names)
        assert all(abs(votes[name] - scores[name]) < 1e-5 for name in names)
        learner.learn(message.x, learner.label_space.targets(message.labels))
    fitness = np.zeros(window)
    for *_, kept, place in plain.kept:
        fitness[place] = kept
    np.testing.assert_allclose(learner.state()["fitness"], fitness, atol=1e-9)


def test_what_misleads_leaves_and_what_is_right_stays() -> None:
    """One message with a wrong label among right ones is soon not asked any more."""
    learner = AgingNeighbours(k=1, window=50)
    learner.label_space.ids(["wrong", "right"])
    x = np.array([1.0, 2.0], dtype=np.float32)
    learner.learn(x, only(1))
    learner.learn(x * 2, only(0))
    learner.learn(x, only(1))
    for _ in range(5):
        learner.learn(x, only(1))
    assert learner.score(x).tolist() == [0.0, 1.0]
    other = np.array([1.0, 0.0], dtype=np.float32)
    learner.learn(other, only(0))
    for _ in range(5):
        learner.learn(other, only(1))
    assert learner.score(other).tolist() == [0.0, 1.0]


def test_neighbours_that_do_not_know_do_not_vote() -> None:
    """A label that a neighbour leaves open is decided by the others; only what is known is judged."""
    learner = AgingNeighbours(k=2, window=2)
    learner.label_space.ids(["a", "b"])
    x = np.ones(2, dtype=np.float32)
    learner.learn(x, Targets(np.array([0]), np.array([], dtype=np.intp)))
    learner.learn(x, Targets(np.array([1]), np.array([], dtype=np.intp)))
    scores = learner.score(x)
    assert scores[1] == 1.0
