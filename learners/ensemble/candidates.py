"""Candidate label-sets of one message: thresholds, neighbours' sets rescored jointly, the previous labels.

Everything here is loops over the few labels that are likely at all, compiled: the same in whole arrays
costs some forty calls a message.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from drift.core import Floats, Ids, Mask, Vector, compiled

CANDIDATES = (
    *("half", "half+top", "micro", "micro+top", "macro", "half-micro+top", "half-macro+top"),
    *("joint", "cluster joint", "previous"),
)
THRESHOLDS = 7
"""How many of the candidates, the first, are thresholds on the probabilities."""
JOINT, PREVIOUS, CHOICE = THRESHOLDS, THRESHOLDS + 2, len(CANDIDATES)
"""Rows of the first joint candidate (the cluster-wise one follows), of the previous labels, and of what each
cluster's best candidates come to."""
HALF, MICRO, MACRO = 0, 2, 4
"""Rows of the plain thresholds."""
LEAST_PREDICTED = 0.05
"""Probability below which no candidate predicts a label, unless a neighbour carries it."""
UNHEARD = 0.03
"""Share of the neighbours' vote that a label-set nobody voted for is taken to have."""


@compiled
def candidates(
    probabilities: Vector,
    previous: Ids,
    ids: Ids,
    sizes: Ids,
    weights: Floats,
    clusters: Ids,
    accounts: Floats,
    micro: Floats,
    macro: Floats,
) -> tuple[Ids, Ids, Ids, Mask]:
    """Return the active labels, their clusters, which of these each lives in, and each candidate's guess.

    Parameters
    ----------
    probabilities
        Of each label, shape (L,).
    previous
        The previous message's labels.
    ids, sizes, weights
        The neighbours' label-sets one after the other, how long each is, and its share of the vote.
    clusters
        Which cluster each label lives in, shape (L,).
    accounts
        What each candidate earned in each cluster; clusters beyond its end have earned nothing.
    micro, macro
        F1 as (2 tp, predicted + true), shape (2,), and for each label, shape (L or more, 2).
    """
    place = np.full(len(probabilities), -1, dtype=np.intp)
    active = _active(probabilities, previous, ids, place)
    p = probabilities[active].astype(np.float64)
    owner, columns = _columns(clusters, active)
    predicted = np.zeros((len(CANDIDATES) + 1, len(active)), dtype=np.bool_)
    if len(active):
        _thresholds(p, active, micro, macro, predicted)
        proposals, votes = _proposals(predicted, place, ids, sizes, weights)
        _rescore(proposals, votes, p, owner, len(columns), predicted[JOINT : JOINT + 2])
        for label in previous:
            predicted[PREVIOUS, place[label]] = True
        best = _best(accounts, columns)
        for label in range(len(active)):
            predicted[CHOICE, label] = predicted[best[owner[label]], label]
    return active, columns, owner, predicted


@compiled
def _active(probabilities: Vector, previous: Ids, ids: Ids, place: Ids) -> Ids:
    """Return the labels that are likely at all, previous or a neighbour's, and fill in the place of each."""
    for label in previous:
        place[label] = 0
    for label in ids:
        place[label] = 0
    active, size = np.empty(len(place), dtype=np.intp), 0
    for label in range(len(place)):
        if place[label] == 0 or probabilities[label] >= LEAST_PREDICTED:
            place[label], active[size] = size, label
            size += 1
    return active[:size]


@compiled
def _columns(clusters: Ids, active: Ids) -> tuple[Ids, Ids]:
    """Return which column each active label's cluster has, and the clusters, in order of appearance."""
    last = -1
    for label in active:
        last = max(last, clusters[label])
    column = np.full(last + 1, -1, dtype=np.intp)
    owner, found, size = np.empty(len(active), dtype=np.intp), np.empty(len(active), dtype=np.intp), 0
    for i in range(len(active)):
        cluster = clusters[active[i]]
        if column[cluster] < 0:
            column[cluster], found[size] = size, cluster
            size += 1
        owner[i] = column[cluster]
    return owner, found[:size]


@compiled
def _thresholds(p: Floats, active: Ids, micro: Floats, macro: Floats, predicted: Mask) -> None:
    """Fill in the first rows. The threshold that maximises F1 is half the F1 that it reaches."""
    common = min(max(micro[0] / micro[1] / 2, LEAST_PREDICTED), 0.5)
    top = 0
    for label in range(len(p)):
        if p[label] > p[top]:
            top = label
    for label in range(len(p)):
        # As if one of two predictions had been right: a new label starts in the middle.
        f1 = (1.0 + macro[active[label], 0]) / (2.0 + macro[active[label], 1])
        own = min(max(f1 / 2, 0.1), 0.5)
        is_top, is_likely = label == top, label == top and p[label] >= 0.2
        half = p[label] >= 0.5
        predicted[HALF, label] = half
        predicted[HALF + 1, label] = half or is_likely
        predicted[MICRO, label] = p[label] >= common
        predicted[MICRO + 1, label] = p[label] >= common or is_top
        predicted[MACRO, label] = p[label] >= own
        # Between serving errors and serving F1: the geometric mean of the two thresholds.
        predicted[MACRO + 1, label] = p[label] >= math.sqrt(0.5 * common) or is_top
        predicted[MACRO + 2, label] = p[label] >= math.sqrt(0.5 * own) or is_likely


@compiled
def _proposals(predicted: Mask, place: Ids, ids: Ids, sizes: Ids, weights: Floats) -> tuple[Mask, Floats]:
    """Return the neighbours' label-sets and two thresholded ones, and each one's share of the vote."""
    proposals = np.zeros((len(sizes) + 2, predicted.shape[1]), dtype=np.bool_)
    votes, total, first = np.zeros(len(sizes) + 2), 0.0, 0
    for row in range(len(sizes)):
        for i in range(first, first + sizes[row]):
            proposals[row, place[ids[i]]] = True
        votes[row] = weights[row]
        total += weights[row]
        first += sizes[row]
    for row in range(len(sizes)):
        votes[row] /= max(total, 1.0)
    for label in range(predicted.shape[1]):
        proposals[len(sizes), label] = predicted[HALF, label]
        proposals[len(sizes) + 1, label] = predicted[MICRO, label]
    return proposals, votes


@compiled
def _rescore(proposals: Mask, votes: Floats, p: Floats, owner: Ids, clusters: int, chosen: Mask) -> None:
    """Fill in the best proposal for the message, and the best for each cluster put together; shape (2, A).

    A proposal's worth is its log-odds under the labels' probabilities plus the log of its share of the
    neighbours' vote, with equal proposals voting together.
    """
    rows, size = proposals.shape
    # The last column stands for the message as a whole.
    worth = np.zeros((clusters + 1, rows))
    codes = np.zeros((clusters + 1, rows), dtype=np.uint64)
    for label in range(size):
        likely = min(max(p[label], 0.001), 0.999)
        odds, code = math.log(likely / (1.0 - likely)), _code(label)
        for row in range(rows):
            if proposals[row, label]:
                for column in (owner[label], clusters):
                    worth[column, row] += odds
                    codes[column, row] += code
    for column in range(clusters + 1):
        best = _worthiest(worth[column], codes[column], votes)
        for label in range(size):
            if column == clusters:
                chosen[0, label] = proposals[best, label]
            elif owner[label] == column:
                chosen[1, label] = proposals[best, label]


@compiled
def _worthiest(worth: Floats, codes: NDArray[np.uint64], votes: Floats) -> int:
    """Return the proposal that is worth most, votes counted; of equals the first."""
    best, most = 0, -np.inf
    for row in range(len(worth)):
        mass = UNHEARD
        for other in range(len(worth)):
            # Equal sets have equal sums of codes; unequal ones do with a chance of 2⁻⁶⁴.
            if codes[other] == codes[row]:
                mass += votes[other]
        total = worth[row] + math.log(mass)
        if total > most:
            best, most = row, total
    return best


@compiled
def _code(n: int) -> np.uint64:
    """Return a well-mixed 64-bit number (the finaliser of SplitMix64)."""
    z = np.uint64(n + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled
def _best(accounts: Floats, clusters: Ids) -> Ids:
    """Return the candidate that earned most in each of some clusters; of equals the first."""
    best = np.zeros(len(clusters), dtype=np.intp)
    for column in range(len(clusters)):
        if clusters[column] < len(accounts):
            best[column] = accounts[clusters[column]].argmax()
    return best
