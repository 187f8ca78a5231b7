"""Nearest class mean: what each label's messages have in common, kept whatever is learned of other labels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.core import Arrays, Floats, Ids, Parts, State, Vector, compiled, fields, grown
from learners.core import LARGEST, Learner, Targets
from learners.preprocessing import StandardScaler

FARTHEST = np.float32(1e3)
"""Most standard deviations that a label's mean is taken to lie from the mean of all: squares stay finite."""
RATE = 0.05
"""AdaGrad's rate for the slope and the intercept."""
START = ((1.0, 0.0), (10.0, 10.0))
"""Slope and intercept before the first message, and AdaGrad's sums of squares."""
LONGEST = 30.0
"""Largest log-odds."""


class Compared(NamedTuple):
    """How a vector compares with the means of the labels; the update needs it again.

    Parameters
    ----------
    evidence
        See `NearestClassMean`; 0 for a label without a message. Shape (L,).
    scores
        The probabilities. Shape (L,).
    """

    evidence: Floats
    scores: Vector


class NearestClassMean(Learner):
    """Mean vector of each label's messages; a label is the likelier the nearer its mean lies.

    The evidence for a label is the log-likelihood ratio of a normal distribution around its mean to one
    around the mean of all messages, both with each feature's variance, over the square root of the number of
    features: it counts them as independent, which they are not. A slope and an intercept, common to all
    labels, make it log-odds, with those of the label's frequency. So nothing that is learned of one label is
    unlearned by messages of others, but labels that differ in more than their means are confused.

    Examples
    --------
    >>> learner = NearestClassMean()
    >>> for n in range(60):
    ...     learner.learn_one({"wind": float(n % 2)}, {"storm": n % 2 == 1, "calm": n % 2 == 0})
    >>> learner.predict_one({"wind": 1.0})
    {'storm': True, 'calm': False}

    References
    ----------
    Mensink, Verbeek, Perronnin and Csurka, "Distance-based image classification: generalizing to new classes
    at near-zero cost", PAMI 2013.
    """

    state_fields = fields(Parts("_scaler"), Arrays("_means", "_seen", "_calibration"))

    def __init__(self) -> None:
        super().__init__()
        self._scaler = StandardScaler()
        # One row per feature: features that lie at their mean cost nothing.
        self._means: Vector = np.zeros((0, 0), dtype=np.float32)
        # By label: its messages so far.
        self._seen: Floats = np.zeros(0)
        self._calibration: Floats = np.array(START)

    def score(self, x: Vector) -> Vector:
        """Return one probability per label, shape (L,)."""
        return self.compare(x).scores

    def compare(self, x: Vector) -> Compared:
        """Return the evidence for each label and its probability, before the labels are known."""
        labels = len(self.label_space)
        evidence, scores = np.zeros(labels), np.empty(labels, dtype=np.float32)
        standard, (*_, shift, inverse, _) = self._scaler.transform(x), self._scaler.tables
        given = self._means, grown(self._seen, labels)[:labels], self._messages
        _compare(*given, standard, shift, inverse, self._calibration, evidence, scores)
        return Compared(evidence, scores)

    def learn(self, x: Vector, targets: Targets) -> None:
        """Learn from one message."""
        self.update(x, self.compare(x), targets)

    def update(self, x: Vector, compared: Compared, targets: Targets) -> None:
        """Learn as `learn` does, from what `compare` gave for the same vector."""
        _calibrate(*compared, *targets, self._calibration)
        self._count(x)
        labels = len(self.label_space)
        self._means = grown(self._means, len(x), labels)
        self._seen = grown(self._seen, labels)
        self._scaler.learn(x)
        _average(self._means, self._seen, x, self._scaler.moments[1], targets.positive)

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        super().forget(labels)
        known = labels[labels < self._means.shape[1]]
        self._means[:, known] = 0.0
        self._seen[labels[labels < len(self._seen)]] = 0.0

    def state(self) -> State:
        """See `Learner.state`."""
        features, labels = self._features, len(self.label_space)
        means = grown(self._means, features, labels)[:features, :labels]
        return super().state() | {"means": means, "seen": grown(self._seen, labels)[:labels]}


@compiled
def _compare(
    means: Vector,
    seen: Floats,
    messages: int,
    standard: Vector,
    shift: Vector,
    inverse: Vector,
    calibration: Floats,
    evidence: Floats,
    scores: Vector,
) -> None:
    labels = min(len(seen), means.shape[1])
    toward, apart = np.zeros(labels, dtype=np.float32), np.zeros(labels, dtype=np.float32)
    for feature in range(min(len(standard), len(means), len(shift))):
        value, mean, scale = standard[feature], shift[feature], inverse[feature]
        if scale == 0.0:
            continue
        for label in range(labels):
            distance = min(max((means[feature, label] - mean) * scale, -FARTHEST), FARTHEST)
            toward[label] += value * distance
            apart[label] += distance * distance
    root = np.sqrt(max(len(standard), 1))
    for label in range(len(scores)):
        if label < labels:
            # The mean of few messages is drawn towards the mean of all.
            share = seen[label] / (seen[label] + 1.0)
            evidence[label] = share * (toward[label] - 0.5 * share * apart[label]) / root
        odds = np.log((seen[label] + 0.5) / (max(messages - seen[label], 0.0) + 0.5))
        odds += calibration[0, 0] * evidence[label] + calibration[0, 1]
        scores[label] = 1.0 / (1.0 + np.exp(-min(max(odds, -LONGEST), LONGEST)))


@compiled
def _calibrate(
    evidence: Floats, scores: Vector, positive: Ids, negative: Ids | None, calibration: Floats
) -> None:
    """Take one step of AdaGrad with the slope, which is not below 0, and the intercept."""
    known = np.full(len(scores), negative is None)
    if negative is not None:
        known[negative] = True
    known[positive] = True
    slope, intercept = 0.0, 0.0
    for label in range(len(scores)):
        if known[label]:
            slope += scores[label] * evidence[label]
            intercept += scores[label]
    for label in positive:
        slope -= evidence[label]
        intercept -= 1.0
    calibration[1, 0] += slope * slope
    calibration[1, 1] += intercept * intercept
    calibration[0, 0] = max(calibration[0, 0] - RATE * slope / np.sqrt(calibration[1, 0]), 0.0)
    calibration[0, 1] -= RATE * intercept / np.sqrt(calibration[1, 1])


@compiled
def _average(means: Vector, seen: Floats, x: Vector, mean: Floats, positive: Ids) -> None:
    """Move the means of the positive labels; a missing value counts as the mean of all."""
    for label in positive:
        seen[label] += 1.0
        for feature in range(len(x)):
            value = np.float32(mean[feature]) if np.isnan(x[feature]) else x[feature]
            value = min(max(value, -LARGEST), LARGEST)
            means[feature, label] += (value - means[feature, label]) / np.float32(seen[label])
