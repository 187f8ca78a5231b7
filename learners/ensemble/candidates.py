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
    *("joint", "cluster joint", "previous", "gaining"),
)
JOINT, PREVIOUS, GAINING = THRESHOLDS, THRESHOLDS + 2, THRESHOLDS + 3
"""Rows of the first joint candidate (the cluster-wise one follows), of the previous labels, and of the labels
that are expected to gain something, each by itself."""
UNHEARD = 0.03
"""Share of the neighbours' vote that is assumed for a label-set without any vote."""
Codes = NDArray[np.uint64]


@compiled
def likely_labels(probabilities: Vector, previous: Ids, ids: Ids) -> tuple[Ids, Ids, float]:
    """Return the active labels, the place of each label among them, and the others' log-likelihood.

    Active are labels that are likely at all, previous or a neighbour's: any candidate predicts only these.
    The log-likelihood is that of none of the others being true.
    """
    place = np.full(len(probabilities), -1, dtype=np.intp)
    for label in previous:
        place[label] = 0
    for label in ids:
        place[label] = 0
    active, size = np.empty(len(place), dtype=np.intp), 0
    none, product = 0.0, 1.0
    for label in range(len(place)):
        if place[label] == 0 or probabilities[label] >= LEAST_PREDICTED:
            place[label], active[size] = size, label
            size += 1
        else:
            # One logarithm for many factors, while their product is a number.
            product *= 1.0 - np.float64(probabilities[label])
            if product < 1e-200:
                none += math.log(product)
                product = 1.0
    return active[:size], place, none + math.log(product)


@compiled
def candidates(
    probabilities: Vector,
    active: Ids,
    place: Ids,
    gaining: Mask,
    previous: Ids,
    ids: Ids,
    sizes: Ids,
    weights: Floats,
    clusters: Ids,
    micro: Floats,
    macro: Floats,
) -> tuple[Mask, Codes, Floats]:
    """Return the candidates' predictions of the active labels, their codes, and their shares of the vote.

    Parameters
    ----------
    probabilities
        Of each label, shape (L,).
    active, place
        See `likely_labels`.
    gaining
        Which active labels are expected to gain something. Shape (A,).
    previous
        The previous message's labels.
    ids, sizes, weights
        The neighbours' label-sets, concatenated, the size of each, and its share of the vote.
    clusters
        The cluster of each label, shape (L,).
    micro, macro
        F1 of the thresholds; see `learners.ensemble.thresholds`.
    """
    sets = np.zeros((len(CANDIDATES), len(active)), dtype=np.bool_)
    p = probabilities[active].astype(np.float64)
    if len(active):
        predict(p, active, micro, macro, sets)
    proposals, shares = _proposals(sets, place, ids, sizes, weights)
    owner, columns = _columns(clusters, active)
    _rescore(proposals, shares, p, owner, columns, sets[JOINT : JOINT + 2])
    for label in previous:
        sets[PREVIOUS, place[label]] = True
    sets[GAINING] = gaining
    voted, own = codes(proposals), codes(sets)
    votes = np.zeros(len(sets))
    for row in range(len(sets)):
        for other in range(len(voted)):
            if voted[other] == own[row]:
                votes[row] += shares[other]
    return sets, own, votes


@compiled
def _columns(clusters: Ids, active: Ids) -> tuple[Ids, int]:
    """Return which column each active label's cluster has, in order of appearance, and how many there are."""
    last = -1
    for label in active:
        last = max(last, clusters[label])
    column = np.full(last + 1, -1, dtype=np.intp)
    owner, size = np.empty(len(active), dtype=np.intp), 0
    for i in range(len(active)):
        cluster = clusters[active[i]]
        if column[cluster] < 0:
            column[cluster] = size
            size += 1
        owner[i] = column[cluster]
    return owner, size


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
    sums = np.zeros((clusters + 1, rows), dtype=np.uint64)
    for label in range(size):
        likely = min(max(p[label], 0.001), 0.999)
        odds, code = math.log(likely / (1.0 - likely)), _code(label)
        for row in range(rows):
            if proposals[row, label]:
                for column in (owner[label], clusters):
                    worth[column, row] += odds
                    sums[column, row] += code
    for column in range(clusters + 1):
        best = _worthiest(worth[column], sums[column], votes)
        for label in range(size):
            if column == clusters:
                chosen[0, label] = proposals[best, label]
            elif owner[label] == column:
                chosen[1, label] = proposals[best, label]


@compiled
def _worthiest(worth: Floats, sums: Codes, votes: Floats) -> int:
    """Return the proposal with the highest worth, votes included; of equals the first."""
    # Of the different proposals, in order of appearance: the first row of each, and its share of the vote.
    firsts, masses, size = np.empty(len(worth), dtype=np.intp), np.empty(len(worth)), 0
    for row in range(len(worth)):
        place = 0
        while place < size and sums[firsts[place]] != sums[row]:
            place += 1
        if place == size:
            firsts[place], masses[place] = row, UNHEARD
            size += 1
        masses[place] += votes[row]
    best, most = 0, -np.inf
    for place in range(size):
        total = worth[firsts[place]] + math.log(masses[place])
        if total > most:
            best, most = firsts[place], total
    return best


@compiled
def codes(sets: Mask) -> Codes:
    """Return a number for each label-set: equal sets share it, others with a chance of 2⁻⁶⁴."""
    sums = np.zeros(len(sets), dtype=np.uint64)
    for label in range(sets.shape[1]):
        code = _code(label)
        for row in range(len(sets)):
            if sets[row, label]:
                sums[row] += code
    return sums


@compiled
def _code(n: int) -> np.uint64:
    """Return a well-mixed 64-bit number (the finaliser of SplitMix64)."""
    z = np.uint64(n + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
