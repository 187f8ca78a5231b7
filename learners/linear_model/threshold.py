"""The probability threshold from which a label is predicted, tuned online for micro-F1."""

from __future__ import annotations

import numpy as np

from drift.core import Arrays, Ids, Mask, Stateful, Values, Vector, check_number, fields

PROBABILITY_BINS = 64


class MicroF1Threshold(Stateful):
    """The threshold with the best micro-F1 on recent messages, one for all labels.

    Parameters
    ----------
    half_life
        Messages after which a message counts half, at least 1. Too short and it fluctuates, too long and it
        follows a drift late.

    Examples
    --------
    >>> threshold = MicroF1Threshold()
    >>> threshold.value
    0.5
    >>> threshold.learn(np.array([0.9, 0.3, 0.1], dtype=np.float32), np.array([0, 1]), positives=2)
    >>> 0.1 < threshold.value <= 0.3
    True
    """

    state_fields = fields(Arrays("_hits", "_all"), Values("_positives"))

    def __init__(self, half_life: float = 1000.0) -> None:
        check_number(self, "half_life", half_life, float, 1)
        self.half_life = half_life
        # By bin of probability: true labels and all labels in it; small initial counts in favour of 0.5.
        self._hits = np.zeros(PROBABILITY_BINS)
        self._all = np.zeros(PROBABILITY_BINS)
        self._hits[PROBABILITY_BINS // 2] = self._all[PROBABILITY_BINS // 2] = 1e-3
        self._positives = 1e-3

    @property
    def value(self) -> float:
        """The probability from which a label is predicted, in (0, 1)."""
        hits, predicted = np.cumsum(self._hits[::-1])[::-1], np.cumsum(self._all[::-1])[::-1]
        f1 = hits / (predicted + self._positives)
        # The highest of equally good thresholds: without evidence no label is predicted.
        return (PROBABILITY_BINS - 1 - int(f1[:0:-1].argmax())) / PROBABILITY_BINS

    def learn(self, probabilities: Vector, true: Ids, positives: int) -> None:
        """Count one message: probabilities of shape (n,), places of the true ones, number of true labels."""
        hits = np.zeros((1, len(probabilities)), dtype=np.bool_)
        hits[0, true] = True
        self.learn_many(probabilities[None], hits, np.array([positives]))

    def learn_many(self, probabilities: Vector, true: Mask, positives: Ids) -> None:
        """Count messages: probabilities and truth of shape (messages, n), numbers of true labels."""
        keep = 0.5 ** (1.0 / self.half_life)
        weights = keep ** np.arange(len(probabilities) - 1, -1, -1.0)
        each = np.broadcast_to(weights[:, None], probabilities.shape)
        bins = np.minimum((probabilities * PROBABILITY_BINS).astype(np.intp), PROBABILITY_BINS - 1)
        kept = keep ** len(probabilities)
        self._hits = self._hits * kept + np.bincount(bins[true], each[true], PROBABILITY_BINS)
        self._all = self._all * kept + np.bincount(bins.ravel(), each.ravel(), PROBABILITY_BINS)
        self._positives = self._positives * kept + float(weights @ positives)
