"""Sleeping experts: who falls asleep, how soon one wakes, and what the measure says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from learners.ensemble import mixture as mixture_module
from learners.ensemble import sleeping as module
from learners.ensemble.ihomer import IHOMER
from learners.ensemble.mixture import Mixture
from learners.ensemble.sleeping import PERIOD, Sleepers
from tests.learners.checks import through_json
from tests.learners.streams import learn_all, linear_stream, only

ASKED = ([True, True], [False, True], [True, False])


def advance(
    mixture: Mixture, sleepers: Sleepers, message: int, said: NDArray[np.floating[Any]], truth: int
) -> bool:
    """Let experts predict one message of one label and learn it; return whether the last one was asked."""
    asked, targets = sleepers.asked(message), only(0) if truth else only()
    mixed = mixture.mix(said.reshape(-1, 1).astype(np.float32), asked)
    if sleepers.measured(message):
        sleepers.learn(mixture.values(mixed, targets.positive, asked), asked)
    mixture.learn(mixed, targets)
    return bool(asked[-1])


def test_an_expert_that_adds_nothing_sleeps_and_wakes_soon_after_a_drift() -> None:
    """Within 400 messages of 16 that it is asked about one."""
    mixture, sleepers = Mixture(3, part_time=(2,)), Sleepers(1, trial=500)
    rng, asked = np.random.default_rng(0), []
    for message in range(4000):
        truth, said = int(rng.random() < 0.5), rng.uniform(0.3, 0.7, 3)
        # First another one is right, then only the one that may sleep.
        said[0 if message < 2000 else 2] = 0.8 if truth else 0.2
        asked.append(advance(mixture, sleepers, message, said, truth))
    assert all(asked[:500])
    assert sum(asked[1000:2000]) <= 1000 // PERIOD + 1
    assert all(asked[2400:])


def test_an_expert_that_alone_is_right_never_sleeps() -> None:
    """However long."""
    mixture, sleepers, rng = Mixture(3, part_time=(2,)), Sleepers(1, trial=100), np.random.default_rng(0)
    for message in range(3000):
        truth = int(rng.random() < 0.5)
        said = np.array([*rng.uniform(0.3, 0.7, 2), 0.8 if truth else 0.2])
        assert advance(mixture, sleepers, message, said, truth)


def test_an_experts_value_is_the_loss_without_it_minus_the_loss_with_it() -> None:
    """Without it means: its row replaced by the mean logit of the experts that never sleep."""
    mixture, rng = Mixture(4, part_time=(1, 3)), np.random.default_rng(0)
    for _ in range(100):
        said, truth = rng.uniform(0.01, 0.99, (4, 7)).astype(np.float32), rng.random(7) < 0.4
        mixed, targets = mixture.mix(said), only(*np.flatnonzero(truth))

        everyone, *without = (
            float(-np.log(np.where(truth, p, 1 - p)).sum())
            for p in (mixture.mix(said, np.array(asked)).probabilities for asked in ASKED)
        )
        expected = np.array(without) - everyone
        np.testing.assert_allclose(
            mixture.values(mixed, targets.positive, np.ones(2, dtype=np.bool_)), expected, atol=1e-4
        )
        mixture.learn(mixed, targets)


def test_compiled_equals_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled equals plain."""

    def run() -> list[NDArray[np.float64]]:
        mixture, rng, seen = Mixture(4, part_time=(1, 3)), np.random.default_rng(1), []
        for _ in range(30):
            said, asked = rng.random((4, 5)).astype(np.float32), rng.random(2) < 0.5
            mixed, targets = mixture.mix(said, asked), only(*np.flatnonzero(rng.random(5) < 0.3))
            seen += [mixed.probabilities.astype(np.float64), mixture.values(mixed, targets.positive, asked)]
            mixture.learn(mixed, targets)
        return seen

    fast = run()
    for name in ("_mean_logits", "_sigmoid", "stand_in", "measure"):
        owner = module if name[0] == "_" else mixture_module
        monkeypatch.setattr(owner, name, getattr(module, name).py_func)
    for plain, quick in zip(run(), fast, strict=True):
        np.testing.assert_allclose(plain, quick, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), trial=st.integers(1, 400), worth=st.sampled_from([0.0005, 0.002, 0.01]))
def test_who_sleeps_follows_from_the_latest_measurements(seed: int, trial: int, worth: float) -> None:
    """Weighted means and their standard errors, from all that was measured since the last change."""
    draw, sleepers = np.random.default_rng(seed), Sleepers(2, trial)
    asleep = [False, False]
    measured: list[list[float]] = [[], []]
    for message in range(3000):
        asked = sleepers.asked(message)
        assert asked.tolist() == [message % PERIOD == 0 or not each for each in asleep]
        every = PERIOD if all(asleep) else module.MEASURED
        assert sleepers.measured(message) is (message % every == 0)
        if message % every:
            continue
        values = draw.normal(worth if message // 1000 % 2 else 0.0, 2 * worth, 2)
        sleepers.learn(values, asked)
        for expert in np.flatnonzero(asked).tolist():
            seen = measured[expert]
            seen.append(float(values[expert]))
            kept = module.KEPT_ASLEEP if asleep[expert] else module.KEPT_AWAKE
            weights = kept ** np.arange(len(seen))[::-1]
            mean = np.average(seen, weights=weights)
            error = np.sqrt(np.average((seen - mean) ** 2, weights=weights) / weights.sum())
            wakes = len(seen) >= module.FEWEST and mean - 2 * error > module.LEAST_VALUE
            falls = len(seen) * module.MEASURED > trial and mean < module.LEAST_VALUE
            if wakes if asleep[expert] else falls:
                asleep[expert] = not asleep[expert]
                seen.clear()


def test_sleep_survives_a_restart_at_any_message() -> None:
    """Who sleeps, and about which messages it is asked."""
    stream, running, restored = linear_stream(700, 12, 3), IHOMER(window=50), IHOMER(window=50)
    for learner in (running, restored):
        learner._sleepers.trial = 100
    learn_all(running, stream[:605])
    assert not running._sleepers.asked(1).all()
    restored.load_state(through_json(running.state()))
    for learner in (running, restored):
        learn_all(learner, stream[605:])
    assert restored.digest() == running.digest()
