"""Coverage stays where it was asked to be, whatever the stream does, and what was said is what is judged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.core.labels import Targets
from learners.core.prediction import Prediction
from learners.uncertainty.conformal import Conformal, ConformalSets
from tests.learners.checks import through_json

NOTHING = np.array([], dtype=np.intp)


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


def taught(conformal: Conformal, prediction: Prediction, targets: Targets) -> list[int]:
    """Return the set that is said with a prediction, which is learned from at once."""
    said = conformal.judge(prediction, keep=10)
    conformal.learn(prediction.labels, said, targets)
    labels: list[int] = said.labels.tolist()
    return labels


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_coverage_holds_in_every_window_across_shifts(coverage: float) -> None:
    """Within 2 points in every 2,000 messages, though probabilities become wrong twice."""
    conformal, covered = Conformal(coverage), []
    for prediction, targets in shifting(9000):
        covered.append(set(targets.positive.tolist()) <= set(taught(conformal, prediction, targets)))
    shares = np.convolve(covered, np.ones(2000) / 2000, mode="valid")
    assert abs(shares - coverage).max() <= 0.02
    account = conformal.statistics()
    assert account.coverage == pytest.approx(np.mean(covered[-1000:]))
    assert (account.messages, account.target) == (1000, coverage)


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(300, 1500), st.floats(0.5, 0.95))
def test_the_share_covered_is_bounded_whatever_comes(seed: int, messages: int, coverage: float) -> None:
    """On any scores at all coverage is off by at most (1 + rate) / (rate n)."""
    draw, covered = np.random.default_rng(seed), 0
    level = draw.choice([0.0, 0.1, 0.5, 0.9, 1.0], size=messages // 50 + 1).repeat(50)
    sets = ConformalSets(coverage, rate=0.1, window=20)
    for score in np.clip(level[:messages] + draw.normal(0, 0.1, messages), 0.0, 1.0).tolist():
        covered += score >= sets.least()
        sets.learn(score)
    assert abs(covered / messages - coverage) <= (1 + 0.1) / (0.1 * messages) + 1e-9


def test_sets_are_no_larger_than_they_must_be() -> None:
    """Honest probabilities give sets far smaller than all labels, and larger for more coverage."""
    sizes = {}
    for coverage in (0.5, 0.9):
        conformal = Conformal(coverage)
        counts = [len(taught(conformal, *message)) for message in list(shifting(3000))[:1000]]
        sizes[coverage] = np.mean(counts[200:])
    assert sizes[0.5] < sizes[0.9] < 5.0


def test_a_label_never_seen_is_a_miss() -> None:
    """No set can hold a label that had no probability: coverage says so and sets widen."""
    conformal = Conformal(0.9)
    prediction = Prediction(np.array([0]), np.array([0.9, 0.01], dtype=np.float32))
    for _ in range(200):
        said = taught(conformal, prediction, Targets(np.array([0])))
    before = conformal.statistics().coverage
    assert said == [0]
    for _ in range(30):
        said = taught(conformal, prediction, Targets(np.array([2])))
    assert conformal.statistics().coverage < before
    assert said == [0, 1]


def test_no_set_is_larger_than_the_largest_and_coverage_is_honest_about_it() -> None:
    """With five hundred labels that all look alike, a hundred are said, and most are missed."""
    conformal, draw = Conformal(0.9), np.random.default_rng(0)
    for _ in range(300):
        prediction = Prediction(NOTHING, draw.random(500).astype(np.float32))
        said = taught(conformal, prediction, Targets(draw.integers(0, 500, 1)))
        assert len(said) <= 100
    assert len(said) == 100
    assert conformal.statistics().coverage < 0.4


def test_what_was_said_is_judged_also_when_labels_come_much_later() -> None:
    """The set of then counts for the coverage, and no correction is made five hundred times over."""
    conformal, waiting, covered = Conformal(0.9), [], []
    for prediction, targets in list(shifting(18_000))[:6000]:
        waiting.append((prediction, conformal.judge(prediction, keep=10), targets))
        if len(waiting) > 500:
            earlier, said, truth = waiting.pop(0)
            conformal.learn(earlier.labels, said, truth)
            covered.append(set(truth.positive.tolist()) <= set(said.labels.tolist()))
    assert conformal.statistics().coverage == pytest.approx(np.mean(covered[-1000:]))
    shares = np.convolve(covered, np.ones(1000) / 1000, mode="valid")
    assert abs(shares - 0.9).max() < 0.05


def test_predictions_are_rejected_for_being_wrong() -> None:
    """The wanted error holds where the learner can be that good, and statistics say what became of it."""
    conformal, wrong = Conformal(error=0.2), []
    for prediction, targets in list(shifting(9000))[:3000]:
        said = conformal.judge(prediction, keep=10)
        if not said.reject:
            wrong.append(prediction.labels.tolist() != targets.positive.tolist())
        conformal.learn(prediction.labels, said, targets)
    account = conformal.statistics()
    assert 0.5 < account.rejected < 1.0
    assert account.error == pytest.approx(np.mean(wrong[-1000:]))
    assert np.mean(wrong) < 0.3


def test_unknown_labels_say_nothing_of_errors() -> None:
    """Messages without complete labels move neither the sets (without a positive) nor the rejects."""
    conformal = Conformal()
    prediction = Prediction(np.array([0]), np.array([0.9, 0.2], dtype=np.float32))
    before = through_json(conformal.state())
    taught(conformal, prediction, Targets(NOTHING, np.array([1])))
    np.testing.assert_equal(through_json(conformal.state()), before)
    taught(conformal, prediction, Targets(np.array([0]), NOTHING))
    after = conformal.state()
    np.testing.assert_equal(through_json(after["abstention"]), before["abstention"])
    assert conformal.statistics().coverage == 1.0


def test_a_message_without_labels_says_as_much_as_one_that_was_certain() -> None:
    """Every set covers it; a label that is certain stays in the sets, however many such messages come."""
    prediction = Prediction(np.array([0]), np.array([1.0, 0.2], dtype=np.float32))
    without, certain = Conformal(), Conformal()
    for _ in range(60):
        said = taught(without, prediction, Targets(NOTHING))
        assert said == taught(certain, prediction, Targets(np.array([0])))
    np.testing.assert_equal(without.sets.state(), certain.sets.state())
    assert 0 in said


def test_a_shortlist_is_judged_as_if_the_others_had_no_chance() -> None:
    """Sets hold ids, not places in the list."""
    whole = Prediction(np.array([4]), np.array([0, 0, 0.3, 0, 0.9], dtype=np.float32))
    short = Prediction(np.array([4]), np.array([0.3, 0.9], dtype=np.float32), np.array([2, 4]))
    judged = []
    for prediction in (whole, short):
        conformal = Conformal()
        for _ in range(50):
            said = taught(conformal, prediction, Targets(np.array([4])))
        judged.append((said, conformal.judge(prediction, keep=1).reject))
    assert judged[0] == judged[1] == ([4], False)


def test_state_round_trip() -> None:
    """Restored in the middle, judgements go on as if nothing had happened."""
    conformal, restored = Conformal(), Conformal()
    messages = list(shifting(2400))
    for prediction, targets in messages[:1300]:
        taught(conformal, prediction, targets)
    restored.load_state(through_json(conformal.state()))
    for prediction, targets in messages[1300:]:
        assert taught(conformal, prediction, targets) == taught(restored, prediction, targets)
    np.testing.assert_equal(restored.state(), conformal.state())
