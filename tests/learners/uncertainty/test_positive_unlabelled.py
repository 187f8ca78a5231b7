"""Probabilities of what is named become probabilities of what is there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.core.prediction import Prediction
from learners.uncertainty.positive_unlabelled import LEAST_NAMED, PositiveUnlabelled
from tests.learners.checks import through_json

NOTHING = np.array([], dtype=np.intp)


def heard(named: float, complete: float, sharpness: float = 0.95, messages: int = 6000) -> PositiveUnlabelled:
    """Return what has heard a stream whose labels are named with some chance, and its messages complete."""
    draw, partial = np.random.default_rng(0), PositiveUnlabelled()
    share = complete + (1.0 - complete) * named
    for _ in range(messages):
        p = draw.beta(0.5, 0.5, size=8) * sharpness
        there = np.flatnonzero(draw.random(8) < p)
        whole = draw.random() < complete
        told = there if whole else there[draw.random(len(there)) < named]
        prediction = Prediction(NOTHING, (share * p).astype(np.float32))
        partial.learn(partial.corrected(prediction), told, complete=whole)
    return partial


@pytest.mark.parametrize("named", [0.3, 0.6, 0.9])
def test_the_share_that_is_named_is_found_without_any_complete_message(named: float) -> None:
    """Where the surest predictions are nearly always right."""
    assert heard(named, complete=0.0).named() == pytest.approx(named, abs=0.12)


def test_complete_messages_tell_how_right_the_surest_predictions_are() -> None:
    """Also where they are right only two times in three, which alone would look like labels left out."""
    assert heard(0.5, complete=0.3, sharpness=0.67).named() == pytest.approx(0.3 + 0.7 * 0.5, abs=0.12)


def test_a_learner_that_is_always_sure_is_heard() -> None:
    """What is corrected to 1 is among the surest, although it looks less sure the more is corrected."""
    partial, sure = PositiveUnlabelled(), Prediction(np.array([0]), np.array([1.0], dtype=np.float32))
    for n in range(3000):
        told = np.array([0], dtype=np.intp) if n % 2 else NOTHING
        partial.learn(partial.corrected(sure), told, complete=False)
    assert partial.named() == pytest.approx(0.5, abs=0.02)


def test_nothing_is_corrected_where_all_is_complete() -> None:
    """Not by a bit, whatever comes, and before anything came."""
    prediction = Prediction(np.array([1]), np.array([0.4, 0.9], dtype=np.float32))
    for partial in (PositiveUnlabelled(), heard(1.0, complete=1.0, sharpness=0.4, messages=500)):
        assert partial.named() == 1.0
        assert partial.corrected(prediction) is prediction


@given(
    st.lists(
        st.tuples(st.lists(st.floats(0, 1, width=32), max_size=4), st.booleans(), st.booleans()), max_size=60
    ),
    st.integers(0, 60),
)
def test_probabilities_grow_in_order_and_within_bounds(
    messages: list[tuple[list[float], bool, bool]], cut: int
) -> None:
    """On any stream, and through a restart: never beyond 1, never smaller, no predicted label lost."""
    partial, restored = PositiveUnlabelled(), PositiveUnlabelled()
    for n, (chances, right, complete) in enumerate(messages):
        if n == cut:
            restored.load_state(through_json(partial.state()))
        prediction = Prediction(np.arange(min(1, len(chances))), np.array(chances, dtype=np.float32))
        corrected = partial.corrected(prediction)
        assert LEAST_NAMED <= partial.named() <= 1.0
        assert (corrected.scores >= prediction.scores).all()
        assert (corrected.scores <= 1.0).all()
        assert set(prediction.labels.tolist()) <= set(corrected.labels.tolist())
        if n >= cut:
            assert corrected.scores.tolist() == restored.corrected(prediction).scores.tolist()
        for each in (partial, restored) if n >= cut else (partial,):
            each.learn(corrected, prediction.labels if right else NOTHING, complete)


def test_a_shortlist_keeps_its_ids() -> None:
    """What becomes likely is named by its label, not by its place."""
    partial = PositiveUnlabelled()
    short = Prediction(NOTHING, np.array([0.1, 0.4], dtype=np.float32), np.array([3, 7]))
    for n in range(300):
        partial.learn(partial.corrected(short), np.array([7]) if n % 2 else NOTHING, complete=False)
    corrected = partial.corrected(short)
    assert corrected.labels.tolist() == corrected.best(1)[0].tolist() == [7]
    assert corrected.scored is not None
