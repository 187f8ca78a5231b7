"""A "don't know" that keeps errors rare: predictions that are not sure enough are rejected."""

from __future__ import annotations

import math

import numpy as np

from drift.core import Floats, Ids, Mask, State, Vector, compiled
from learners.core import Prediction, check_number

SEARCH_PERIOD = 20
"""Messages after which the threshold is looked for again."""
LEAST_CHANCE = 1e-6
"""Probability that a label's probability of 0 is taken for, so that its logarithm is a number."""
AIM_RANGE = (0.2, 2.0)
"""How far the errors aimed at may stray from those wanted: as multiples of them."""


class Abstention:
    """Rejects predictions that are less sure than those which lately were wrong too often.

    The threshold is the least sureness from which on, among the last messages, (wrong + 1) / (messages + 1)
    is at most what is aimed at. The aim is corrected by what became of the predictions that were not
    rejected, so that in the long run the wanted share of these is wrong, also where the stream drifts. Where
    no predictions are that good everything is rejected; and so it is before the first messages were judged.

    Parameters
    ----------
    error
        Wanted share of wrong label-sets among the predictions that are not rejected, in [0, 1]. Less than
        the learner can do, even where it is surest, and nearly everything is rejected.
    rate
        How fast the aim is corrected, in [0, 1]. Large ones swing between much and nothing.
    window
        Messages that the threshold looks back on, at least 10. Few make it jump, and cannot show that errors
        are as rare as 1 / window; many make it old-fashioned.

    Examples
    --------
    >>> abstention = Abstention(error=0.2)
    >>> for n in range(200):
    ...     abstention.learn(sureness=n % 2, wrong=n % 2 == 0)
    >>> abstention.rejects(0), abstention.rejects(1)
    (True, False)

    References
    ----------
    .. [1] C. K. Chow, "On optimum recognition error and reject tradeoff", 1970.
    .. [2] Y. Geifman and R. El-Yaniv, "Selective classification for deep neural networks", NeurIPS 2017: a
       threshold for a wanted risk.
    .. [3] A. N. Angelopoulos et al., "Conformal risk control", ICLR 2024: the one that is added.
    """

    def __init__(self, error: float = 0.1, rate: float = 0.01, window: int = 1000) -> None:
        check_number(self, "error", error, float, 0, 1)
        check_number(self, "rate", rate, float, 0, 1)
        check_number(self, "window", window, int, 10)
        self.error = error
        self.rate = rate
        self.window = window
        self._aim = error
        self._least = np.inf
        self._messages = 0
        self._sureness: Floats = np.zeros(window)
        self._wrong: Mask = np.zeros(window, dtype=np.bool_)

    def rejects(self, sureness: float) -> bool:
        """Return whether a prediction that is as sure as that is not sure enough."""
        return sureness < self._least

    def learn(self, sureness: float, wrong: bool) -> None:
        """Take in whether a prediction that was as sure as that was wrong, rejected or not."""
        if not self.rejects(sureness):
            low, high = AIM_RANGE
            corrected = self._aim + self.rate * (self.error - wrong)
            self._aim = min(max(corrected, low * self.error), high * self.error)
        place = self._messages % self.window
        self._sureness[place], self._wrong[place] = sureness, wrong
        self._messages += 1
        if self._messages % SEARCH_PERIOD == 0:
            self._least = self._threshold()

    def _threshold(self) -> float:
        kept = min(self._messages, self.window)
        order = np.argsort(-self._sureness[:kept], kind="stable")
        surest, wrong = self._sureness[order], self._wrong[order]
        errors = (np.cumsum(wrong) + 1.0) / (np.arange(1, kept + 1) + 1.0)
        # Equally sure ones are let through together or not at all.
        last_of_equals = np.append(surest[1:] < surest[:-1], True)
        good = np.flatnonzero(last_of_equals & (errors <= self._aim))
        return float(surest[good[-1]]) if len(good) else np.inf

    def state(self) -> State:
        """Return the threshold and what it was found in; see `Learner.state`."""
        kept = min(self._messages, self.window)
        return {
            "aim": self._aim,
            "least": np.array([self._least]),
            "messages": self._messages,
            "sureness": self._sureness[:kept],
            "wrong": self._wrong[:kept],
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self._aim = state["aim"]
        self._least = float(state["least"][0])
        self._messages = state["messages"]
        kept = min(self._messages, self.window)
        self._sureness[:kept] = state["sureness"]
        self._wrong[:kept] = state["wrong"]


def sureness(prediction: Prediction) -> float:
    """Return the logarithm of the chance that a label-set is right if labels were independent.

    Examples
    --------
    >>> round(float(np.exp(sureness(Prediction(np.array([0]), np.array([0.9, 0.5], dtype=np.float32))))), 3)
    0.45
    """
    labels, scored = prediction.labels, prediction.scored
    return _sureness(prediction.scores, labels if scored is None else np.searchsorted(scored, labels))


@compiled
def _sureness(scores: Vector, predicted: Ids) -> float:
    """Return the sum of log P(yes) of the predicted places, ascending, and of log P(no) of all others."""
    total, chance, place = 0.0, 1.0, 0
    for i in range(len(scores)):
        p = np.float64(scores[i])
        if place < len(predicted) and predicted[place] == i:
            place += 1
        else:
            p = 1.0 - p
        chance *= max(p, LEAST_CHANCE)
        # One logarithm for many factors, before their product is too small to be a number.
        if chance < 1e-200:
            total += math.log(chance)
            chance = 1.0
    return total + math.log(chance)
