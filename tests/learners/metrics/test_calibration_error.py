"""Expected calibration error, beside the sums written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.core.labels import Targets
from learners.core.prediction import Prediction
from learners.metrics.calibration_error import CalibrationError
from tests.learners.checks import through_json

LABELS = 4
NOTHING = np.zeros(0, dtype=np.intp)
ANSWERS = st.lists(
    st.tuples(
        st.lists(st.floats(0, 1, width=32), min_size=LABELS, max_size=LABELS),
        st.sets(st.integers(0, LABELS - 1)),
        st.none() | st.sets(st.integers(0, LABELS - 1)),
    ),
    max_size=30,
)


def plain(answers: list[tuple[list[float], set[int], set[int] | None]], bins: int) -> list[float]:
    """Return each label's error by its definition: bin by bin, the gap weighed by how much fell in."""
    errors = []
    for label in range(LABELS):
        asked = [
            (np.float32(scores[label]), label in positive)
            for scores, positive, negative in answers
            if negative is None or label in positive | negative
        ]
        gaps = 0.0
        for place in range(bins):
            there = [(p, y) for p, y in asked if min(bins - 1, int(float(p) * bins)) == place]
            if there:
                gap = np.mean([float(p) for p, _ in there]) - np.mean([y for _, y in there])
                gaps += abs(float(gap)) * len(there) / len(asked)
        errors.append(gaps)
    return errors


@given(ANSWERS, st.integers(1, 12), st.integers(0, 30))
def test_is_the_definition(
    answers: list[tuple[list[float], set[int], set[int] | None]], bins: int, cut: int
) -> None:
    """For any scores, truths and unknown labels, through a saved state."""
    error, true = CalibrationError(bins), set()
    for position, (scores, positive, negative) in enumerate(answers):
        if position == cut:
            state, error = error.state(), CalibrationError(bins)
            error.load_state(through_json(state))
        told = None if negative is None else np.array(sorted(negative - positive), dtype=np.intp)
        targets = Targets(np.array(sorted(positive), dtype=np.intp), told)
        error.update(Prediction(NOTHING, np.array(scores, dtype=np.float32)), targets)
        true |= positive
    expected = plain(answers, bins)
    assert error.per_label(np.arange(LABELS)) == pytest.approx(expected, abs=1e-9)
    assert error.mean() == pytest.approx(np.mean([expected[label] for label in true]) if true else 0.0)


def test_labels_without_a_score_are_left_out() -> None:
    """A shortlist books what it scored, under the right labels."""
    error = CalibrationError()
    for _ in range(4):
        listed = Prediction(NOTHING, np.array([0.2, 0.7], dtype=np.float32), np.array([3, 9]))
        error.update(listed, Targets(np.array([5, 9])))
    assert error.per_label(np.array([3, 5, 9, 20])) == pytest.approx([0.2, 0.0, 0.3, 0.0])


def test_honest_probabilities_have_next_to_no_error_and_boasts_have_much() -> None:
    """Drawn from the probabilities themselves, and from their squares."""
    rng = np.random.default_rng(0)
    honest, boast = CalibrationError(), CalibrationError()
    for p in rng.random((5_000, 1)):
        truth = np.flatnonzero(rng.random(1) < p)
        honest.update(Prediction(NOTHING, p.astype(np.float32)), Targets(truth))
        boast.update(Prediction(NOTHING, np.sqrt(p).astype(np.float32)), Targets(truth))
    assert honest.mean() < 0.03
    assert boast.mean() > 0.12


def test_needs_a_bin() -> None:
    """None is refused."""
    with pytest.raises(ValueError, match="The 'bins' parameter of CalibrationError must be an int in"):
        CalibrationError(0)


@pytest.mark.parametrize("label", range(LABELS))
def test_certainty_belongs_to_the_last_bin(label: int) -> None:
    """A probability of 1 that is wrong each time is an error of 1, of its label alone."""
    error, scores = CalibrationError(4), np.full(LABELS, 0.0, dtype=np.float32)
    scores[label] = 1.0
    for _ in range(3):
        error.update(Prediction(NOTHING, scores), Targets(NOTHING))
    assert error.per_label(np.arange(LABELS)).tolist() == [float(each == label) for each in range(LABELS)]
