"""Candidate label-sets of one message: thresholds, neighbours' sets rescored jointly, the previous labels.

All of this loops over the few labels that are likely at all, in compiled code: the same with whole arrays
costs about forty numpy calls per message.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from drift.core import Floats, Ids, Mask, Vector, compiled
from learners.ensemble.thresholds import HALF, LEAST_PREDICTED, MICRO, THRESHOLDS, predict

CANDIDATES = (
    *("half", "half+top", "micro", "micro+top", "macro", "half-micro+top", "half-macro+top"),
    *("joint", "cluster joint", "previous"),
)
JOINT, PREVIOUS, CHOICE = THRESHOLDS, THRESHOLDS + 2, len(CANDIDATES)
"""Rows of the first joint candidate (the cluster-wise one follows), of the previous labels, and of each
cluster's best candidate combined."""
UNHEARD = 0.03
"""Share of the neighbours' vote that is assumed for a label-set without any vote."""


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
    """Return the active labels, their clusters, each label's cluster, and each candidate's prediction.

    Parameters
    ----------
    probabilities
        Of each label, shape (L,).
    previous
        The previous message's labels.
    ids, sizes, weights
        The neighbours' label-sets, concatenated, the size of each, and its share of the vote.
    clusters
        The cluster of each label, shape (L,).
    accounts
        Decayed score of each candidate in each cluster; clusters beyond its end have none.
    micro, macro
        F1 as (2 tp, predicted + true), shape (2,), and for each label, shape (L or more, 2).
    """
    place = np.full(len(probabilities), -1, dtype=np.intp)
    active = _active(probabilities, previous, ids, place)
    p = probabilities[active].astype(np.float64)
    owner, columns = _columns(clusters, active)
    predicted = np.zeros((len(CANDIDATES) + 1, len(active)), dtype=np.bool_)
    if len(active):
        predict(p, active, micro, macro, predicted)
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
    """Return the labels that are likely, previous or a neighbour's, and fill in the place of each."""
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
    """Return each active label's column, and the clusters of the columns, in order of appearance."""
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
def _proposals(predicted: Mask, place: Ids, ids: Ids, sizes: Ids, weights: Floats) -> tuple[Mask, Floats]:
    """Return the neighbours' label-sets and two thresholded ones, and the share of the vote of each."""
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
    """Fill in the best proposal for the message, and the best of each cluster combined; shape (2, A).

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
    """Return the proposal with the highest worth, votes included; of equals the first."""
    best, most = 0, -np.inf
    for row in range(len(worth)):
        mass = UNHEARD
        for other in range(len(worth)):
            # Equal sets have equal sums of codes; unequal ones have with probability 2⁻⁶⁴.
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
    """Return the candidate with the highest score in each of some clusters; of equals the first."""
    best = np.zeros(len(clusters), dtype=np.intp)
    for column in range(len(clusters)):
        if clusters[column] < len(accounts):
            best[column] = accounts[clusters[column]].argmax()
    return best
