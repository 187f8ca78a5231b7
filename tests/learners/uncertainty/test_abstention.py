"""Of the predictions that are not rejected, no more are wrong than asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.core.prediction import Prediction
from learners.uncertainty.abstention import SEARCH_PERIOD, Abstention, _sureness, sureness
from tests.learners.checks import through_json


def test_errors_among_what_is_not_rejected_are_as_rare_as_asked() -> None:
    """With a third wrong, the surest are let through until one in ten is wrong; also after a drift."""
    draw, abstention = np.random.default_rng(0), Abstention(error=0.1)
    wrong = []
    for n in range(6000):
        sure = draw.random()
        # Sureness means more first, and less afterwards.
        mistaken = draw.random() > (0.34 + 0.66 * sure if n < 3000 else 0.2 + 0.8 * sure)
        if not abstention.rejects(sure):
            wrong.append(mistaken)
        abstention.learn(sure, mistaken)
    assert np.mean(wrong) == pytest.approx(0.1, abs=0.02)
    assert len(wrong) > 1000


def test_a_learner_that_is_good_enough_is_hardly_ever_rejected() -> None:
    """Once there is something to go by."""
    draw, abstention = np.random.default_rng(0), Abstention(error=0.1)
    rejected = 0
    for n in range(2000):
        sure = draw.random()
        rejected += n >= 100 and abstention.rejects(sure)
        abstention.learn(sure, bool(draw.random() < 0.02))
    assert rejected < 20


def test_nothing_is_let_through_where_nothing_is_good_enough_nor_before_anything_is_known() -> None:
    """A wanted error that cannot be had is not had by chance either."""
    draw, abstention = np.random.default_rng(0), Abstention(error=0.1)
    assert abstention.rejects(1e9)
    let_through = 0
    for _ in range(3000):
        sure = draw.random()
        let_through += not abstention.rejects(sure)
        abstention.learn(sure, bool(draw.random() < 0.6))
    assert let_through < 30


def test_it_comes_back_when_the_learner_does() -> None:
    """Rejecting everything is no dead end: what was rejected is judged as well."""
    draw, abstention = np.random.default_rng(0), Abstention(error=0.1)
    for _ in range(2000):
        abstention.learn(draw.random(), wrong=True)
    assert abstention.rejects(1.0)
    for _ in range(1000):
        abstention.learn(draw.random(), wrong=False)
    assert not abstention.rejects(0.5)


def test_a_long_time_without_errors_is_no_licence_for_them() -> None:
    """What was spared does not add up: where every second one is wrong, all are soon rejected."""
    draw, abstention = np.random.default_rng(0), Abstention(error=0.1)
    for _ in range(20_000):
        abstention.learn(draw.random(), wrong=False)
    assert not abstention.rejects(0.5)
    for n in range(abstention.window):
        abstention.learn(draw.random(), wrong=n % 2 == 0)
    assert abstention.rejects(0.5)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=SEARCH_PERIOD, max_size=90))
def test_the_threshold_is_that_of_a_plain_search(messages: list[tuple[int, bool]]) -> None:
    """The least sureness from which on few enough were wrong; equal ones all count, or none."""
    abstention = Abstention(error=0.3, rate=0.0, window=40)
    restored = Abstention(error=0.3, rate=0.0, window=40)
    for sure, wrong in messages:
        abstention.learn(sure, wrong)
    restored.load_state(through_json(abstention.state()))
    last = messages[: len(messages) // SEARCH_PERIOD * SEARCH_PERIOD][-40:]
    for sure in range(6):
        good = False
        for least in range(sure + 1):
            above = [wrong for value, wrong in last if value >= least]
            if any(value == least for value, _ in last):
                good |= (sum(above) + 1) / (len(above) + 1) <= 0.3
        assert abstention.rejects(sure) is (not good)
        assert restored.rejects(sure) is (not good)


def test_sureness_of_a_shortlist_is_that_of_its_labels() -> None:
    """The others have no chance, and so no say."""
    whole = Prediction(np.array([4]), np.array([0, 0, 0.3, 0, 0.9], dtype=np.float32))
    short = Prediction(np.array([4]), np.array([0.3, 0.9], dtype=np.float32), np.array([2, 4]))
    assert sureness(whole) == pytest.approx(sureness(short)) == pytest.approx(np.log(0.7 * 0.9), abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), max_size=300))
def test_sureness_is_that_of_plain_logarithms(labels: list[tuple[float, bool]]) -> None:
    """Label by label, however many and however unlikely."""
    scores = np.array([score for score, _ in labels], dtype=np.float32)
    on = np.array([yes for _, yes in labels], dtype=np.bool_)
    right = np.where(on, scores.astype(np.float64), 1.0 - scores.astype(np.float64))
    plain = np.log(np.maximum(right, 1e-6)).sum()
    assert sureness(Prediction(np.flatnonzero(on), scores)) == pytest.approx(plain, abs=1e-9)
    # Compiled, it would read beyond the last one without a word.
    uncompiled: Any = _sureness
    assert uncompiled.py_func(scores, np.flatnonzero(on)) == pytest.approx(plain, abs=1e-9)
