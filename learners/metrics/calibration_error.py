"""Expected calibration error: whether labels come true as often as their probabilities say."""

from __future__ import annotations

import numpy as np

from drift.core import Arrays, Floats, Ids, Stateful, Vector, compiled, fields, grown
from learners.core import Prediction, Targets, check_number


class CalibrationError(Stateful):
    """Expected calibration error of each label, prequential.

    A label's probabilities fall into bins of equal width; its error is the mean over its answers of how far
    its bin's probabilities lie, on average, from how often it came true there. Labels of which a message says
    nothing, and labels that got no score, are left out.

    Parameters
    ----------
    bins
        How many, at least 1. One sees only whether a label is predicted too often on the whole; very many
        see noise, and call it an error.

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
        # By label and bin, probabilities minus truths; by label, answers and times it came true.
        self._apart: Floats = np.zeros((0, bins))
        self._answers: Floats = np.zeros((0, 2))

    def update(self, prediction: Prediction, targets: Targets) -> None:
        """Take in what was said of one message, and what is true of it."""
        if targets.negative is not None:
            prediction = prediction.among(np.union1d(targets.positive, targets.negative))
        scored = prediction.scored
        if scored is None:
            scored = np.arange(len(prediction.scores))
        self._apart = grown(self._apart, int(scored.max(initial=-1)) + 1)
        self._answers = grown(self._answers, len(self._apart))
        _add(self._apart, self._answers, scored, prediction.scores, targets.positive)

    def per_label(self, labels: Ids) -> Floats:
        """Return the error of some labels, in [0, 1]; 0 where a label was never asked for. Shape (k,)."""
        apart = grown(self._apart, int(labels.max(initial=-1)) + 1)[labels]
        answers = grown(self._answers, int(labels.max(initial=-1)) + 1)[labels, 0]
        errors: Floats = np.abs(apart).sum(axis=1) / np.maximum(answers, 1.0)
        return errors

    def mean(self) -> float:
        """Return the mean error of the labels that came true while they had a probability; 0 without any."""
        true = np.flatnonzero(self._answers[:, 1])
        return float(self.per_label(true).mean()) if len(true) else 0.0


@compiled
def _add(apart: Floats, answers: Floats, scored: Ids, scores: Vector, positive: Ids) -> None:
    """Book one message; `scored` and `positive` ascend."""
    bins, place = apart.shape[1], 0
    for i in range(len(scored)):
        label, p = scored[i], np.float64(scores[i])
        while place < len(positive) and positive[place] < label:
            place += 1
        truth = 1.0 if place < len(positive) and positive[place] == label else 0.0
        apart[label, min(bins - 1, int(p * bins))] += p - truth
        answers[label, 0] += 1.0
        answers[label, 1] += truth
