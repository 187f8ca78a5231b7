"""Coverage and error rates stay where they were asked to be, whatever the stream does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.base import Prediction
from learners.conformal import Abstention, Conformal, ConformalSets, Recent
from learners.labels import Targets
from tests.learners.checks import through_json


def shifting(messages: int, seed: int = 0) -> Iterator[tuple[Prediction, Targets]]:
    """Yield predictions that are honest first, then far too sure of themselves, then blind."""
    draw = np.random.default_rng(seed)
    for n in range(messages):
        p = draw.beta(0.5, 2.0, size=6).astype(np.float32)
        truth = np.flatnonzero(draw.random(6) < p)
        if n >= messages // 3:
            p = p**3
        if n >= 2 * messages // 3:
            p = draw.permutation(p)
        yield Prediction(np.flatnonzero(p >= 0.5), p), Targets(truth)


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_coverage_holds_in_every_window_across_shifts(coverage: float) -> None:
    """Within 2 points in every 2,000 messages, though probabilities become wrong twice."""
    sets, covered = ConformalSets(coverage), []
    for prediction, targets in shifting(9000):
        inside = set(targets.positive.tolist()) <= set(sets.labels(prediction.scores).tolist())
        covered.append(inside)
        sets.learn(prediction.scores, targets)
    shares = np.convolve(covered, np.ones(2000) / 2000, mode="valid")
    assert abs(shares - coverage).max() <= 0.02
    assert sets.recent_coverage() == pytest.approx(np.mean(covered[-1000:]))


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=300))
def test_the_share_covered_is_bounded_whatever_comes(messages: list[tuple[float, bool]]) -> None:
    """On any sequence at all coverage is off by at most (1 + rate) / (rate n)."""
    sets, covered = ConformalSets(0.9, rate=0.1, window=20), 0
    for score, positive in messages:
        scores = np.array([score, 0.3], dtype=np.float32)
        targets = Targets(np.array([0] if positive else [1]))
        covered += bool(np.isin(targets.positive, sets.labels(scores)).all())
        sets.learn(scores, targets)
    assert abs(covered / len(messages) - 0.9) <= (1 + 0.1) / (0.1 * len(messages)) + 1e-9


def test_sets_are_no_larger_than_they_must_be() -> None:
    """Honest probabilities give sets far smaller than all labels, and larger for more coverage."""
    sizes = {}
    for coverage in (0.5, 0.9):
        sets = ConformalSets(coverage)
        counts = []
        for prediction, targets in list(shifting(3000))[:1000]:
            counts.append(len(sets.labels(prediction.scores)))
            sets.learn(prediction.scores, targets)
        sizes[coverage] = np.mean(counts[200:])
    assert sizes[0.5] < sizes[0.9] < 5.0


def test_a_label_never_seen_is_a_miss() -> None:
    """No set can hold a label that had no probability: coverage says so and sets widen."""
    sets = ConformalSets(0.9)
    scores = np.array([0.9, 0.01], dtype=np.float32)
    for _ in range(200):
        sets.learn(scores, Targets(np.array([0])))
    before = sets.recent_coverage()
    assert sets.labels(scores).tolist() == [0]
    for _ in range(30):
        sets.learn(scores, Targets(np.array([2])))
    assert sets.recent_coverage() < before
    assert sets.labels(scores).tolist() == [0, 1]


def test_errors_among_what_is_not_rejected_are_as_rare_as_asked() -> None:
    """With a third wrong, the surest are let through until one in ten of them is wrong."""
    draw, abstention = np.random.default_rng(0), Abstention(error=0.1)
    wrong = []
    for n in range(6000):
        p = draw.uniform(0.34, 1.0) if n < 3000 else draw.uniform(0.5, 0.98)
        prediction = Prediction(np.array([0]), np.array([p], dtype=np.float32))
        targets = Targets(np.array([0] if draw.random() < p else [], dtype=np.intp))
        if not abstention.rejects(prediction):
            wrong.append(len(targets.positive) == 0)
        abstention.learn(prediction, targets)
    assert np.mean(wrong) == pytest.approx(0.1, abs=0.02)
    assert len(wrong) > 1000


def test_a_learner_that_is_good_enough_is_never_rejected() -> None:
    """Where errors are rarer than allowed, nothing is rejected; where they are not, not quite everything."""
    good, bad = Abstention(error=0.1), Abstention(error=0.1)
    answered = 0
    draw = np.random.default_rng(0)
    for _ in range(1000):
        prediction = Prediction(np.array([0]), draw.random(1).astype(np.float32))
        assert not good.rejects(prediction)
        answered += not bad.rejects(prediction)
        good.learn(prediction, Targets(np.array([0])))
        bad.learn(prediction, Targets(np.array([], dtype=np.intp)))
    assert 0 < answered < 200


def test_unknown_labels_say_nothing_of_errors() -> None:
    """Messages without complete labels move neither the sets (without a positive) nor the rejects."""
    conformal = Conformal()
    prediction = Prediction(np.array([0]), np.array([0.9, 0.2], dtype=np.float32))
    before = through_json(conformal.state())
    conformal.learn(prediction, Targets(np.array([], dtype=np.intp), np.array([1])))
    np.testing.assert_equal(through_json(conformal.state()), before)


def test_a_shortlist_is_judged_as_if_the_others_had_no_chance() -> None:
    """Sets hold ids, not places in the list."""
    whole = Prediction(np.array([4]), np.array([0, 0, 0.3, 0, 0.9], dtype=np.float32))
    short = Prediction(np.array([4]), np.array([0.3, 0.9], dtype=np.float32), np.array([2, 4]))
    judged = []
    for prediction in (whole, short):
        conformal = Conformal()
        for _ in range(50):
            conformal.learn(prediction, Targets(np.array([4])))
        judged.append(conformal.judge(prediction))
    assert judged[0].labels.tolist() == judged[1].labels.tolist() == [4]
    assert judged[0].reject == judged[1].reject


def test_state_round_trip() -> None:
    """Restored in the middle, judgements go on as if nothing had happened."""
    conformal, restored = Conformal(), Conformal()
    messages = list(shifting(2400))
    for prediction, targets in messages[:1300]:
        conformal.learn(prediction, targets)
    restored.load_state(through_json(conformal.state()))
    for prediction, targets in messages[1300:]:
        one, other = conformal.judge(prediction), restored.judge(prediction)
        np.testing.assert_array_equal(one.labels, other.labels)
        assert one.reject == other.reject
        conformal.learn(prediction, targets)
        restored.learn(prediction, targets)
    np.testing.assert_equal(restored.state(), conformal.state())


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60), st.floats(0.01, 1.0))
def test_quantiles_and_ranks_are_those_of_the_last_values(values: list[float], share: float) -> None:
    """Beside a plain sort of the last 20."""
    recent = Recent(20)
    for value in values:
        recent.add(value)
    last = sorted(values[-20:])
    quantile = recent.quantile(share)
    assert np.mean(np.array(last) <= quantile) >= share - 1e-9
    assert quantile in last
    assert recent.rank(last[0]) == 0.0
    assert recent.mean() == pytest.approx(np.mean(last))
