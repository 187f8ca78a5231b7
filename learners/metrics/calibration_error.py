"""Expected calibration error: how far labels' probabilities are from their observed frequencies."""

from __future__ import annotations

import numpy as np

from drift.core import Arrays, Floats, Ids, Parametrised, Vector, check_number, compiled, fields, grown
from learners.core import Prediction, Targets


class CalibrationError(Parametrised):
    """Expected calibration error of each label, prequential.

    A label's probabilities are grouped in bins of equal width; its error is the mean over its predictions of
    the difference, in their bin, between the mean probability and the share of true ones. Labels that are
    unknown for a message, and labels without a score, are left out.

    Parameters
    ----------
    bins
        Number of bins, at least 1. One only shows whether a label is predicted too often overall; very many
        measure noise.

    Examples
    --------
    >>> error = CalibrationError()
    >>> sure = Prediction(np.array([0]), np.array([0.9], dtype=np.float32))
    >>> for n in range(10):
    ...     error.update(sure, Targets(np.array([0] if n % 2 else [], dtype=np.intp)))
    >>> error.per_label(np.array([0])).round(2), round(error.mean(), 2)
    (array([0.4]), 0.4)

    References
    ----------
    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI
    2015.
    """

    state_fields = fields(Arrays("_apart", "_answers"))

    def __init__(self, bins: int = 10) -> None:
        check_number(self, "bins", bins, int, 1)
        self.bins = bins
        # By label and bin, sums of probabilities minus truths; by label, predictions and true ones.
        self._apart: Floats = np.zeros((0, bins))
        self._answers: Floats = np.zeros((0, 2))

    def update(self, prediction: Prediction, targets: Targets) -> None:
        """Take in the prediction and the true labels of one message."""
        if targets.negative is not None:
            prediction = prediction.among(np.union1d(targets.positive, targets.negative))
        scored, size = prediction.scored, len(prediction.scores)
        if scored is None:
            scored = np.arange(size)
        elif size:
            # They ascend.
            size = int(scored[-1]) + 1
        self._apart = grown(self._apart, size)
        self._answers = grown(self._answers, len(self._apart))
        _add(self._apart, self._answers, scored, prediction.scores, targets.positive)

    def forget(self, labels: Ids) -> None:
        """Forget some labels, whose ids go to others."""
        labels = labels[labels < len(self._apart)]
        self._apart[labels] = self._answers[labels] = 0.0

    def per_label(self, labels: Ids) -> Floats:
        """Return the error of some labels, in [0, 1], shape (k,); 0 for a label that was never scored."""
        apart = grown(self._apart, int(labels.max(initial=-1)) + 1)[labels]
        answers = grown(self._answers, int(labels.max(initial=-1)) + 1)[labels, 0]
        errors: Floats = np.abs(apart).sum(axis=1) / np.maximum(answers, 1.0)
        return errors

    def mean(self) -> float:
        """Return the mean error of the labels that were true at least once when scored; 0 without any."""
        true = np.flatnonzero(self._answers[:, 1])
        return float(self.per_label(true).mean()) if len(true) else 0.0


@compiled
def _add(apart: Floats, answers: Floats, scored: Ids, scores: Vector, positive: Ids) -> None:
    """Count one message; `scored` and `positive` ascend."""
    bins, place = apart.shape[1], 0
    for i in range(len(scored)):
        label, p = scored[i], np.float64(scores[i])
        while place < len(positive) and positive[place] < label:
            place += 1
        truth = 1.0 if place < len(positive) and positive[place] == label else 0.0
        apart[label, min(bins - 1, int(p * bins))] += p - truth
        answers[label, 0] += 1.0
        answers[label, 1] += truth
