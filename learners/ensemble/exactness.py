"""How likely a label-set is to be exactly right, and how far the labels' probabilities can be believed.

Two small logistic regressions that learn online with AdaGrad. Independent labels would have the product of
their probabilities as a label-set's probability, but labels depend on one another, so the product is only one
of the features.

References
----------
Platt, "Probabilistic outputs for support vector machines", 1999: `calibrated`. Duchi, Hazan and Singer,
"Adaptive subgradient methods for online learning and stochastic optimization", JMLR 2011: AdaGrad.
"""

from __future__ import annotations

import math

import numpy as np

from drift.core import Floats, Ids, Mask, Vector, compiled
from learners.ensemble.candidates import PREVIOUS, UNHEARD, Codes

START = ((0.0, 1.5, 0.5, 1.0, 0.0, 0.0), (1.0,) * 6)
"""Weights of the features of `exactness_features` before the first message, and AdaGrad's sums of squares."""
CALIBRATION_START = ((1.0, 0.0), (10.0, 10.0))
"""Slope and intercept of the calibration before the first message, and AdaGrad's sums of squares."""
FEATURES = len(START[0])
RATE, CALIBRATION_RATE = 0.1, 0.05
LEAST = 0.002
"""Least probability, of a label being true or not, that counts in a label-set's likelihood."""


@compiled
def log_odds(p: float) -> float:
    """Return log(p / (1 - p))."""
    return math.log(p / (1.0 - p))


@compiled
def active_odds(probabilities: Vector, active: Ids, odds: Floats) -> None:
    """Fill in the log-odds of the active labels, those of 0.001 and 0.999 at most. Shape (A,)."""
    for place in range(len(active)):
        odds[place] = log_odds(min(max(np.float64(probabilities[active[place]]), 0.001), 0.999))


@compiled
def calibrated(odds: Floats, calibration: Floats) -> Floats:
    """Return the probabilities that log-odds stand for, given slope and intercept."""
    p: Floats = 1.0 / (1.0 + np.exp(-(calibration[0, 0] * odds + calibration[0, 1])))
    return p


@compiled
def calibrate(odds: Floats, truth: Mask, calibration: Floats) -> None:
    """Learn slope and intercept from the truth about the active labels."""
    error = calibrated(odds, calibration) - truth
    _descend(np.array(((error * odds).sum(), error.sum())), CALIBRATION_RATE, calibration)


@compiled
def exactness_features(
    p: Floats,
    none: float,
    sets: Mask,
    own: Codes,
    votes: Floats,
    exact: Floats,
    empty: float,
    features: Floats,
) -> None:
    """Fill in the features of each label-set's probability of being exactly right, shape (C, 6).

    They are a constant; the set's log-likelihood if labels were independent; its share of the neighbours'
    vote; for the empty set, its log-odds so far; the log-odds of the most accurate candidate that proposes
    the set; and for the previous labels, the log-odds of being repeated.

    Parameters
    ----------
    p
        Probabilities of the active labels. Shape (A,).
    none
        Log-likelihood that no other label is true.
    sets, own, votes
        The candidates, their codes, and their sets' shares of the neighbours' vote.
    exact
        How often each candidate was exactly right lately, in (0, 1). Shape (C,).
    empty
        How often a message had no labels so far, in (0, 1).
    """
    odds = np.empty(len(p))
    for place in range(len(p)):
        yes, no = math.log(max(p[place], LEAST)), math.log(max(1.0 - p[place], LEAST))
        odds[place] = yes - no
        none += no
    for row in range(len(sets)):
        likelihood, size, best = none, 0, exact[row]
        for place in range(len(p)):
            if sets[row, place]:
                likelihood += odds[place]
                size += 1
        for other in range(len(sets)):
            if own[other] == own[row]:
                best = max(best, exact[other])
        features[row, 0] = 1.0
        features[row, 1] = max(likelihood, -20.0) / 3.0
        features[row, 2] = math.log(UNHEARD + votes[row]) + 1.0
        features[row, 3] = 0.0 if size else log_odds(empty)
        features[row, 4] = log_odds(best)
        features[row, 5] = log_odds(exact[PREVIOUS]) + 2.0 if own[row] == own[PREVIOUS] else 0.0


@compiled
def exactness(features: Floats, regression: Floats) -> Floats:
    """Return the probability of each label-set, shape (C,)."""
    probabilities = np.empty(len(features))
    for row in range(len(features)):
        odds = 0.0
        for place in range(features.shape[1]):
            odds += features[row, place] * regression[0, place]
        probabilities[row] = 1.0 / (1.0 + math.exp(-odds))
    return probabilities


@compiled
def learn_exactness(features: Floats, own: Codes, exact: Floats, regression: Floats) -> None:
    """Learn from which label-sets were exactly right; a set that several candidates propose counts once."""
    errors, gradient = exactness(features, regression) - exact, np.empty(features.shape[1])
    for row in range(len(features)):
        first = 0
        while own[first] != own[row]:
            first += 1
        if first == row:
            for place in range(len(gradient)):
                gradient[place] = errors[row] * features[row, place]
            _descend(gradient, RATE, regression)


@compiled
def _descend(gradient: Floats, rate: float, regression: Floats) -> None:
    """Take one step of AdaGrad."""
    for place in range(len(gradient)):
        regression[1, place] += gradient[place] * gradient[place]
        regression[0, place] -= rate * gradient[place] / np.sqrt(regression[1, place])
