"""The mixture: compiled against plain, and what it must do."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from learners.ensemble import mixture as module
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


def test_compiled_equals_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled equals plain."""

    def run() -> list[NDArray[np.float32]]:
        mixed, rng = Mixture(3), np.random.default_rng(1)
        seen = []
        for _ in range(60):
            result = mixed.mix(rng.random((3, 7)).astype(np.float32))
            seen.append(result.probabilities)
            mixed.learn(result, only(*np.flatnonzero(rng.random(7) < 0.3)))
        return seen

    fast = run()
    for name in ("_prepare", "_mix", "_learn"):
        monkeypatch.setattr(module, name, getattr(module, name).py_func)
    np.testing.assert_allclose(run(), fast, atol=1e-5)


def test_mixing_does_not_change_the_state() -> None:
    """Mixing does not change the state."""
    mixed = Mixture(3)
    mixed.learn(mixed.mix(opinions(True, 2)), only(0))
    before = {key: value.copy() for key, value in mixed.state().items()}
    mixed.mix(opinions(True, 5))
    for key, value in mixed.state().items():
        np.testing.assert_array_equal(value, before[key])
