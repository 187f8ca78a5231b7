"""Laplace steps of logistic regression with a Gaussian posterior of each weight, for many labels at once."""

from __future__ import annotations

import math

import numpy as np

from drift.core import Ids, Vector, compiled
from learners.core import LARGEST, add_products_of, given

INTERCEPT = 0.3
"""Input of the adaptive intercept: below 1, as the prior already accounts for the label's frequency."""
LEAST_CURVATURE = 0.001
"""Least curvature p (1 - p) of the loss, so that a certain label still reduces its weights' variances."""
LARGEST_VARIANCE = 1000000
"""Largest prior variance of a weight: products with the largest values must not overflow, either."""
LEAST_SCORE = 1e-6
"""Probability that stands for a score of 0, so that its logit is finite."""
MANY = 2
"""Inputs are as cheap all together as one by one from this fraction on, one in so many."""
BLOCK = 128
"""Inputs that are taken for one label after another: their weights of all labels stay in the cache."""
ITERATIONS = 4
"""Newton steps towards the posterior mode, which hardly moves after them."""
HUGE = 1e6
"""Variance of a logit beyond which so few steps end far from the mode: that of an outlier, which would move
its weights by millions. There the mode is bracketed instead."""
BEYOND_DOUBT = 1e37
"""Largest variance of a logit, whatever its sum: the precision that it leaves is not 0."""
FARTHEST = 100.0
"""Largest logit of a mode: with a doubt of `BEYOND_DOUBT` it would be 90."""
HALVINGS = 60
"""Times that the bracket of a mode is halved."""
LEAST_LEFT = np.float32(2.0**-10)
"""Share of a variance that one message leaves at least. Of less than that little is left but rounding, which
may be 0 or negative; and a weight that an outlier made so sure would not learn for thousands of messages."""
LEAST_VARIANCE = np.float32(2.0**-40)
"""Smallest variance, as a share of the prior one: a few thousand messages restore it."""


@compiled
def with_intercept(x: Vector, intercept: float = 1.0) -> Vector:
    """Return (intercept, x), shape (d + 1,), with missing values as 0 and none beyond `LARGEST`."""
    inputs = np.empty(len(x) + 1, dtype=np.float32)
    inputs[0] = intercept
    for i in range(len(x)):
        inputs[i + 1] = np.float32(0.0) if np.isnan(x[i]) else min(max(x[i], -LARGEST), LARGEST)
    return inputs


@compiled
def errors(scores: Vector, positive: Ids, negative: Ids | None) -> Vector:
    """Return score minus truth, shape (L,), given a message's `Targets`; 0 where these leave it unknown."""
    error = scores.copy()
    for label in positive:
        error[label] -= np.float32(1.0)
    if negative is not None:
        unknown = np.ones(len(scores), dtype=np.bool_)
        unknown[positive] = False
        unknown[negative] = False
        error[unknown] = np.float32(0.0)
    return error


@compiled
def laplace_step(
    weights: Vector,
    variances: Vector,
    settings: Vector,
    listed: Ids | None,
    x: Vector,
    scores: Vector,
    positive: Ids,
    negative: Ids | None,
) -> None:
    """Take one Laplace step for each label whose error exceeds the tolerance: of listed ones, or of all.

    `variances` have a row for each label, as only those of few labels are read. `scores` are those of the
    listed labels (ids, ascending), and `positive` and `negative` places among them.
    """
    inputs, error = with_intercept(x, INTERCEPT), errors(scores, positive, negative)
    doubted = np.flatnonzero(np.abs(error) > settings[2])
    labels = doubted if listed is None else listed[doubted]
    doubts = np.zeros(len(labels), dtype=np.float32)
    add_products_of(variances.T, labels, inputs * inputs, doubts)
    steps, curvatures = modes(scores[doubted], error[doubted], doubts)
    features, size = given(inputs, len(inputs))
    if size * MANY > len(inputs):
        _move_all(weights, variances, inputs, labels, steps, curvatures, settings)
    else:
        _move_some(weights, variances, inputs, features[:size], labels, steps, curvatures, settings)


@compiled
def _move_all(
    weights: Vector,
    variances: Vector,
    inputs: Vector,
    labels: Ids,
    steps: Vector,
    curvatures: Vector,
    settings: Vector,
) -> None:
    """Move some labels' weights of all inputs, and reduce their variances; those of inputs of 0 stay."""
    most, growth, least = settings[0], settings[1], settings[0] * LEAST_VARIANCE
    moves = np.empty(BLOCK, dtype=np.float32)
    for first in range(0, len(inputs), BLOCK):
        some = inputs[first : first + BLOCK]
        for n in range(len(labels)):
            weight, variance = weights[first : first + BLOCK, labels[n]], variances[labels[n], first:]
            # Without the weights, which lie apart where all labels are read together, this is vectorised.
            for i in range(len(some)):
                old = variance[i]
                spread = old * some[i]
                moves[i] = spread * steps[n]
                new = (old - spread * spread * curvatures[n]) * growth
                new = max(min(new, most), max(old * LEAST_LEFT, least))
                variance[i] = old if some[i] == 0.0 else new
            for i in range(len(some)):
                weight[i] -= moves[i]


@compiled
def _move_some(
    weights: Vector,
    variances: Vector,
    inputs: Vector,
    features: Ids,
    labels: Ids,
    steps: Vector,
    curvatures: Vector,
    settings: Vector,
) -> None:
    """Do the same for some inputs, which are not 0: the others are not read."""
    most, growth, least = settings[0], settings[1], settings[0] * LEAST_VARIANCE
    for n in range(len(labels)):
        label = labels[n]
        for i in features:
            variance = variances[label, i]
            spread = variance * inputs[i]
            weights[i, label] -= spread * steps[n]
            new = (variance - spread * spread * curvatures[n]) * growth
            variances[label, i] = max(min(new, most), max(variance * LEAST_LEFT, least))


@compiled
def modes(scores: Vector, error: Vector, variances: Vector) -> tuple[Vector, Vector]:
    """Return the steps of logits' weights, and their gains in precision, given the logits' variances.

    A new logit z solves z = old - doubt · (sigmoid(z) - truth): the mode of its posterior. A step by the
    slope at the old logit would overshoot for a label that was thought to be absent.
    """
    size = len(scores)
    doubts, truths, olds, logits = np.empty((4, size))
    for n in range(size):
        doubt = min(np.float64(variances[n]), BEYOND_DOUBT)
        truth = np.float64(scores[n]) - np.float64(error[n])
        likely = min(max(np.float64(scores[n]), LEAST_SCORE), 1.0 - LEAST_SCORE)
        old = math.log(likely / (1.0 - likely))
        doubts[n], truths[n], olds[n] = doubt, truth, old
        # Starting where the sigmoid is steepest, within the possible range, Newton's method never overshoots.
        logits[n] = min(max(0.0, old - doubt * (1.0 - truth)), old + doubt * truth)
    # All labels in turn: the iterations of one wait for each other, those of several labels do not.
    for _ in range(ITERATIONS):
        for n in range(size):
            z = logits[n]
            p = 1.0 / (1.0 + math.exp(-max(z, -700.0)))
            z -= (z - olds[n] + doubts[n] * (p - truths[n])) / (1.0 + doubts[n] * p * (1.0 - p))
            logits[n] = z
    steps, curvatures = np.empty((2, size), dtype=np.float32)
    for n in range(size):
        huge = doubts[n] > HUGE
        if huge:
            logits[n] = _bracketed(olds[n], doubts[n], round(truths[n]))
        p = 1.0 / (1.0 + math.exp(-max(logits[n], -700.0)))
        curvature = max(p * (1.0 - p), LEAST_CURVATURE)
        # The same at the mode, but not rounded to 0 where the probability rounds to 1.
        steps[n] = (olds[n] - logits[n]) / doubts[n] if huge else p - truths[n]
        curvatures[n] = curvature / (1.0 + curvature * doubts[n])
    return steps, curvatures


@compiled
def _bracketed(old: float, doubt: float, truth: float) -> float:
    """Return the posterior mode of one logit by bisection: it takes long, but any doubt."""
    low, high = max(old - doubt * (1.0 - truth), -FARTHEST), min(old + doubt * truth, FARTHEST)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if middle - old + doubt * (1.0 / (1.0 + math.exp(-middle)) - truth) < 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
