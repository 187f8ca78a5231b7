"""Prequential scores: equal to scikit-learn's, on every stream, and to figures worked out by hand."""

from __future__ import annotations

import importlib
import json
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from learners.core.labels import Targets, best_labels
from learners.core.prediction import Prediction
from learners.metrics.prequential import Counts, Prequential, Rolling

sklearn_metrics = importlib.import_module("sklearn.metrics")


class Stream(NamedTuple):
    """Truth, predictions and scores of a stream over labels that are all known from the first message."""

    truth: NDArray[np.bool_]
    predicted: NDArray[np.bool_]
    scores: NDArray[np.float32]

    def cut(self, where: slice) -> Stream:
        """Return some of the messages."""
        return Stream(self.truth[where], self.predicted[where], self.scores[where])


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Draw a stream of up to 30 messages over up to 40 labels."""
    messages, labels = draw(st.integers(1, 30)), draw(st.integers(1, 40))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    density = draw(st.sampled_from([0.05, 0.3, 0.8]))
    # Few distinct scores, so that ties are common.
    scores = (generator.integers(0, 6, (messages, labels)) / 5).astype(np.float32)
    truth, predicted = (generator.random((messages, labels)) < density for _ in range(2))
    return Stream(truth, predicted, scores)


def scored(stream: Stream) -> Prequential:
    """Score a whole stream."""
    prequential = Prequential(window=5)
    for truth, predicted, scores in zip(*stream, strict=True):
        prediction = Prediction(np.flatnonzero(predicted), scores)
        prequential.update(prediction, Targets(np.flatnonzero(truth)), truth.shape[0])
    return prequential


@given(streams())
def test_equals_scikit_learn(stream: Stream) -> None:
    """The six set scores are scikit-learn's, with 0/0 as the docstring says."""
    truth, predicted, _ = stream
    summary = scored(stream).summary()
    seen = truth.any(axis=0)
    named = seen | predicted.any(axis=0)
    expected = {
        "subset_accuracy": float((truth == predicted).all(axis=1).mean()),
        "micro_f1": sklearn_metrics.f1_score(truth.ravel(), predicted.ravel(), zero_division=1.0),
        "hamming_loss": float((truth != predicted).mean()),
        "errors_per_message": float((truth != predicted).sum(axis=1).mean()),
        "macro_f1": _macro(truth[:, seen], predicted[:, seen]),
        "macro_f1_predicted": _macro(truth[:, named], predicted[:, named]),
        "example_f1": np.mean(
            [sklearn_metrics.f1_score(t, p, zero_division=1.0) for t, p in zip(truth, predicted, strict=True)]
        ),
    }
    assert {name: getattr(summary, name) for name in expected} == pytest.approx(expected, abs=1e-12)
    assert summary.labels == seen.sum()


@given(streams().filter(lambda stream: stream.truth.shape[1] > 1))
def test_subset_accuracy_is_scikit_learns(stream: Stream) -> None:
    """Subset accuracy is what scikit-learn calls accuracy of indicator matrices."""
    expected = sklearn_metrics.accuracy_score(stream.truth, stream.predicted)
    assert scored(stream).summary().subset_accuracy == pytest.approx(expected, abs=1e-12)


def _macro(truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> float:
    columns = zip(truth.T, predicted.T, strict=True)
    return (
        float(np.mean([sklearn_metrics.f1_score(t, p, zero_division=0.0) for t, p in columns]))
        if truth.shape[1]
        else 0.0
    )


@given(streams())
def test_precision_at_k_is_that_of_a_stable_sort(stream: Stream) -> None:
    """P@k is read off a stable sort by descending score."""
    order = np.argsort(-stream.scores, axis=1, kind="stable")
    ranked = np.take_along_axis(stream.truth, order, axis=1)
    summary = scored(stream).summary()
    for k in (1, 3, 5):
        expected = ranked[:, :k].sum(axis=1).mean() / k
        assert getattr(summary, f"p_at_{k}") == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), max_size=200), st.integers(1, 90))
def test_best_labels_are_those_of_a_stable_sort(scores: list[float], k: int) -> None:
    """Ties go to the smaller id, however many there are."""
    array = np.array(scores)
    assert best_labels(array, k).tolist() == np.argsort(-array, kind="stable")[:k].tolist()


@given(streams())
def test_recent_scores_are_those_of_the_last_messages(stream: Stream) -> None:
    """The window forgets exactly."""
    tail = stream.cut(slice(-5, None))
    recent, fresh = scored(stream).recent.summary(), scored(tail).summary()
    assert recent.messages == fresh.messages
    for name in ("subset_accuracy", "micro_f1", "hamming_loss"):
        assert getattr(recent, name) == getattr(fresh, name)


@given(streams(), st.integers(0, 30))
def test_state_goes_through_json_and_carries_on(stream: Stream, cut: int) -> None:
    """Scores cut in two by a state equal scores in one go."""
    first, rest = stream.cut(slice(cut)), stream.cut(slice(cut, None))
    whole, resumed = scored(stream), Prequential(window=5)
    resumed.load_state(_through_json(scored(first).state()))
    for truth, predicted, scores in zip(*rest, strict=True):
        prediction = Prediction(np.flatnonzero(predicted), scores)
        resumed.update(prediction, Targets(np.flatnonzero(truth)), truth.shape[0])
    assert resumed.summary() == whole.summary()
    assert resumed.recent.summary() == whole.recent.summary()


def _through_json(state: dict[str, object]) -> dict[str, object]:
    loaded: dict[str, object] = json.loads(json.dumps(state, default=lambda array: array.tolist()))
    return loaded


def test_labels_appear_by_hand() -> None:
    """Three messages with labels that appear, worked out by hand."""
    prequential = Prequential()
    nothing = Prediction(np.array([], dtype=np.intp), np.array([], dtype=np.float32))
    # Message 1: nothing is known yet, two labels appear: 2 wrong of 2.
    prequential.update(nothing, Targets(np.array([0, 1])), 2)
    # Message 2: {0, 1} predicted, {1, 2} true, 2 is new: 1 hit, 2 wrong of 3; the best is label 1.
    prequential.update(
        Prediction(np.array([0, 1]), np.array([0.6, 0.9], np.float32)), Targets(np.array([1, 2])), 3
    )
    # Message 3: nothing predicted, nothing true: right in all 3.
    quiet = Prediction(np.array([], dtype=np.intp), np.array([0.1, 0.2, 0.3], np.float32))
    prequential.update(quiet, Targets(np.array([], dtype=np.intp)), 3)
    summary = prequential.summary()
    assert (summary.messages, summary.labels) == (3, 3)
    assert summary.subset_accuracy == pytest.approx(1 / 3)
    assert summary.example_f1 == pytest.approx((0 + 0.5 + 1) / 3)
    assert summary.micro_f1 == pytest.approx(2 * 1 / (2 * 1 + 1 + 3))
    assert summary.macro_f1 == pytest.approx((0 + 2 / 3 + 0) / 3)
    assert summary.hamming_loss == pytest.approx((2 + 2 + 0) / (2 + 3 + 3))
    assert summary.p_at_1 == pytest.approx(1 / 3)
    assert summary.p_at_5 == pytest.approx((1 / 5) / 3)


def test_a_label_beyond_those_that_are_said_to_be_known_is_counted() -> None:
    """The largest of a prediction, and of the truth, makes room for all of its labels."""
    prequential = Prequential()
    prediction = Prediction(np.array([0, 9]), np.zeros(10, np.float32))
    prequential.update(prediction, Targets(np.array([1, 9])), 2)
    assert prequential.summary().macro_f1 == pytest.approx((0 + 1) / 2)


def test_unknown_labels_count_neither_way() -> None:
    """Only labels that the message speaks of are scored."""
    prequential = Prequential()
    prediction = Prediction(np.array([0, 1, 2]), np.array([0.7, 0.9, 0.8, 0.1], np.float32))
    # Yes to 0, no to 2, nothing said of 1 and 3.
    prequential.update(prediction, Targets(np.array([0]), np.array([2])), 4)
    summary = prequential.summary()
    assert summary.micro_f1 == pytest.approx(2 / 3)
    assert summary.hamming_loss == pytest.approx(1 / 2)
    assert summary.p_at_1 == 0.0  # of 0 and 2, label 2 scores best, and it is wrong
    assert summary.p_at_3 == pytest.approx(1 / 3)


def test_a_predicted_label_never_true_counts() -> None:
    """A false positive on a label outside the truth lowers micro-F1 but has no F1 of its own."""
    prequential = Prequential()
    prediction = Prediction(np.array([1]), np.array([0.0, 1.0], np.float32))
    prequential.update(prediction, Targets(np.array([0])), 2)
    summary = prequential.summary()
    assert summary.labels == 1
    assert summary.hamming_loss == 1.0
    assert summary.micro_f1 == 0.0


def test_no_message_no_score() -> None:
    """Before the first message every score is 0."""
    summary = Prequential().summary()
    assert {getattr(summary, name) for name in summary.__dataclass_fields__} == {0}


def test_a_window_needs_a_message() -> None:
    """A window of nothing is refused, a window of one works."""
    with pytest.raises(ValueError, match="The 'window' parameter of Rolling must be an int in"):
        Rolling(window=0)
    rolling = Rolling(window=1)
    rolling.update(Counts(1, 0, 0, 0, 0))
    assert rolling.summary().micro_f1 == 1.0
