"""Where to split a leaf: all features and thresholds are compared by the entropy of all labels."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from drift.core import Floats, Ids, compiled
from learners.tree.gaussians import COUNT, MEAN, SQUARES, LabelGaussians

SCREENED = 64
"""Most features that are compared by all thresholds: those that are best by the few of `SCREENING`."""
SCREENING = slice(2, None, 5)
"""The thresholds of a coarse grid by which features are screened."""
COARSE_THRESHOLDS, FINE_THRESHOLDS = 10, 64
"""Thresholds tried per feature, and for the best feature."""
MOST_JUDGING_LABELS = 100
"""Maximum number of labels, the most uncertain ones, by which a split is judged."""
MOST_JUDGED = 12_500
"""Maximum of these labels times features: an attempt takes not much longer than ten milliseconds."""
LEAST_MESSAGES = 5
"""Messages with and without a label that are needed before it counts in a split."""
LEAST_SIDE_SHARE = 0.02
"""Smallest share of the messages on either side of a split."""


class Split(NamedTuple):
    """The best split of a leaf.

    Parameters
    ----------
    feature, threshold
        Messages whose feature is at most the threshold go left.
    merit
        Share of the labels' entropy that it explains, in [0, 1].
    lead
        `merit` minus that of the best split on any other feature.
    gain
        Explained entropy, nats per message summed over the labels, on the coarse grid that all features have.
    labels
        Number of labels it is judged by.
    """

    feature: int
    threshold: float
    merit: float
    lead: float
    gain: float
    labels: int


def best_split(gaussians: LabelGaussians) -> Split | None:
    """Return the split that explains most of Σ_l H(p_l), or None where no label is uncertain.

    In every feature, messages with and without a label are modelled as Gaussian. So a threshold sends a known
    share of both to either side, and the label's entropy falls by its information gain, at least 0.

    Examples
    --------
    >>> gaussians = LabelGaussians()
    >>> for n in range(100):
    ...     x = np.array([n % 7, n / 100], dtype=np.float32)
    ...     gaussians.learn(x, np.array([0] if n < 50 else []))
    >>> split = best_split(gaussians)
    >>> split.feature, round(split.threshold, 1), split.merit > 0.7
    (1, 0.5, True)
    """
    rows, entropy = _uncertain(gaussians)
    if not len(rows):
        return None
    features = _screened(gaussians, rows)
    cuts = _cuts(gaussians, features, COARSE_THRESHOLDS)
    gains = _gains(gaussians.moments, rows, features, cuts, gaussians.messages)
    by_feature = gains.max(axis=1)
    place = int(by_feature.argmax())
    if not by_feature[place] > 0.0:
        return None
    second = np.delete(by_feature, place).max(initial=0.0)
    winner = features[place : place + 1]
    fine = _cuts(gaussians, winner, FINE_THRESHOLDS)
    best = int(_gains(gaussians.moments, rows, winner, fine, gaussians.messages)[0].argmax())
    gain = float(by_feature[place])
    lead = float(gain - second) / entropy
    return Split(int(winner[0]), float(fine[0, best]), gain / entropy, lead, gain, len(rows))


def surely_better(split: Split, gaussians: LabelGaussians, looks: int, delta: float, tie: float) -> bool:
    """Return whether a split is significantly better than none and, unless tied, than other features'.

    The merit is a mean over labels of the share of each label's entropy that is explained, weighted by that
    entropy: its range is 1 for any number of labels, and Hoeffding's bound holds for the difference of two.
    Noise has a positive gain as well: 2n times one label's gain is about χ² with one degree of freedom. The
    tail of the mean over the labels is no heavier, for any dependence among them (Hölder's inequality on its
    exponential moments), and the best of all candidates must exceed the tail bound of Laurent and Massart.
    The probability `delta` is divided among all attempts at the leaf, however many.

    Parameters
    ----------
    split
        What `best_split` returned for `gaussians`.
    looks
        Attempts to split this leaf, including this one, at least 1.
    delta
        Probability of a wrong split, in (0, 1).
    tie
        Hoeffding bound below which either of the best features may be taken, in (0, 1).

    References
    ----------
    Domingos and Hulten, "Mining high-speed data streams", KDD 2000. Laurent and Massart, "Adaptive estimation
    of a quadratic functional by model selection", Annals of Statistics 2000, lemma 1.
    """
    nats = math.log(looks * (looks + 1) / delta)
    tail = nats + math.log(gaussians.features * COARSE_THRESHOLDS)
    noise = 1.0 + 2.0 * math.sqrt(tail) + 2.0 * tail
    if 2.0 * gaussians.messages * split.gain / split.labels <= noise:
        return False
    bound = math.sqrt(nats / (2.0 * gaussians.messages))
    return split.lead > bound or bound < tie


def shares(gaussians: LabelGaussians, split: Split) -> tuple[float, Floats, Floats]:
    """Return the left share of all messages, and for each label its messages on the left and on the right."""
    rows = range(len(gaussians.labels) + 1)
    left = np.array(
        [_below(*_moments(gaussians.moments, row, split.feature), split.threshold) for row in rows]
    )
    counts = gaussians.counts()
    return float(left[0]), counts * left[1:], counts * (1.0 - left[1:])


def _uncertain(gaussians: LabelGaussians) -> tuple[Ids, float]:
    """Return the rows of the most uncertain labels and their summed entropy, nats."""
    counts, messages = gaussians.counts(), gaussians.messages
    rows = np.flatnonzero((counts >= LEAST_MESSAGES) & (counts <= messages - LEAST_MESSAGES))
    p = counts[rows] / messages
    entropies = -p * np.log(p) - (1.0 - p) * np.log1p(-p)
    kept = np.argsort(-entropies, kind="stable")[
        : min(MOST_JUDGING_LABELS, max(1, MOST_JUDGED // max(1, gaussians.features)))
    ]
    return rows[kept] + 1, float(entropies[kept].sum())


def _screened(gaussians: LabelGaussians, rows: Ids) -> Ids:
    """Return the features with the best splits at a few thresholds, ascending."""
    features = np.arange(gaussians.features)
    if len(features) <= SCREENED:
        return features
    cuts = _cuts(gaussians, features, COARSE_THRESHOLDS)[:, SCREENING]
    gains = _gains(gaussians.moments, rows, features, np.ascontiguousarray(cuts), gaussians.messages)
    return np.sort(np.argsort(-gains.max(axis=1), kind="stable")[:SCREENED])


def _cuts(gaussians: LabelGaussians, features: Ids, number: int) -> Floats:
    """Return evenly spaced thresholds in the observed range, without outliers: shape (features, number)."""
    count, mean, squares = gaussians.moments[0, features].T
    spread = 3.0 * np.sqrt(squares / np.maximum(count, 1.0))
    low = np.maximum(gaussians.limits[features, 0], mean - spread)
    high = np.minimum(gaussians.limits[features, 1], mean + spread)
    steps = np.arange(1, number + 1) / (number + 1)
    cuts: Floats = low[:, None] + (high - low)[:, None] * steps
    return cuts


@compiled
def _gains(moments: Floats, rows: Ids, features: Ids, cuts: Floats, messages: int) -> Floats:
    """Return the summed information gain of each feature and threshold, nats per message."""
    gains = np.zeros(cuts.shape)
    thresholds, useful = cuts.shape[1], np.empty(cuts.shape[1], dtype=np.bool_)
    for place in range(len(features)):
        feature = features[place]
        total, mean, deviation = _moments(moments, 0, feature)
        if total < 2.0 or deviation <= 0.0:
            continue
        squares = moments[0, feature, SQUARES]
        for t in range(thresholds):
            share = _below(total, mean, deviation, cuts[place, t])
            useful[t] = not (share < LEAST_SIDE_SHARE or share > 1.0 - LEAST_SIDE_SHARE)
        if not useful.any():
            continue
        for row in rows:
            count, with_mean, with_deviation = _moments(moments, row, feature)
            others = total - count
            if count < 1.0 or others < 1.0:
                continue
            # The messages without the label: Welford's merging of moments, reversed.
            apart = with_mean - mean
            other_mean = mean - count * apart / others
            between = (with_mean - other_mean) ** 2 * count * others / total
            other_squares = squares - moments[row, feature, SQUARES] - between
            other_deviation = math.sqrt(max(other_squares, 0.0) / others)
            whole = _impurity(count, others)
            for t in range(thresholds):
                if not useful[t]:
                    continue
                left = count * _below(count, with_mean, with_deviation, cuts[place, t])
                other_left = others * _below(others, other_mean, other_deviation, cuts[place, t])
                parts = _impurity(left, other_left) + _impurity(count - left, others - other_left)
                gains[place, t] += max(whole - parts, 0.0) / messages
    return gains


@compiled
def _moments(moments: Floats, row: int, feature: int) -> tuple[float, float, float]:
    """Return count, mean and standard deviation."""
    count = moments[row, feature, COUNT]
    deviation = math.sqrt(moments[row, feature, SQUARES] / count) if count > 0.0 else 0.0
    return count, moments[row, feature, MEAN], deviation


@compiled
def _below(count: float, mean: float, deviation: float, threshold: float) -> float:
    """Return the share of a Gaussian at or below a threshold; one half where the count is 0."""
    if count <= 0.0:
        return 0.5
    if deviation <= 0.0:
        return 1.0 if mean <= threshold else 0.0
    return 0.5 + 0.5 * math.erf((threshold - mean) / (deviation * math.sqrt(2.0)))


@compiled
def _impurity(yes: float, no: float) -> float:
    """Return (yes + no) times the entropy of their shares, nats."""
    total = yes + no
    result = 0.0
    if yes > 0.0:
        result -= yes * math.log(yes / total)
    if no > 0.0:
        result -= no * math.log(no / total)
    return result
