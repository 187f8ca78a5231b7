"""Where a label cluster divides: the merges of average linkage that the messages speak against.

The cost is bounded by the largest cluster, whatever the number of labels.
"""

from __future__ import annotations

import math

import numpy as np

from drift.core import Floats, Ids, compiled
from learners.cluster.comparison import HYSTERESIS, comparison, evidence, messages_shared
from learners.cluster.linkage import average_linkage
from learners.cluster.similarity import jaccard_by_chance


@compiled
def division(
    alike: Floats,
    counts: Floats,
    frequency: Floats,
    outside: Floats,
    linkage: float,
    least: float,
) -> tuple[Ids, Floats]:
    """Return the part of each label (all 0 where no split is significant), and what decided each part.

    The merges of average linkage are undone from the last: each whose two sides differ, by evidence of at
    least `least`, separates its smaller side from the rest of its part. What decided: similarity and
    threshold, shape (parts, 2); the row of part 0 has no meaning.
    """
    size = len(alike)
    merges, _ = average_linkage(alike, counts)
    part, why, parts = np.zeros(size, dtype=np.intp), np.zeros((size, 2)), 1
    sides = summaries(merges, alike, counts, frequency, outside)
    for step in range(size - 2, -1, -1):
        # The side was selected for its distance: the evidence must cover the number of ways to select it.
        enough = least + log_choices(size, int(min(sides[step, 0, 0], sides[step, 1, 0])))
        if most_evidence(sides[step, 0], sides[step, 1], linkage) < enough:
            continue
        one, other = _groups(merges, step)
        leaving = one if len(one) < len(other) else other
        between, asked, less, _ = comparison(alike, counts, frequency, outside, one, other, linkage, enough)
        if less >= enough:
            part[leaving] = parts
            why[parts, 0], why[parts, 1] = between, asked
            parts += 1
    return part, why[:parts]


@compiled
def summaries(merges: Ids, alike: Floats, counts: Floats, frequency: Floats, outside: Floats) -> Floats:
    """Return what `most_evidence` needs of both sides of each merge, shape (merges, 2, 7).

    Of the labels the number and the sums of counts, frequencies and similarities outside; the messages behind
    them; and of their pairs the sum of the similarities, weighted by the rarer label, and of the weights.
    """
    size = len(counts)
    group, sides, companions = np.zeros((size, 7)), np.empty((size - 1, 2, 7)), np.ones(size)
    group[:, 0], group[:, 1], group[:, 2], group[:, 3], group[:, 4] = 1.0, counts, frequency, outside, counts
    members = np.empty((size, size), dtype=np.intp)
    members[:, 0] = np.arange(size)
    for step in range(size - 1):
        a, b = merges[step]
        one, other, both = sides[step, 0], sides[step, 1], group[a]
        one[:], other[:] = both, group[b]
        both += other
        ours, theirs = int(one[0]), int(other[0])
        for i in members[a, :ours]:
            for j in members[b, :theirs]:
                weight = min(counts[i], counts[j])
                both[5] += weight * alike[i, j]
                both[6] += weight
                if alike[i, j] > 0.0:
                    companions[i] += messages_shared(alike[i, j], counts[i], counts[j])
                    companions[j] += messages_shared(alike[i, j], counts[j], counts[i])
        members[a, ours : ours + theirs] = members[b, :theirs]
        both[4] = 0.0
        for i in members[a, : ours + theirs]:
            both[4] += counts[i] / companions[i]
    return sides


@compiled
def most_evidence(one: Floats, other: Floats, linkage: float) -> float:
    """Return a bound on the evidence for a difference that `comparison` finds between two groups.

    It is that of groups without a message in common whose thresholds are known for sure: much cheaper, and
    most looks are at rare labels and end here. For the groups see `summaries`.
    """
    first, second = one[1] / one[0], other[1] / other[0]
    most = 0.0
    for group in (one, other):
        cohesion = group[5] / group[6] if group[6] > 0.0 else 0.0
        most = max(most, cohesion, group[3] / group[0])
    sample = 0.0
    if first > 0.0 and second > 0.0:
        sample = min(first, second) * (one[4] / first) * (other[4] / second)
    chance = jaccard_by_chance(one[2] / one[0], other[2] / other[0])
    # With a margin: the search for the least joint evidence ends a little above it.
    return 1.02 * evidence(sample, 0.0, HYSTERESIS * linkage * most, chance) + 0.1


@compiled
def log_choices(size: int, chosen: int) -> float:
    """Return the logarithm of the number of ways to choose `chosen` out of `size`.

    Examples
    --------
    >>> round(math.exp(log_choices(5, 2)), 6)
    10.0
    """
    return math.lgamma(size + 1.0) - math.lgamma(chosen + 1.0) - math.lgamma(size - chosen + 1.0)


@compiled
def _groups(merges: Ids, step: int) -> tuple[Ids, Ids]:
    """Return the labels of the two groups that a merge joins; both ascend."""
    named = np.arange(len(merges) + 1)
    for before in range(step):
        for label in range(len(named)):
            if named[label] == merges[before, 1]:
                named[label] = merges[before, 0]
    return np.flatnonzero(named == merges[step, 0]), np.flatnonzero(named == merges[step, 1])
