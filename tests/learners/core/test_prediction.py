"""Predictions: of all labels or of a shortlist, cut down to some."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.core.label_space import LabelSpace
from learners.core.prediction import Prediction

IDS = st.sets(st.integers(0, 7)).map(lambda ids: np.array(sorted(ids), dtype=np.intp))


@given(scored=st.none() | IDS, wanted=IDS, labels=IDS)
def test_among_some_labels_it_says_what_it_said(
    scored: np.ndarray | None, wanted: np.ndarray, labels: np.ndarray
) -> None:
    """Also of labels that it had no score for, of which it says nothing: those past the last too."""
    known = np.arange(5) if scored is None else scored
    scores = np.linspace(0.1, 0.9, len(known)).astype(np.float32)
    whole = Prediction(np.intersect1d(labels, known), scores, scored, admitted=9)
    some = whole.among(wanted)
    said = dict(zip(known.tolist(), scores.tolist(), strict=True))
    expected = {label: said[label] for label in wanted.tolist() if label in said}
    assert some.scored is not None
    assert dict(zip(some.scored.tolist(), some.scores.tolist(), strict=True)) == expected
    assert some.labels.tolist() == [label for label in whole.labels.tolist() if label in expected]
    assert some.admitted == 9


@given(scored=st.none() | IDS, k=st.integers(0, 9))
def test_the_best_are_those_of_a_plain_sort(scored: np.ndarray | None, k: int) -> None:
    """Best first, of equals the lower id."""
    known = np.arange(6) if scored is None else scored
    scores = (known * 3 % 4 / 4).astype(np.float32)
    ids, best = Prediction(known[:0], scores, scored).best(k)
    pairs = sorted(zip(known.tolist(), scores.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
    assert list(zip(ids.tolist(), best.tolist(), strict=True)) == pairs[:k]


@given(scored=st.none() | IDS, kept=st.integers(0, 9), k=st.integers(0, 9))
def test_the_best_that_were_kept_answer_for_fewer(scored: np.ndarray | None, kept: int, k: int) -> None:
    """And more are sought anew."""
    known = np.arange(6) if scored is None else scored
    asked = Prediction(known[:0], (known * 3 % 4 / 4).astype(np.float32), scored)
    again = asked._replace(ranked=asked.best(kept))
    assert [each.tolist() for each in again.best(k)] == [each.tolist() for each in asked.best(k)]


def test_a_label_that_has_left_is_in_no_prediction_any_more() -> None:
    """Whoever has its id now was not predicted; what stayed keeps its score."""
    space = LabelSpace(["gone", "kept", "other"], limit=3)
    for labels in (["gone"], ["kept", "other"], ["kept", "other"]):
        space.targets(labels)
    scores = np.array([0.9, 0.2, 0.8], dtype=np.float32)
    whole = Prediction(np.array([0, 2]), scores, admitted=space.admitted)
    whole = whole._replace(ranked=whole.best(2))
    short = Prediction(np.array([0]), scores[:2], np.array([0, 2]), admitted=space.admitted)
    assert whole.still_held(space) is whole
    space.targets(["new"])
    assert space.names() == ["new", "kept", "other"]
    for each, predicted, scored in ((whole, [2], {1: 0.2, 2: 0.8}), (short, [], {2: 0.2})):
        held = each.still_held(space)
        assert held.labels.tolist() == predicted
        assert held.scored is not None
        found = dict(zip(held.scored.tolist(), held.scores.tolist(), strict=True))
        assert found == pytest.approx(scored)
        assert held.best(1)[0].tolist() == [2]
    growing = LabelSpace(["a"])
    before = Prediction(np.array([0]), scores[:1], admitted=growing.admitted)
    growing.targets(["b"])
    assert before.still_held(growing) is before
