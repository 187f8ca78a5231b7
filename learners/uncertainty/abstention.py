"""Selective classification: predictions that are not sure enough are rejected, so that errors are rare."""

from __future__ import annotations

import math

import numpy as np

from drift.core import Floats, Ids, Mask, Parametrised, State, Vector, check_number, compiled
from learners.core import Prediction

SEARCH_PERIOD = 20
"""Messages between two searches for the threshold."""
LEAST_CHANCE = 1e-6
"""Probability that stands for a label's probability of 0, so that its logarithm is finite."""
AIM_RANGE = (0.2, 2.0)
"""Range of the target error rate under correction, in multiples of the wanted one."""


class Abstention(Parametrised):
    """Rejects predictions whose sureness is in a range that was recently wrong too often.

    The threshold is the lowest sureness above which, among the last messages, (wrong + 1) / (messages + 1) is
    at most the target. The target is corrected by the outcomes of the predictions that were not rejected, so
    that in the long run the wanted share of these is wrong, under drift as well. Where no predictions are
    that good, everything is rejected, and so it is before the first outcomes.

    Parameters
    ----------
    error
        Wanted share of wrong label sets among the predictions that are not rejected, in [0, 1]. If the
        learner exceeds it even where it is surest, nearly everything is rejected.
    rate
        Step size of the target's correction, in [0, 1]. Large ones swing between rejecting much and nothing.
    window
        Messages that the threshold is computed from, at least 10. Few make it fluctuate, and cannot show
        error rates as low as 1 / window; many make it follow drift late.

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
    .. [3] A. N. Angelopoulos et al., "Conformal risk control", ICLR 2024: the correction by + 1.
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
        """Return whether a prediction of this sureness is rejected."""
        return sureness < self._least

    def learn(self, sureness: float, wrong: bool) -> None:
        """Take in whether a prediction of this sureness was wrong, whether rejected or not."""
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
        # Predictions of equal sureness are accepted or rejected together.
        last_of_equals = np.append(surest[1:] < surest[:-1], True)
        good = np.flatnonzero(last_of_equals & (errors <= self._aim))
        return float(surest[good[-1]]) if len(good) else np.inf

    def state(self) -> State:
        """Return the threshold and the messages that it is computed from; see `Learner.state`."""
        kept = min(self._messages, self.window)
        return super().state() | {
            "aim": self._aim,
            "least": np.array([self._least]),
            "messages": self._messages,
            "sureness": self._sureness[:kept],
            "wrong": self._wrong[:kept],
        }

    def load_state(self, state: State) -> None:
        """Load what `state` returned; see `Parametrised.load_state`."""
        super().load_state(state)
        self._aim = state["aim"]
        self._least = float(state["least"][0])
        self._messages = state["messages"]
        kept = min(self._messages, self.window)
        self._sureness[:kept] = state["sureness"]
        self._wrong[:kept] = state["wrong"]


def sureness(prediction: Prediction) -> float:
    """Return the log-probability that a label set is right, assuming independent labels.

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
        # One logarithm for many factors, taken before their product underflows.
        if chance < 1e-200:
            total += math.log(chance)
            chance = 1.0
    return total + math.log(chance)
