"""The mixture: against a plain one, and what it must do."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from learners.core.labels import Targets
from learners.ensemble.mixture import Mixture
from tests.learners.streams import only


def opinions(truth: bool, labels: int = 1) -> NDArray[np.float32]:
    """Return three experts' scores: one right, one wrong, one undecided."""
    right = 0.9 if truth else 0.1
    return np.array([[right] * labels, [1 - right] * labels, [0.5] * labels], dtype=np.float32)


def test_follows_the_expert_that_is_right_and_notices_when_it_changes() -> None:
    """Follows the expert that is right and notices when it changes."""
    mixed, rng = Mixture(3), np.random.default_rng(0)
    for phase in (0, 1):
        for _ in range(200):
            truth = bool(rng.random() < 0.5)
            mixed.learn(mixed.mix(opinions(truth != bool(phase))), only(0) if truth else only())
        assert mixed.mix(opinions(phase == 0)).probabilities[0] > 0.8
        assert mixed.mix(opinions(phase == 1)).probabilities[0] < 0.2


def test_a_novice_has_no_say_until_it_has_earned_it() -> None:
    """The right expert, as a novice: hardly heard at first, followed in the end, as where all start alike."""
    rng = np.random.default_rng(0)
    novice, equal = Mixture(3, novices=1), Mixture(3)
    # Last the right one.
    said = opinions(True)[[1, 2, 0]]
    assert novice.mix(said).probabilities[0] < 0.4 < equal.mix(said).probabilities[0]
    for _ in range(200):
        truth = bool(rng.random() < 0.5)
        for each in (novice, equal):
            each.learn(each.mix(opinions(truth)[[1, 2, 0]]), only(0) if truth else only())
    for each in (novice, equal):
        assert each.mix(said).probabilities[0] > 0.8


def test_probabilities_stay_within_bounds() -> None:
    """Probabilities stay within bounds."""
    mixed = Mixture(2)
    rng = np.random.default_rng(0)
    for size in range(1, 60):
        table = rng.choice([0.0, 1.0, 0.5], size=(2, size)).astype(np.float32)
        result = mixed.mix(table)
        assert np.all((result.probabilities >= 0) & (result.probabilities <= 1))
        mixed.learn(result, only(*np.flatnonzero(rng.random(size) < 0.3)))


class PlainMixture:
    """The same, label by label and from the definitions, in double precision."""

    def __init__(self, experts: int, novices: int, rate: float, share: float, rivals: bool) -> None:
        self.rivals, veterans = rivals, experts - novices
        start = (1 - 0.01 * novices) / (veterans + 1)
        self.rate, self.share = rate, share
        self.start = np.array([start] * veterans + [0.01] * novices + [start])
        self.shared = np.array([1.2 / veterans] * veterans + [0.0] * (novices + 2))
        self.precision = 20 * np.eye(experts + 2)
        self.common_trust = self.start.copy()
        self.own, self.squares, self.trust = (np.zeros((0, experts + 1)) for _ in range(3))

    def mix(self, scores: NDArray[np.float32]) -> list[float]:
        """Return the mixture, and keep what it was made of."""
        new = scores.shape[1] - len(self.own)
        rows = (np.zeros_like(self.start), np.ones_like(self.start), self.start)
        self.own, self.squares, self.trust = (
            np.concatenate([kept, [row] * new]) if new else kept
            for kept, row in zip((self.own, self.squares, self.trust), rows, strict=True)
        )
        said = np.clip(scores.T.astype(float), 0.002, 0.998)
        self.logits = np.concatenate([np.log(said / (1 - said)), -np.ones((len(said), 1))], axis=1)
        summed = ((self.own + self.shared[:-1]) * self.logits).sum(axis=1)
        most = np.log(0.998 / 0.002)
        rivals = [max([-most, *np.delete(np.minimum(summed, most), each)]) for each in range(len(said))]
        self.logits = np.column_stack([self.logits, np.array(rivals) if self.rivals else np.zeros(len(said))])
        summed += self.shared[-1] * self.logits[:, -1]
        stacked = np.clip(1 / (1 + np.exp(-summed)), 0.002, 0.998)
        self.said = np.concatenate([said, stacked[:, None]], axis=1)
        return [min(float(each), 1.0) for each in (self.said * self.trust).sum(axis=1)]

    def learn(self, truth: list[bool | None]) -> None:
        """Learn a message's labels; None is unknown."""
        heirs = 0.3 / len(self.start) + 0.7 * self.common_trust
        total, gained = np.zeros_like(self.shared), np.zeros_like(self.start)
        for label, on in enumerate(truth):
            if on is None:
                continue
            gradient = self.logits[label] * (self.said[label, -1] - on)
            total += gradient
            gradient = gradient[:-1]
            self.squares[label] += gradient**2
            self.own[label] -= self.rate * gradient / np.sqrt(self.squares[label])
            right = self.said[label] if on else 1 - self.said[label]
            gained += np.log(right)
            trust = self.trust[label] * right
            handed = self.share * min(1.0, -np.log(trust.sum()))
            self.trust[label] = (1 - handed) * trust / trust.sum() + handed * heirs
        self.precision += np.outer(total, total)
        self.shared -= np.linalg.solve(self.precision, total)
        covariance = np.linalg.inv(self.precision)
        covariance[np.diag_indices_from(covariance)] = np.minimum(np.diag(covariance) + 1e-6, 0.05)
        self.precision = np.linalg.inv(covariance)
        self.common_trust *= np.exp(0.1 * (gained - gained.max()))
        self.common_trust = 0.99 * self.common_trust / self.common_trust.sum() + 0.01 / len(self.start)


@pytest.mark.parametrize("rivals", [False, True])
@pytest.mark.parametrize(("novices", "rate", "share"), [(0, 0.1, 0.1), (1, 0.3, 0.02), (2, 0.05, 1.0)])
def test_equals_a_plain_one(novices: int, rate: float, share: float, rivals: bool) -> None:
    """With labels that appear, with unknown ones, and with so many that the product of all underflows."""
    mixed = Mixture(4, rate, share, novices, rivals=rivals)
    plain = PlainMixture(4, novices, rate, share, rivals)
    rng = np.random.default_rng(1)
    for message in range(80):
        labels = 200 if message == 79 else 3 + message // 20
        on = rng.random(labels) < 0.3
        told: list[bool | None] = [
            None if message % 5 == 0 and label % 2 else bool(yes) for label, yes in enumerate(on)
        ]
        scores = rng.random((4, labels)).astype(np.float32)
        scores[0] = np.where(on, 1.0, scores[0]) if message < 50 else np.where(on, 0.0, 1.0)
        result = mixed.mix(scores)
        np.testing.assert_allclose(result.probabilities, plain.mix(scores), atol=2e-4)
        known = Targets(np.flatnonzero(on))
        if message % 5 == 0:
            positive = [label for label, yes in enumerate(told) if yes]
            negative = [label for label, yes in enumerate(told) if yes is False]
            known = Targets(np.array(positive, dtype=np.intp), np.array(negative, dtype=np.intp))
        mixed.learn(result, known)
        plain.learn(told)
        every = np.arange(labels)
        np.testing.assert_allclose(mixed.trust(every).T, plain.trust[:labels], atol=2e-4)
    state = mixed.state()
    np.testing.assert_allclose(state["shared"], plain.shared, atol=1e-3)
    np.testing.assert_allclose(state["common_trust"], plain.common_trust, atol=1e-3)
    np.testing.assert_allclose(state["own"].T, plain.own, atol=1e-3)


def test_several_steps_move_the_own_weights_alone_as_far() -> None:
    """What labels share, and the trust in experts, moves as by one."""
    once, often = Mixture(3), Mixture(3)
    once.learn(once.mix(opinions(True)), only(0))
    often.learn(often.mix(opinions(True)), only(0), 4.0)
    one, many = once.state(), often.state()
    np.testing.assert_allclose(many["own"], 4.0 * one["own"], rtol=1e-6)
    assert np.abs(one["own"]).max() > 0.0
    for name in one.keys() - {"own"}:
        np.testing.assert_array_equal(one[name], many[name], err_msg=name)


def test_mixing_does_not_change_the_state() -> None:
    """Mixing does not change the state."""
    mixed = Mixture(3)
    mixed.learn(mixed.mix(opinions(True, 2)), only(0))
    before = {key: value.copy() for key, value in mixed.state().items()}
    mixed.mix(opinions(True, 5))
    for key, value in mixed.state().items():
        np.testing.assert_array_equal(value, before[key])


def test_a_mixture_has_experts() -> None:
    """One at least."""
    with pytest.raises(ValueError, match=r"The 'experts' parameter of Mixture must be an int in \[1, inf\)"):
        Mixture(0)
