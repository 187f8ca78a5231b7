"""MLSAMkNN against a plain version that follows its definition message by message."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core import Vector
from learners.core.labels import Targets
from learners.neighbors import self_adjusting
from learners.neighbors.compression import compressed
from learners.neighbors.self_adjusting import SelfAdjustingNeighbours
from tests.learners.neighbors.test_ranges import plain_ranges
from tests.learners.streams import only

LABELS = 3
Share = dict[int, float]


class Kept(NamedTuple):
    """A message: what is known of its labels, what each memory had wrong, distances to those before it."""

    x: Vector
    said: dict[int, bool]
    targets: Targets
    errors: list[int | None]
    apart: dict[int, np.float32]
    number: int


class Plain:
    """Two lists of messages, from which everything is computed anew."""

    def __init__(self, k: int, window: int, smallest: int) -> None:
        self.k, self.window, self.smallest = k, window, smallest
        self.short: list[Kept] = []
        self.long: list[Kept] = []
        self.ranges = plain_ranges([], 3)
        self.happened = {"bounded": 0, "cleaned": 0, "cut": 0, "long": 0, "both": 0}

    def distance(self, a: Vector, b: Vector) -> np.float32:
        """Return the squared distance after scaling."""
        within = (np.clip(x, *self.ranges).tolist() for x in (a, b))
        pairs = zip(*within, *(end.tolist() for end in self.ranges), strict=True)
        return np.float32(sum(((u - v) / (most - least)) ** 2 for u, v, least, most in pairs if most > least))

    def near(self, x: Vector, kept: list[Kept]) -> list[Kept]:
        """Return the k nearest of some messages."""
        return sorted(kept, key=lambda each: self.distance(each.x, x))[: self.k]

    def vote(self, near: list[Kept]) -> Share:
        """Return the share of neighbours with each label, of those that know it."""
        known = {label: [each.said[label] for each in near if label in each.said] for label in range(LABELS)}
        return {label: sum(some) / len(some) if some else 0.0 for label, some in known.items()}

    def wrong(self, share: Share, said: dict[int, bool]) -> int:
        """Return how many known labels are wrong."""
        return sum((share[label] >= 0.5) != truth for label, truth in said.items())

    def votes(self, x: Vector) -> list[Share | None]:
        """Return what each memory says."""
        first = self.vote(self.near(x, self.short))
        if not self.long:
            return [first, None, first]
        return [first, self.vote(self.near(x, self.long)), self.vote(self.near(x, self.short + self.long))]

    def predict(self, x: Vector) -> Share:
        """Return what the memory says that has erred least."""
        votes = self.votes(x)
        means = []
        for memory in range(3):
            errors = [found for each in self.short if (found := each.errors[memory]) is not None]
            means.append(sum(errors) / len(errors) if errors else np.inf)
        chosen = int(np.argmin(means)) if self.long else 0
        self.happened["long"] += chosen == 1
        self.happened["both"] += chosen == 2
        return votes[chosen] or {}

    def in_turn(self, kept: list[Kept]) -> float:
        """Return the mean errors if each message is predicted from those before it."""
        total = 0
        for place, each in enumerate(kept):
            near = sorted(kept[:place], key=lambda other: each.apart[other.number])[: self.k]
            total += self.wrong(self.vote(near), each.said)
        return total / len(kept)

    def contradicts(self, each: Kept, own: Kept, peers: list[Kept]) -> bool:
        """Return whether a message has a label wrong that a peer as far away has right."""
        for label, truth in own.said.items():
            right = [self.distance(peer.x, own.x) for peer in peers if peer.said.get(label) is truth]
            differs = each.said.get(label) is (not truth)
            if differs and right and self.distance(each.x, own.x) <= max(right):
                return True
        return False

    def clean(self, kept: list[Kept], own: Kept) -> list[Kept]:
        """Return messages without those of the k nearest that contradict one."""
        if len(self.short) <= self.k:
            return kept
        peers = self.near(own.x, [each for each in self.short if each is not own])
        bad = {each.number for each in self.near(own.x, kept) if self.contradicts(each, own, peers)}
        self.happened["cleaned"] += len(bad)
        return [each for each in kept if each.number not in bad]

    def bound(self, number: int) -> None:
        """Move the oldest, and compress."""
        most = int(0.4 * self.window)
        count = max(1, most - len(self.long) + 1)
        moved, self.short = self.long + self.short[:count], self.short[count:]
        spread = self.ranges[1] - self.ranges[0]
        vectors = np.stack([np.clip(each.x, *self.ranges) for each in moved], axis=1)
        found, kept = compressed(vectors, [each.targets for each in moved], spread, number + 1)
        said = {id(each.targets): each.said for each in moved}
        new = [
            Kept(x, said[id(targets)], targets, [], {}, -1 - place - 1000 * number)
            for place, (x, targets) in enumerate(zip(found.T, kept, strict=True))
        ]
        self.long = new[max(0, len(new) - most) :]
        self.happened["bounded"] += 1

    def learn(self, x: Vector, said: dict[int, bool], targets: Targets, number: int) -> None:
        """Judge, keep, adjust."""
        errors = [None if vote is None else self.wrong(vote, said) for vote in self.votes(x)]
        self.ranges = plain_ranges([*(each.x for each in self.short), x], 3)
        own = Kept(x, said, targets, errors, {e.number: self.distance(x, e.x) for e in self.short}, number)
        self.short.append(own)
        self.adjust(own, number)
        self.ranges = plain_ranges([each.x for each in self.short], 3)

    def adjust(self, own: Kept, number: int) -> None:
        """Bound, clean, cut."""
        if len(self.short) + len(self.long) > self.window:
            self.bound(number)
        self.long = self.clean(self.long, own)
        if len(self.short) < 2 * self.smallest:
            return
        sizes = [len(self.short)]
        while sizes[-1] // 2 >= self.smallest:
            sizes.append(sizes[-1] // 2)
        best = min(sizes, key=lambda size: self.in_turn(self.short[-size:]))
        past, self.short = self.short[:-best], self.short[-best:]
        self.happened["cut"] += len(past) > 0
        for each in self.short:
            past = self.clean(past, each)
        self.long += past


def compare(k: int, window: int, smallest: int, messages: int, seed: int, *, partial: bool) -> dict[str, int]:
    """Hold both against each other on labels that turn round in the middle; return what happened."""
    learner, plain = SelfAdjustingNeighbours(k, window), Plain(k, window, smallest)
    learner.label_space.ids(map(str, range(LABELS)))
    generator = np.random.default_rng(seed)
    for number in range(messages):
        x = generator.normal(size=3).astype(np.float32)
        turn = 1 if number < messages // 2 else -1
        said = {label: bool(turn * x[label] > 0.3) for label in range(LABELS)}
        if partial:
            said = {label: truth for label, truth in said.items() if generator.random() < 0.7}
        yes = np.array([label for label, truth in said.items() if truth], dtype=np.intp)
        no = np.array([label for label, truth in said.items() if not truth], dtype=np.intp)
        targets = Targets(yes, no if partial else None)
        prediction, expected = learner.predict(x), plain.predict(x)
        np.testing.assert_allclose(prediction.scores, [expected[label] for label in range(LABELS)], atol=1e-6)
        learner.learn_predicted(x, targets, prediction if number % 2 else None)
        plain.learn(x, said, targets, number)
        assert len(learner._short) + len(learner._long) <= window
    for kept, expected_ones in ((learner._short, plain.short), (learner._long, plain.long)):
        vectors = np.array([each.x for each in expected_ones]).reshape(-1, 3)
        np.testing.assert_array_equal(kept.vectors.T.reshape(-1, 3), vectors)
    return plain.happened


@settings(deadline=None, max_examples=30)
@given(
    st.tuples(st.integers(1, 4), st.integers(8, 40), st.integers(2, 8), st.integers(1, 90)),
    st.integers(0, 99),
    st.booleans(),
)
def test_equals_its_definition(sizes: tuple[int, int, int, int], seed: int, partial: bool) -> None:
    """Votes and what is in either memory are those of the plain version."""
    k, window, smallest, messages = sizes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(self_adjusting, "SMALLEST", smallest)
        compare(k, window, smallest, messages, seed, partial=partial)


@pytest.mark.parametrize("partial", [False, True])
def test_equals_its_definition_in_all_that_it_does(monkeypatch: pytest.MonkeyPatch, partial: bool) -> None:
    """Memories are cut, cleaned and compressed, and each of the three has its turn."""
    monkeypatch.setattr(self_adjusting, "SMALLEST", 5)
    assert all(compare(2, 40, 5, 150, 3, partial=partial).values())


def test_messages_stay_within_the_window() -> None:
    """Even where each has a label-set of its own and lies apart, so that nothing is compressed or cleaned."""
    learner = SelfAdjustingNeighbours(k=3, window=20)
    for number in range(60):
        learner.label_space.ids([str(number)])
        learner.learn(np.array([number], dtype=np.float32), only(number))
        assert len(learner._short) + len(learner._long) == min(number + 1, 20)


def test_a_change_cuts_the_short_term_memory() -> None:
    """After labels have turned round, old messages leave, and predictions are right again soon."""
    learner = SelfAdjustingNeighbours()
    learner.label_space.ids(["a", "b"])
    generator = np.random.default_rng(1)
    right = []
    for number in range(700):
        x = generator.normal(size=2).astype(np.float32)
        truth = int((x[0] > 0) == (number < 500))
        right.append(learner.predict(x).labels.tolist() == [truth])
        learner.learn(x, only(truth))
    assert np.mean(right[300:500]) > 0.9
    assert np.mean(right[500:550]) < 0.5
    assert np.mean(right[650:]) > 0.8
    assert learner._recent < 300
