"""Laplace steps of logistic regression with a Gaussian posterior of each weight, for many labels at once."""

from __future__ import annotations

import math

import numpy as np

from drift.core import Ids, Vector, compiled

INTERCEPT = 0.3
"""Input of the adaptive intercept: below 1, as the prior already accounts for the label's frequency."""
LEAST_CURVATURE = 0.001
"""Least curvature p (1 - p) of the loss, so that a certain label still reduces its weights' variances."""
LARGEST = np.float32(1e15)
"""Largest value of a feature: its square, and sums of such squares, must not overflow single precision, as
infinity minus infinity would be in the weights for good, and every later score NaN."""
LEAST_SCORE = 1e-6
"""Probability that stands for a score of 0, so that its logit is finite."""
MANY = 7
"""Labels are as cheap all together as one by one from this fraction on, one in so many."""
ITERATIONS = 4
"""Newton steps towards the posterior mode, which hardly moves after them."""


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

    `scores` are those of the listed labels (ids, ascending), and `positive` and `negative` places among them.
    """
    inputs, error = with_intercept(x, INTERCEPT), errors(scores, positive, negative)
    doubted = np.flatnonzero(np.abs(error) > settings[2])
    if listed is not None:
        _laplace_some(weights, variances, inputs, listed[doubted], error[doubted], scores[doubted], settings)
    elif len(doubted) * MANY > len(error):
        _laplace_all(weights, variances, inputs, error, scores, settings)
    else:
        _laplace_some(weights, variances, inputs, doubted, error[doubted], scores[doubted], settings)


@compiled
def _laplace_some(
    weights: Vector,
    variances: Vector,
    inputs: Vector,
    labels: Ids,
    error: Vector,
    scores: Vector,
    settings: Vector,
) -> None:
    """Take the steps of a few labels, given their errors and scores: only their columns are read."""
    most, growth = settings[0], settings[1]
    doubts = np.zeros(len(labels), dtype=np.float32)
    for row in range(len(inputs)):
        if inputs[row] == 0.0:
            continue
        for n in range(len(labels)):
            doubts[n] += variances[row, labels[n]] * (inputs[row] * inputs[row])
    steps, curvatures = modes(scores, error, doubts)
    for row in range(len(inputs)):
        if inputs[row] == 0.0:
            continue
        for n in range(len(labels)):
            variance = variances[row, labels[n]]
            spread = variance * inputs[row]
            weights[row, labels[n]] -= spread * steps[n]
            variances[row, labels[n]] = min((variance - spread * spread * curvatures[n]) * growth, most)


@compiled
def _laplace_all(
    weights: Vector, variances: Vector, inputs: Vector, error: Vector, scores: Vector, settings: Vector
) -> None:
    """Take the steps of many labels, several at a time: the others have steps of 0."""
    most, growth, tolerance = settings
    doubts, steps, curvatures = np.zeros((3, len(error)), dtype=np.float32)
    growths = np.ones(len(error), dtype=np.float32)
    doubted = np.flatnonzero(np.abs(error) > tolerance)
    for row in range(len(inputs)):
        square = inputs[row] * inputs[row]
        if square != 0.0:
            for label in range(len(doubts)):
                doubts[label] += variances[row, label] * square
    found = modes(scores[doubted], error[doubted], doubts[doubted])
    for n in range(len(doubted)):
        label = doubted[n]
        steps[label], curvatures[label], growths[label] = found[0][n], found[1][n], growth
    for row in range(len(inputs)):
        value = inputs[row]
        if value == 0.0:
            continue
        for label in range(len(steps)):
            variance = variances[row, label]
            spread = variance * value
            weights[row, label] -= spread * steps[label]
            variance = (variance - spread * spread * curvatures[label]) * growths[label]
            variances[row, label] = min(variance, most)


@compiled
def modes(scores: Vector, error: Vector, variances: Vector) -> tuple[Vector, Vector]:
    """Return the steps of logits' weights, and their gains in precision, given the logits' variances.

    A new logit z solves z = old - doubt · (sigmoid(z) - truth): the mode of its posterior. A step by the
    slope at the old logit would overshoot for a label that was thought to be absent.
    """
    size = len(scores)
    doubts, truths, olds, logits = np.empty((4, size))
    for n in range(size):
        doubt, truth = np.float64(variances[n]), np.float64(scores[n]) - np.float64(error[n])
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
        p = 1.0 / (1.0 + math.exp(-max(logits[n], -700.0)))
        curvature = max(p * (1.0 - p), LEAST_CURVATURE)
        steps[n], curvatures[n] = p - truths[n], curvature / (1.0 + curvature * doubts[n])
    return steps, curvatures
