"""The clusters most similar to a label cluster and to each of its labels, among those of their partners.

The cost is bounded by the largest cluster and the longest row of partners, whatever the number of labels.
"""

from __future__ import annotations

import numpy as np

from drift.core import Counts, Floats, Ids, compiled
from learners.cluster.adjacency import MESSAGES, Records, touches
from learners.cluster.similarity import at_least, frequency, jaccard_by_chance, similarity

LEAST_MEETINGS = 1.5
"""Decayed co-occurrences below which labels are not compared: most pairs meet only once, by chance."""


@compiled
def companions_outside(
    labels: Records, places: Records, book: Counts, members: Ids, owner: Ids, other: int
) -> Floats:
    """Return a lower bound on each member's highest similarity to labels outside its cluster and `other`."""
    most = np.zeros(len(members))
    for n in range(len(members)):
        label, own = members[n], owner[members[n]]
        start, room, count = labels["start"][label], labels["room"][label], touches(labels, label)
        often = frequency(labels, label, book[MESSAGES])
        for place in range(start, start + room):
            partner = places["partner"][place] - 1
            if not 0 <= partner < len(owner) or owner[partner] == own or owner[partner] == other:
                continue
            met: float = places["weight"][place] / labels["touches"][label]
            # A bound on the similarity, by the share of the member's messages: most need no closer look.
            if at_least(met, 0.0, count) > most[n]:
                value = similarity(labels, places, book, label, partner)
                known = min(count, touches(labels, partner))
                other_often = frequency(labels, partner, book[MESSAGES])
                most[n] = max(most[n], at_least(value, jaccard_by_chance(often, other_often), known))
    return most


@compiled
def nearest_clusters(
    labels: Records,
    places: Records,
    book: Counts,
    members: Ids,
    owner: Ids,
    sizes: Counts,
    largest: int,
    scratch: Floats,
) -> tuple[int, Ids, Floats]:
    """Return the cluster most similar to a cluster, and each member's most similar cluster and similarity.

    -1 stands for none. A member's similarity to a cluster is the sum over its labels, divided by its size
    with the member in it: of two parts of a group the larger attracts it. Full clusters are left out.
    `scratch`, shape (2, clusters), holds zeros before and after: clearing it on each call would cost O(L).
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
            often = places["weight"][place] >= LEAST_MEETINGS * labels["weight"][members[n]]
            if often and 0 <= other < len(owner) and owner[other] != own:
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
def visit(labels: Records, owner: Ids, visits: Counts, message: int, ids: Ids, patience: int) -> int:
    """Count one message for each cluster that it touches; return the first that is due for a look, or -1.

    `visits`, shape (clusters, 3), holds messages since the last look, the last message counted, and messages
    to wait for, which are reset to `patience` when the companions of one of its labels change.
    """
    due = -1
    for label in ids:
        if not 0 <= label < len(owner):
            raise IndexError("a label's id must be below the size of the label space; give both")
        cluster = owner[label]
        if labels["changed"][label]:
            labels["changed"][label] = 0
            visits[cluster, 0], visits[cluster, 2] = 0, patience
        if visits[cluster, 1] != message:
            visits[cluster, 1] = message
            visits[cluster, 0] += 1
            if due < 0 and visits[cluster, 0] >= visits[cluster, 2]:
                due = cluster
    return due
