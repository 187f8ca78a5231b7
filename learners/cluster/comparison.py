"""Two groups of labels compared: how similar they are, on how many messages, and how sure that is."""

from __future__ import annotations

import math

import numpy as np

from drift.core import Floats, Ids, compiled
from learners.cluster.similarity import jaccard_by_chance

HYSTERESIS = 1.5
"""Ratio of the merge threshold to the split threshold, so that clusters do not merge and split in turn."""
ALIKE = 0.01
"""Similarity that, times `HYSTERESIS`, two single labels need to merge: they have no cohesion."""
HALVINGS = 16
"""Steps of the ternary search in `difference`; they leave (2/3)^16 of the interval, 0.15 %."""


@compiled
def evidence(sample: float, seen: float, supposed: float, chance: float) -> float:
    """Return the evidence against a supposed similarity, in nats: sample size times relative entropy.

    By Chernoff's bound, exp(-evidence) is the probability of a share at least as far off, if `supposed` is
    true. The share is the Jaccard index, and a similarity is its excess over `chance`: frequent labels
    co-occur often at random, which weakens the evidence. It is a share of the messages with either label: for
    two labels on `sample` messages each, these are up to twice as many.

    Examples
    --------
    >>> round(evidence(100.0, 0.1, 0.2, 0.0), 2), round(evidence(100.0, 0.1, 0.2, 0.3), 2)
    (6.67, 1.47)
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
    return 2.0 * sample / (1.0 + seen) * entropy


@compiled
def mean_similarity(alike: Floats, counts: Floats, one: Ids, other: Ids) -> float:
    """Return the mean similarity of pairs from two groups, weighted by the rarer label; -1 without pairs.

    For the same group twice it is the cohesion: pairs of a label with itself are left out.
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
def messages_behind(alike: Floats, counts: Floats, group: Ids) -> float:
    """Return the approximate number of messages with any label of a group, each message counted once."""
    total = 0.0
    for i in group:
        companions = 1.0
        for j in group:
            if i != j and alike[i, j] > 0.0:
                companions += messages_shared(alike[i, j], counts[i], counts[j])
        total += counts[i] / companions
    return total


@compiled
def messages_shared(alike: float, count: float, other: float) -> float:
    """Return the share of a label's messages that carry another one, from their Jaccard index."""
    return min(1.0, alike * (count + other) / (1.0 + alike) / max(count, 1e-9))


@compiled
def sample_of_pairs(alike: Floats, counts: Floats, one: Ids, other: Ids) -> float:
    """Return the effective sample size of the mean similarity between two groups.

    Labels that always co-occur count as one sample, labels that never do as one each, on either side.
    """
    first, second = counts[one].mean(), counts[other].mean()
    if first == 0.0 or second == 0.0:
        return 0.0
    apiece = messages_behind(alike, counts, one) / first, messages_behind(alike, counts, other) / second
    sample: float = min(first, second) * apiece[0] * apiece[1]
    return sample


@compiled
def difference(
    sample: float,
    seen: float,
    chance: float,
    sample_of: float,
    seen_of: float,
    chance_of: float,
    share: float,
    enough: float = 0.0,
) -> float:
    """Return the evidence against the first of two similarities being `share` times the second, in nats.

    It is the joint evidence against both, minimised over all pairs of values in that proportion: precision on
    one side compensates for imprecision on the other. If it is less than `enough`, so is what is returned,
    which then need not be the least.

    Examples
    --------
    >>> difference(1000.0, 0.1, 0.0, 1000.0, 0.5, 0.0, 0.2) < 0.01
    True
    >>> difference(1000.0, 0.1, 0.0, 1000.0, 0.5, 0.0, 0.3) > difference(50.0, 0.1, 0.0, 50.0, 0.5, 0.0, 0.3)
    True
    """
    # Above `share` the second one would be more than 1.
    low, high = min(seen, share * seen_of), min(max(seen, share * seen_of), share)
    least = np.inf
    for _ in range(HALVINGS):
        # The evidence is convex in the supposed value: each step drops a third of the interval.
        left, right = (2.0 * low + high) / 3.0, (low + 2.0 * high) / 3.0
        at_left = evidence(sample, seen, left, chance) + evidence(sample_of, seen_of, left / share, chance_of)
        at_right = evidence(sample, seen, right, chance) + evidence(
            sample_of, seen_of, right / share, chance_of
        )
        least = min(least, at_left, at_right)
        if least < enough:
            break
        if at_left < at_right:
            high = right
        else:
            low = left
    return least


@compiled
def comparison(
    alike: Floats,
    counts: Floats,
    frequency: Floats,
    outside: Floats,
    one: Ids,
    other: Ids,
    linkage: float,
    enough: float = 0.0,
) -> tuple[float, float, float, float]:
    """Return the similarity of two groups, the largest threshold, and the evidence for below and for above.

    Evidence of less than `enough` is not exact.

    The thresholds are a share `linkage` of the cohesion of either group, and of the similarity of either
    group's labels to labels `outside` of both, as a group may consist of unrelated labels. Being below one of
    them suffices to split; to merge, the similarity must exceed all of them, times `HYSTERESIS`.
    """
    # Labels that avoid each other only count as dissimilar.
    between = max(0.0, mean_similarity(alike, counts, one, other))
    sample = sample_of_pairs(alike, counts, one, other)
    chance = jaccard_by_chance(frequency[one].mean(), frequency[other].mean())
    most, less, more = 0.0, 0.0, np.inf
    if len(one) == 1 and len(other) == 1:
        floor = HYSTERESIS * ALIKE
        most, more = ALIKE, evidence(sample, between, floor, chance) if between > floor else 0.0
    for group in (one, other):
        foreign = linkage * outside[group].mean()
        against = evidence(sample, between, HYSTERESIS * foreign, chance)
        most = max(most, foreign)
        less = max(less, against) if between < foreign else less
        more = min(more, against) if between >= HYSTERESIS * foreign else 0.0
        if len(group) > 1:
            behind, often = messages_behind(alike, counts, group), frequency[group].mean()
            cohesion = max(0.0, mean_similarity(alike, counts, group, group))
            usual = jaccard_by_chance(often, often)
            share = HYSTERESIS * linkage
            most = max(most, linkage * cohesion)
            below, above = between < linkage * cohesion, between >= share * cohesion
            against = 0.0
            if below or (above and more > 0.0):
                against = difference(sample, between, chance, behind, cohesion, usual, share, enough)
            less = max(less, against) if below else less
            more = min(more, against) if above else 0.0
    return between, most, less, more
