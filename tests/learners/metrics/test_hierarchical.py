"""Hierarchical scores beside a plain count over ancestor sets."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score

from learners.core.labels import Targets
from learners.hierarchy.taxonomy import Taxonomy
from learners.metrics.hierarchical import Hierarchical, anytime_area, forgetting

LEAVES = ["a/x/1", "a/x/2", "a/y", "b/z/1", "b", "c"]
SETS = st.lists(st.sampled_from(LEAVES), max_size=3)


@given(st.lists(st.tuples(SETS, SETS), min_size=1, max_size=12))
def test_scores_equal_those_of_scikit_learn_on_closed_sets(
    messages: list[tuple[list[str], list[str]]],
) -> None:
    """Hierarchical precision, recall and F1, overall and per level, are micro scores with ancestors added."""
    taxonomy, scores = Taxonomy(LEAVES), Hierarchical()
    predicted, actual = (np.zeros((len(messages), len(taxonomy)), dtype=bool) for _ in range(2))
    for row, (guess, truth) in enumerate(messages):
        positive = taxonomy.targets(truth).positive
        predicted[row, taxonomy.targets(guess).positive] = True
        actual[row, positive] = True
        scores.update(taxonomy.ids(guess), Targets(positive), taxonomy)
    summary = scores.summary()
    assert summary.precision == pytest.approx(
        precision_score(actual, predicted, average="micro", zero_division=0.0)
    )
    assert summary.recall == pytest.approx(
        recall_score(actual, predicted, average="micro", zero_division=0.0)
    )
    assert summary.f1 == pytest.approx(f1_score(actual, predicted, average="micro", zero_division=0.0))
    for score, labels in zip(summary.levels, taxonomy.shape().levels, strict=False):
        assert score == pytest.approx(
            f1_score(actual[:, labels], predicted[:, labels], average="micro", zero_division=0.0)
        )


def test_coherence_and_strictness_look_at_what_was_really_predicted() -> None:
    """A leaf without its branch is incoherent and strictly wrong, though ancestors are added for F1."""
    taxonomy, scores = Taxonomy(["a/x/1"]), Hierarchical()
    truth = taxonomy.targets(["a/x/1"])
    scores.update(taxonomy.ids(["a/x/1", "a"]), truth, taxonomy)
    scores.update(taxonomy.ids(["a/x/1", "a/x", "a"]), truth, taxonomy)
    scores.update(taxonomy.ids(["a/x", "a"]), truth, taxonomy)
    summary = scores.summary()
    assert summary.coherence == pytest.approx(2 / 3)
    assert summary.strict_recall == pytest.approx(3 / 6)
    assert summary.levels == pytest.approx((1.0, 1.0, 0.8))


def test_unknown_labels_count_neither_way() -> None:
    """Guessing below the most specific true label is neither right nor wrong."""
    taxonomy, scores = Taxonomy(["a/x", "a/y", "b"]), Hierarchical()
    scores.update(taxonomy.ids(["a", "a/x"]), taxonomy.targets(["a"]), taxonomy)
    assert scores.summary().precision == scores.summary().recall == 1.0
    scores.update(taxonomy.ids(["a", "b"]), taxonomy.targets(["a"]), taxonomy)
    assert scores.summary().precision == pytest.approx(2 / 3)


def test_state_round_trip() -> None:
    """Scores sent through JSON go on as the ones they came from."""
    taxonomy, scores, restored = Taxonomy(LEAVES), Hierarchical(), Hierarchical()
    scores.update(taxonomy.ids(["a/x"]), taxonomy.targets(["a/y"]), taxonomy)
    plain = {name: np.asarray(value).tolist() for name, value in scores.state().items()}
    restored.load_state(json.loads(json.dumps(plain)))
    for each in (scores, restored):
        each.update(taxonomy.ids(["b/z/1"]), taxonomy.targets(["b/z/1"]), taxonomy)
    assert restored.summary() == scores.summary()


def test_nothing_scored_yet() -> None:
    """Before the first message all scores are 0."""
    assert Hierarchical().summary().f1 == 0.0
    assert anytime_area([], []) == forgetting([]) == 0.0


def test_area_and_forgetting() -> None:
    """The area weighs by messages; forgetting is counted from the best, not from the first."""
    assert anytime_area([0, 10], [0.2, 0.4]) == pytest.approx(0.3)
    assert anytime_area([5], [0.7]) == 0.7
    assert forgetting([0.1, 0.9, 0.4, 0.6]) == pytest.approx(0.3)
    assert forgetting([0.1, 0.9]) == 0.0
