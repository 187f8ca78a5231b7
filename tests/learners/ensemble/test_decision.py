"""Decisions: each rule serves its own score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.core.labels import Targets
from learners.ensemble.decision import RULES, TOP_K, Decision
from learners.ensemble.ihomer import IHOMER
from learners.metrics.prequential import Prequential
from learners.neighbors.nearest import NOBODY, Neighbours
from tests.learners.ensemble.plain_decision import PlainDecision
from tests.learners.streams import Message, only

NONE = np.zeros(0, dtype=np.intp)


def neighbours(*sets: tuple[int, ...]) -> Neighbours:
    """Neighbours."""
    ids = np.concatenate([only(*labels).positive for labels in sets])
    sizes = np.array([len(labels) for labels in sets])
    return Neighbours(np.full(len(sets), 1 / len(sets)), ids, sizes, np.arange(len(sets)))


def test_a_set_that_neighbours_agree_on_beats_a_threshold() -> None:
    """Two labels just under 0.5 that always come together are predicted together."""
    decision, clusters = Decision("subset"), np.zeros(2, dtype=np.intp)
    p = np.array([0.49, 0.49], dtype=np.float32)
    near = neighbours((0, 1), (0, 1), ())
    for _ in range(50):
        decided = decision.decide(p, (near,), NONE, clusters)
        decision.learn(decided, only(0, 1))
    assert decision.decide(p, (near,), NONE, clusters).labels.tolist() == [0, 1]


def test_a_candidate_is_worth_what_it_earned() -> None:
    """Labels said to be likely that never come are not predicted for long, whatever the rule."""
    for rule in RULES:
        decision, clusters = Decision(rule), np.zeros(2, dtype=np.intp)
        p = np.array([0.8, 0.8], dtype=np.float32)
        for _ in range(100):
            decision.learn(decision.decide(p, (NOBODY,), NONE, clusters), only())
        assert decision.decide(p, (NOBODY,), NONE, clusters).labels.tolist() == []


@pytest.mark.parametrize("rule", [*RULES, *TOP_K])
def test_labels_that_are_not_listed_are_as_improbable_ones(rule: str) -> None:
    """What is decided among the listed labels, and learned from it, has the same bits."""
    every, short, rng = Decision(rule), Decision(rule), np.random.default_rng(0)
    clusters = np.arange(12, dtype=np.intp) // 3
    for _ in range(60):
        previous, *sets = (np.sort(rng.choice(12, 2, replace=False)) for _ in range(4))
        near = neighbours(*(tuple(each.tolist()) for each in sets))
        listed = np.unique([*previous, *near.ids, *rng.choice(12, 3)])
        p = np.zeros(12, dtype=np.float32)
        p[listed] = rng.random(len(listed), dtype=np.float32)
        one = every.decide(p, (near,), previous, clusters)
        other = short.decide(p[listed], (near,), previous, clusters, listed)
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
        truth = only(*rng.choice(12, 2, replace=False))
        every.learn(one, truth)
        short.learn(other, truth)


def test_a_rare_label_is_predicted_sooner_than_a_common_one() -> None:
    """Macro-F1 counts a rare label as much as a common one, so a lower probability is enough."""
    decision, clusters = Decision("macro_f1"), np.zeros(2, dtype=np.intp)
    for message in range(200):
        p = np.array([0.6, 0.3 if message % 20 == 0 else 0.0], dtype=np.float32)
        truth = [0] * (message % 5 < 3) + [1] * (message % 60 == 0)
        decision.learn(decision.decide(p, (NOBODY,), NONE, clusters), only(*truth))
    p = np.array([0.3, 0.3], dtype=np.float32)
    assert decision.decide(p, (NOBODY,), NONE, clusters).labels.tolist() == [1]


def test_nothing_likely_is_nothing_predicted() -> None:
    """Nothing likely is nothing predicted."""
    decision = Decision()
    decided = decision.decide(np.full(5, 0.01, dtype=np.float32), (NOBODY,), NONE, np.zeros(5, dtype=np.intp))
    assert decided.labels.tolist() == []
    decision.learn(decided, only(3))


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(sorted(RULES)), st.integers(1, 14), st.integers(0, 10_000))
def test_compiled_equals_plain(rule: str, labels: int, seed: int) -> None:
    """Every candidate, choice, expectation and state is that of the whole-array formulae."""
    rng = np.random.default_rng(seed)
    clusters, previous = rng.integers(0, 4, labels), NONE
    compiled, plain = Decision(rule), PlainDecision(rule)
    for message in range(25):
        # Labels appear as the messages come.
        size = min(labels, 1 + message)
        near = tuple(
            neighbours(*(tuple(np.flatnonzero(rng.random(size) < 0.3).tolist()) for _ in range(count)))
            for count in (5, int(rng.integers(1, 4)))
        )
        # Some may be too far away to be heard.
        near = tuple(each._replace(weights=each.weights * rng.choice([0.2, 1.0])) for each in near)
        p = (rng.random(size) * 0.7 * (rng.random(size) < 0.8)).astype(np.float32)
        truth = np.flatnonzero(rng.random(labels) < 0.3)
        decided = [each.decide(p, near, previous, clusters[:size]) for each in (compiled, plain)]
        for one, other in zip(*decided, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
        for each, own in zip((compiled, plain), decided, strict=True):
            each.learn(own, Targets(truth))
        previous = truth[truth < size]
        for name, value in compiled.state().items():
            np.testing.assert_allclose(value, plain.state()[name], rtol=1e-9, atol=1e-12)


def score(rule: str, stream: list[Message]) -> dict[str, float]:
    """Score."""
    learner = IHOMER(rule=rule)
    pairs = []
    for message in stream:
        pairs.append((set(learner.label_space.names(learner.predict(message.x).labels)), set(message.labels)))
        learner.learn(message.x, learner.label_space.targets(message.labels))
    right = sum(len(guess & truth) for guess, truth in pairs)
    sizes = sum(len(guess) + len(truth) for guess, truth in pairs)
    errors = sum(len(guess ^ truth) for guess, truth in pairs)
    return {
        "subset": float(np.mean([guess == truth for guess, truth in pairs])),
        "micro_f1": 2 * right / sizes,
        "hamming": -errors,
    }


def test_rules_serve_their_scores() -> None:
    """On noisy pairs of labels, each rule is at least as good as the others at its own score."""
    rng = np.random.default_rng(0)
    stream = []
    for _ in range(2500):
        group, x = rng.integers(4), rng.normal(size=4).astype(np.float32)
        x[group] += 1.2
        labels = [f"{group}a", f"{group}b"] if rng.random() < 0.9 else [f"{group}a"]
        stream.append(Message(x, labels))
    scores = {rule: score(rule, stream) for rule in ("subset", "micro_f1", "hamming")}
    for name in scores:
        assert scores[name][name] >= max(other[name] for other in scores.values()) - 0.01 * abs(
            scores[name][name]
        )


@given(st.sampled_from(sorted(TOP_K)), st.lists(st.sampled_from([0.0, 0.2, 0.2, 0.9]), max_size=9))
def test_top_k_is_always_the_k_likeliest(rule: str, scores: list[float]) -> None:
    """So many labels as far as there are so many, whatever was learned; ties go to the smaller id."""
    decision, clusters = Decision(rule), np.zeros(len(scores), dtype=np.intp)
    p = np.array(scores, dtype=np.float32)
    expected = sorted(np.argsort(-p, kind="stable")[: int(rule[-1])].tolist())
    for _ in range(3):
        decided = decision.decide(p, (NOBODY,), NONE, clusters)
        assert decided.labels.tolist() == expected
        decision.learn(decided, only(3))


def test_top_1_serves_precision_at_1() -> None:
    """Its precision is the P@1 that every rule's probabilities have."""
    rng, learner, scores = np.random.default_rng(1), IHOMER(rule="top_1"), Prequential()
    for _ in range(200):
        x = rng.normal(size=3).astype(np.float32)
        targets = learner.label_space.targets(["abc"[int(x.argmax())]])
        scores.update(learner.predict(x), targets, len(learner.label_space))
        learner.learn(x, targets)
    summary = scores.summary()
    assert summary.p_at_1 == summary.subset_accuracy > 0.8


def test_unknown_rule_is_refused_by_name() -> None:
    """Unknown rule is refused by name."""
    with pytest.raises(ValueError, match=r"The 'rule' parameter of Decision must be a str among .*'subset'"):
        Decision("f2")
    assert "balanced" in RULES
