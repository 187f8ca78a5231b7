"""Prequential scores: the quality of predictions that were made before their labels were learned.

Every message counts, from the first one on, and so does every predicted label that is not among the true
ones. The cost of a message depends on its own labels, not on all labels; only P@k and calibration read all
scores of the prediction.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drift.core import Arrays, Ids, Parametrised, Parts, State, Values, check_number, compiled, fields, grown
from learners.core import Prediction, Targets
from learners.metrics.calibration_error import CalibrationError
from learners.metrics.f1 import f1

DEPTHS = (1, 3, 5)
"""The k of P@k."""


@dataclasses.dataclass(frozen=True)
class Scores:
    """Scores over every message so far; all are 0 before the first one.

    Parameters
    ----------
    messages
        Messages scored.
    labels
        Labels that were true at least once.
    subset_accuracy
        Share of messages whose predicted label set equals the true one.
    example_f1
        Mean over messages of 2|P ∩ T| / (|P| + |T|); 1 where both are empty.
    micro_f1
        F1 of the true and false positives and false negatives of all labels together; 1 while there
        are none of either.
    macro_f1
        Mean of the labels' own F1 over the labels that were true at least once and have not left.
    macro_f1_predicted
        The same over the labels that were true or predicted at least once, as scikit-learn's: a label that
        was predicted and never true counts as 0.
    hamming_loss
        Wrong yes/no answers over answers asked for: Σ(fp + fn) / ΣLₙ, where Lₙ counts the labels known up
        to and including message n.
    errors_per_message
        The same wrong answers over messages: divided by the number of labels, it is the Hamming loss of those
        who know all labels beforehand.
    p_at_1, p_at_3, p_at_5
        Mean over messages of |best k by score ∩ T| / k; ties go to the label seen first.
    calibration_error
        Mean over labels of their expected calibration error; see `CalibrationError`. Of little use alone:
        a learner that gives every label its frequency has next to none.
    """

    messages: int
    labels: int
    subset_accuracy: float
    example_f1: float
    micro_f1: float
    macro_f1: float
    macro_f1_predicted: float
    hamming_loss: float
    errors_per_message: float
    p_at_1: float
    p_at_3: float
    p_at_5: float
    calibration_error: float


@dataclasses.dataclass(frozen=True)
class RecentScores:
    """Scores over the last messages; see `Scores` for what they mean."""

    messages: int
    subset_accuracy: float
    micro_f1: float
    hamming_loss: float


class Counts(NamedTuple):
    """Counts of one message, as integers: their sums are exact, whatever the order.

    Parameters
    ----------
    exact
        1 where the predicted set equals the true one, else 0.
    hits, predicted, actual
        Labels both predicted and true, predicted, true.
    cells
        Yes/no answers asked for, one per known label.
    """

    exact: int
    hits: int
    predicted: int
    actual: int
    cells: int

    @property
    def f1(self) -> float:
        """2 hits / (predicted + actual), 1 where both are empty."""
        return f1(self.hits, self.predicted, self.actual)

    @property
    def errors(self) -> int:
        """Wrong answers."""
        return self.predicted + self.actual - 2 * self.hits

    @property
    def hamming_loss(self) -> float:
        """Share of the answers that were wrong."""
        return self.errors / self.cells if self.cells else 0.0


class Rolling(Parametrised):
    """Subset accuracy, micro-F1 and Hamming loss over the last messages.

    Parameters
    ----------
    window
        Recent messages to score, at least 1. Too few and the scores fluctuate, too many and they hide a drop.

    Examples
    --------
    >>> rolling = Rolling(window=2)
    >>> for exact in (0, 1, 1):
    ...     rolling.update(Counts(exact, hits=exact, predicted=1, actual=1, cells=4))
    >>> rolling.summary()
    RecentScores(messages=2, subset_accuracy=1.0, micro_f1=1.0, hamming_loss=0.0)
    """

    state_fields = fields(Arrays("_ring"), Values("_messages"))

    def __init__(self, window: int = 1000) -> None:
        check_number(self, "window", window, int, 1)
        self.window = window
        self._ring = np.zeros((window, len(Counts._fields)), dtype=np.int64)
        self._sums = np.zeros(len(Counts._fields), dtype=np.int64)
        self._messages = 0

    def update(self, counts: Counts | NDArray[np.int64]) -> None:
        """Take in one message."""
        row = self._ring[self._messages % self.window]
        self._sums -= row
        row[:] = counts
        self._sums += row
        self._messages += 1

    def summary(self) -> RecentScores:
        """Return the scores over the window."""
        messages, sums = min(self._messages, self.window), Counts(*self._sums.tolist())
        return RecentScores(
            messages, _ratio(sums.exact, messages), sums.f1 if messages else 0.0, sums.hamming_loss
        )

    def load_state(self, state: State) -> None:
        """Load what `state` of a window of the same length returned."""
        super().load_state(state)
        self._sums = self._ring.sum(axis=0)


class Prequential(Parametrised):
    """Scores of a stream of predictions, each made before its message was learned.

    A message with incomplete labels is scored on its known labels: predictions of unknown labels are not
    counted, and its best k are the best among the known ones.

    Parameters
    ----------
    window
        Messages that `recent` covers, at least 1.

    Attributes
    ----------
    recent
        Scores over the last messages, for telemetry.
    calibration
        Calibration error of each label's probabilities.

    Examples
    --------
    >>> scores = Prequential()
    >>> prediction = Prediction(np.array([0, 2]), np.array([0.9, 0.1, 0.6], dtype=np.float32))
    >>> scores.update(prediction, Targets(np.array([0])), labels_known=3)
    >>> round(scores.summary().example_f1, 3), scores.summary().p_at_1
    (0.667, 1.0)
    """

    state_fields = fields(
        Arrays("_per_label", "_sums", "_hits_at"),
        Values("_example_f1", "_messages"),
        Parts("recent", "calibration"),
    )

    def __init__(self, window: int = 1000) -> None:
        self.window = window
        self.recent = Rolling(window)
        self.calibration = CalibrationError()
        self._per_label = np.zeros((0, 3), dtype=np.int64)  # hits, predicted, actual
        self._sums = np.zeros(len(Counts._fields), dtype=np.int64)
        self._hits_at = np.zeros(len(DEPTHS), dtype=np.int64)
        self._example_f1 = 0.0
        self._messages = 0

    def update(self, prediction: Prediction, targets: Targets, labels_known: int) -> None:
        """Score one prediction; `labels_known` counts the labels known, this message's included."""
        self.calibration.update(prediction, targets)
        actual, cells = targets.positive, labels_known
        if targets.negative is not None:
            known = np.union1d(actual, targets.negative)
            prediction, cells = prediction.among(known), len(known)
        predicted, (best, _) = prediction.labels, prediction.best(DEPTHS[-1])
        last = (int(labels[-1]) for labels in (predicted, actual) if len(labels))
        self._per_label = grown(self._per_label, max(labels_known, 1 + max(last, default=0)))
        hits = _count_labels(self._per_label, self._hits_at, predicted, actual, best)
        exact = int(hits == len(predicted) == len(actual))
        counts = Counts(exact, hits, len(predicted), len(actual), cells)
        self._example_f1 += counts.f1
        as_array = np.array(counts)
        self._sums += as_array
        self._messages += 1
        self.recent.update(as_array)

    def counts(self) -> tuple[int, Counts]:
        """Return the number of messages so far, and the sums of their counts."""
        return self._messages, Counts(*self._sums.tolist())

    def forget(self, labels: Ids) -> None:
        """Clear what is counted for some labels, whose ids go to others; sums over all labels stay."""
        self.calibration.forget(labels)
        self._per_label[labels[labels < len(self._per_label)]] = 0

    def resume(self, label: int, counts: Sequence[int]) -> None:
        """Go on from what `per_label` returned for a label that is back."""
        self._per_label = grown(self._per_label, label + 1)
        self._per_label[label] += counts

    def per_label(self, labels: Sequence[int]) -> list[list[int]]:
        """Return hits, predictions and occurrences of each of some labels so far."""
        self._per_label = grown(self._per_label, max(labels, default=-1) + 1)
        counts: list[list[int]] = self._per_label[list(labels)].tolist()
        return counts

    def summary(self) -> Scores:
        """Return the scores so far; costs O(labels)."""
        messages, sums = self._messages, Counts(*self._sums.tolist())
        hits, predicted, actual = self._per_label[self._per_label[:, 1:].any(axis=1)].T
        own_f1, true = 2 * hits / (predicted + actual), actual > 0
        p_at = [_ratio(int(hit), messages * depth) for hit, depth in zip(self._hits_at, DEPTHS, strict=True)]
        return Scores(
            messages=messages,
            labels=int(true.sum()),
            subset_accuracy=_ratio(sums.exact, messages),
            example_f1=_ratio(self._example_f1, messages),
            micro_f1=sums.f1 if messages else 0.0,
            macro_f1=_ratio(own_f1.sum(where=true), true.sum()),
            macro_f1_predicted=_ratio(own_f1.sum(), len(own_f1)),
            hamming_loss=sums.hamming_loss,
            errors_per_message=_ratio(sums.errors, messages),
            p_at_1=p_at[0],
            p_at_3=p_at[1],
            p_at_5=p_at[2],
            calibration_error=self.calibration.mean(),
        )


@compiled
def _count_labels(
    per_label: NDArray[np.int64], hits_at: NDArray[np.int64], predicted: Ids, actual: Ids, best: Ids
) -> int:
    """Count a message's labels, which ascend, and hits at each depth; return the hits of the prediction."""
    for rank in range(len(best)):
        for label in actual:
            if label == best[rank]:
                for nth in range(len(DEPTHS)):
                    hits_at[nth] += rank < DEPTHS[nth]
    hits = place = 0
    for label in actual:
        per_label[label, 2] += 1
    for label in predicted:
        per_label[label, 1] += 1
        while place < len(actual) and actual[place] < label:
            place += 1
        if place < len(actual) and actual[place] == label:
            per_label[label, 0] += 1
            hits += 1
    return hits


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
