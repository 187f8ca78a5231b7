"""What one look at a label cluster works out: where it divides, what it is near to, and how sure that is.

All of it is compiled and bounded by the largest cluster, whatever the number of labels.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.compiled import compiled
from learners.cooccurrence import jaccard_by_chance, similarity, touches
from learners.labels import Ids

Matrix = NDArray[np.float64]
Table = NDArray[Any]


@compiled
def evidence(sample: float, seen: float, supposed: float, chance: float) -> float:
    """Return how strongly a similarity speaks against a supposed one: sample size times relative entropy.

    By Chernoff's bound, exp(-evidence) is the chance to see a mean of `sample` values in [0, 1] at least as
    far off, where `supposed` is true. The values are the Jaccard index, of which a similarity is what
    exceeds `chance`: frequent labels meet often and at random, and tell less.

    Examples
    --------
    >>> round(evidence(100.0, 0.1, 0.2, 0.0), 2), round(evidence(100.0, 0.1, 0.2, 0.3), 2)
    (3.67, 1.01)
    """
    if sample <= 0.0:
        return 0.0
    seen, supposed = chance + (1.0 - chance) * seen, chance + (1.0 - chance) * supposed
    seen, supposed = min(max(seen, 0.0), 1.0), min(max(supposed, 1e-9), 1.0 - 1e-9)
    entropy = 0.0
    if seen > 0.0:
        entropy += seen * math.log(seen / supposed)
    if seen < 1.0:
        entropy += (1.0 - seen) * math.log((1.0 - seen) / (1.0 - supposed))
    return sample * entropy


@compiled
def average_linkage(alike: Matrix, counts: Matrix) -> tuple[NDArray[np.intp], Matrix]:
    """Return the merges of average linkage, closest first, as pairs (survivor, absorbed), and how close.

    Groups are averaged by their labels' counts: what is little known decides little.

    Examples
    --------
    >>> import numpy as np
    >>> alike = np.array([[1, 0.1, 0.8], [0.1, 1, 0.2], [0.8, 0.2, 1]])
    >>> merges, closeness = average_linkage(alike, np.ones(3))
    >>> merges.tolist(), closeness.round(2).tolist()
    ([[0, 2], [0, 1]], [0.8, 0.15])
    """
    size = len(alike)
    near, weight = alike.copy(), counts + 1e-9
    merges, closeness = np.empty((size - 1, 2), dtype=np.intp), np.empty(size - 1)
    left = np.arange(size)
    for step in range(size - 1):
        first, second, best = 0, 1, -1.0
        for i in range(size - step):
            for j in range(i + 1, size - step):
                if near[left[i], left[j]] > best:
                    first, second, best = i, j, near[left[i], left[j]]
        a, b = left[first], left[second]
        merges[step, 0], merges[step, 1], closeness[step] = a, b, best
        total = weight[a] + weight[b]
        for n in range(size - step):
            other = left[n]
            mean = (weight[a] * near[a, other] + weight[b] * near[b, other]) / total
            near[a, other] = near[other, a] = mean
        weight[a] = total
        left[second : size - step - 1] = left[second + 1 : size - step].copy()
    return merges, closeness


@compiled
def mean_similarity(alike: Matrix, counts: Matrix, one: Ids, other: Ids) -> float:
    """Return the mean similarity of pairs from two groups, by the rarer label's count; -1 without pairs.

    The same group twice gives its cohesion: a label is no pair with itself.
    """
    total, weights = 0.0, 0.0
    for i in one:
        for j in other:
            if i != j:
                weight = min(counts[i], counts[j])
                total += weight * alike[i, j]
                weights += weight
    return total / weights if weights > 0.0 else -1.0


@compiled
def messages_behind(alike: Matrix, counts: Matrix, group: Ids) -> float:
    """Return about how many messages a group of labels was seen on, those with several counted once."""
    total = 0.0
    for i in group:
        companions = 1.0
        for j in group:
            if i != j and alike[i, j] > 0.0:
                # What share of its messages a label spends beside another, from their Jaccard index.
                either = counts[i] + counts[j]
                companions += min(1.0, alike[i, j] * either / (1.0 + alike[i, j]) / max(counts[i], 1e-9))
        total += counts[i] / companions
    return total


@compiled
def verdict(
    alike: Matrix, counts: Matrix, frequency: Matrix, one: Ids, other: Ids, linkage: float, floor: float
) -> tuple[float, float, float]:
    """Return how alike two groups are, what it is compared with, and how sure it is on which side it lies.

    Compared with: a share `linkage` of the cohesion of the more cohesive group, and no less than `floor`,
    which is all there is to compare two single labels with.
    """
    between = max(0.0, mean_similarity(alike, counts, one, other))
    cohesion = max(mean_similarity(alike, counts, one, one), mean_similarity(alike, counts, other, other))
    threshold = max(floor, linkage * cohesion)
    sample = min(messages_behind(alike, counts, one), messages_behind(alike, counts, other))
    chance = jaccard_by_chance(frequency[one].mean(), frequency[other].mean())
    return between, threshold, evidence(sample, between, threshold, chance)


@compiled
def division(
    alike: Matrix, counts: Matrix, frequency: Matrix, linkage: float, floor: float, least: float
) -> tuple[NDArray[np.bool_], float, float]:
    """Return which labels part from the others (none where nothing is sure), how alike, and the threshold.

    The merges of average linkage are undone from the last: the first whose two sides are surely apart (by
    evidence of at least `least`) parts its smaller side from all the rest.
    """
    size = len(alike)
    merges, closeness = average_linkage(alike, counts)
    # No cohesion exceeds the closest pair: sides as close as this, give or take the weights, stay.
    close = 2.0 * max(floor, linkage * closeness[0])
    leaving = np.zeros(size, dtype=np.bool_)
    # The label that each label's group was named after, merge by merge.
    named = np.empty((size, size), dtype=np.intp)
    named[0] = np.arange(size)
    for step in range(size - 1):
        named[step + 1] = named[step]
        for label in range(size):
            if named[step, label] == merges[step, 1]:
                named[step + 1, label] = merges[step, 0]
    for step in range(size - 2, -1, -1):
        if closeness[step] > close:
            break
        one = np.flatnonzero(named[step] == merges[step, 0])
        other = np.flatnonzero(named[step] == merges[step, 1])
        between, threshold, sure = verdict(alike, counts, frequency, one, other, linkage, floor)
        if between < threshold and sure >= least:
            leaving[one if len(one) < len(other) else other] = True
            return leaving, between, threshold
    return leaving, 0.0, 0.0


@compiled
def surroundings(
    labels: Table,
    places: Table,
    book: NDArray[np.int64],
    members: Ids,
    owner: Ids,
    sizes: NDArray[np.int64],
    largest: int,
    scratch: Matrix,
) -> tuple[int, NDArray[np.intp], Matrix]:
    """Return the cluster nearest to a cluster, and for each member its nearest and how alike they are.

    -1 stands for none. How alike: the similarities to a cluster's labels, summed, over its size with the
    member in it; so of two parts of a group the larger one draws. Clusters without room do not count.
    `scratch`, shape (2, clusters), holds zeros before and after: to clear it each time would cost O(L).
    """
    own = owner[members[0]]
    sums, total = scratch[0], scratch[1]
    met = np.zeros(int(labels["room"][members].sum()), dtype=np.intp)
    known = 0
    best, alike = np.full(len(members), -1, dtype=np.intp), np.zeros(len(members))
    for n in range(len(members)):
        start, room = labels["start"][members[n]], labels["room"][members[n]]
        count = touches(labels, members[n])
        for place in range(start, start + room):
            other = places["partner"][place] - 1
            if 0 <= other < len(owner) and owner[other] != own:
                value = similarity(labels, places, book, members[n], other)
                if value > 0.0:
                    if total[owner[other]] == 0.0:
                        met[known] = owner[other]
                        known += 1
                    sums[owner[other]] += value
                    total[owner[other]] += value * min(count, touches(labels, other))
        for place in range(start, start + room):
            other = places["partner"][place] - 1
            if 0 <= other < len(owner) and sums[owner[other]] > 0.0:
                cluster = owner[other]
                mean = sums[cluster] / (sizes[cluster] + 1.0)
                if sizes[cluster] < largest and (mean > alike[n] or (mean == alike[n] and cluster < best[n])):
                    best[n], alike[n] = cluster, mean
                sums[cluster] = 0.0
    nearest, most = -1, 0.0
    for cluster in np.sort(met[:known]):
        mean = total[cluster] / sizes[cluster]
        if mean > most and sizes[cluster] + len(members) <= largest:
            nearest, most = cluster, mean
        total[cluster] = 0.0
    return nearest, best, alike


@compiled
def visit(owner: Ids, visits: NDArray[np.int64], message: int, ids: Ids, patience: int) -> int:
    """Count one message for each cluster that it touches; return the first that is due a look, or -1.

    `visits`, shape (clusters, 2), holds messages since the last look and the last message counted.
    """
    due = -1
    for label in ids:
        if not 0 <= label < len(owner):
            raise IndexError("a label's id must be below the size of the label space; give both")
        cluster = owner[label]
        if visits[cluster, 1] != message:
            visits[cluster, 1] = message
            visits[cluster, 0] += 1
            if due < 0 and visits[cluster, 0] >= patience:
                due = cluster
    return due
