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
def laplace(
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
    steps, curvatures = np.empty_like(doubts), np.empty_like(doubts)
    for n in range(len(labels)):
        steps[n], curvatures[n] = mode(scores[n], error[n], doubts[n])
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
    for row in range(len(inputs)):
        square = inputs[row] * inputs[row]
        if square != 0.0:
            for label in range(len(doubts)):
                doubts[label] += variances[row, label] * square
    for label in range(len(error)):
        if abs(error[label]) > tolerance:
            steps[label], curvatures[label] = mode(scores[label], error[label], doubts[label])
            growths[label] = growth
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
def mode(score: np.float32, error: np.float32, variance: np.float32) -> tuple[np.float32, np.float32]:
    """Return the step of a logit's weights, and their gain in precision, given the logit's variance.

    The new logit z solves z = old - doubt · (sigmoid(z) - truth): the mode of its posterior. A step by the
    slope at the old logit would overshoot for a label that was thought to be absent.
    """
    doubt, truth = np.float64(variance), np.float64(score) - np.float64(error)
    likely = min(max(np.float64(score), LEAST_SCORE), 1.0 - LEAST_SCORE)
    old = math.log(likely / (1.0 - likely))
    # Starting where the sigmoid is steepest, within the possible range, Newton's method never overshoots.
    z = min(max(0.0, old - doubt * (1.0 - truth)), old + doubt * truth)
    for _ in range(ITERATIONS):
        p = 1.0 / (1.0 + math.exp(-max(z, -700.0)))
        z -= (z - old + doubt * (p - truth)) / (1.0 + doubt * p * (1.0 - p))
    p = 1.0 / (1.0 + math.exp(-max(z, -700.0)))
    curvature = max(p * (1.0 - p), LEAST_CURVATURE)
    return np.float32(p - truth), np.float32(curvature / (1.0 + curvature * doubt))
