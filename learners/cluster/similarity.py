"""Similarities of labels and their sample sizes, read from the rows of their partners."""

from __future__ import annotations

import math

import numpy as np

from drift.core import Counts, Floats, Ids, compiled
from learners.cluster.adjacency import MESSAGES, WIDEST, Records, share, touches

DOUBT = 4.0
"""Standard deviations above chance that make a label a companion: high, as many are compared at once."""


@compiled
def frequency(labels: Records, label: int, now: int) -> float:
    """Return the share of all messages that carry a label."""
    if label >= len(labels) or labels["weight"][label] == 0.0:
        return 0.0
    silence = labels["weight"][label] * (now - labels["last"][label])
    return float(labels["touches"][label] / (labels["span"][label] + silence))


@compiled
def jaccard_by_chance(one: float, other: float) -> float:
    """Return the Jaccard index of two independent labels with these frequencies."""
    return jaccard(one * other, one, other)


@compiled
def jaccard(both: float, one: float, other: float) -> float:
    """Return the Jaccard index from the frequency of both together and of each."""
    either = one + other - both
    return both / either if either > 0.0 else 0.0


@compiled
def similarity(labels: Records, places: Records, book: Counts, a: int, b: int) -> float:
    """Return the Jaccard similarity beyond chance of two labels; see `Cooccurrence.among`.

    Co-occurrences are read from the row with fewer occurrences: the rarer label's, or that of the label whose
    companions changed last. A label missing from a row of the largest size may have been evicted by chance.
    """
    if a == b or a >= len(labels) or b >= len(labels):
        return 0.0
    known, other = touches(labels, a), touches(labels, b)
    if known > other or (known == other and a > b):
        a, b = b, a
    one, two = frequency(labels, a, book[MESSAGES]), frequency(labels, b, book[MESSAGES])
    return _beyond_chance(labels, places, a, b, one, two)


@compiled
def _beyond_chance(labels: Records, places: Records, a: int, b: int, one: float, two: float) -> float:
    """Return the similarity of two labels, given the frequencies; the row of the first one is read."""
    met = share(labels, places, a, b)
    if met == 0.0 and labels["room"][a] == WIDEST:
        return 0.0
    observed, chance = jaccard(min(met * one, two), one, two), jaccard_by_chance(one, two)
    # Frequencies measured over different periods, as for a new label, may contradict the co-occurrences.
    return max((observed - chance) / (1.0 - chance), -1.0) if chance < 1.0 else 0.0


@compiled
def at_least(alike: float, chance: float, sample: float) -> float:
    """Return a lower bound on a similarity that was observed on `sample` messages with the rarer label.

    Wilson's lower bound for a proportion, `DOUBT` standard deviations below: the Jaccard index is a share of
    the messages with either label.
    """
    index = min(max(chance + (1.0 - chance) * alike, 0.0), 1.0)
    doubt = DOUBT * DOUBT * (1.0 + index) / (2.0 * max(sample, 1e-9))
    deviation = math.sqrt(doubt * (index * (1.0 - index) + doubt / 4.0))
    least = (index + doubt / 2.0 - deviation) / (1.0 + doubt)
    return (least - chance) / (1.0 - chance)


@compiled
def counts(labels: Records, ids: Ids) -> Floats:
    """Return the decayed number of messages with each of some labels."""
    counted = np.empty(len(ids))
    for n in range(len(ids)):
        counted[n] = touches(labels, ids[n])
    return counted


@compiled
def samples(labels: Records, ids: Ids, growth: float) -> Floats:
    """Return the effective sample size of each of some labels; see `Cooccurrence.samples`."""
    sample, keep = np.zeros(len(ids)), 1.0 / growth
    for n in range(len(ids)):
        if ids[n] < len(labels) and labels["weight"][ids[n]] > 0.0:
            heard = labels["heard"][ids[n]] / labels["weight"][ids[n]]
            # Kish: the squared sum of the weights over the sum of their squares, for a geometric series.
            sample[n] = heard * (1.0 + keep) / (2.0 - heard * (1.0 - keep))
    return sample


@compiled
def frequencies(labels: Records, ids: Ids, now: int) -> Floats:
    """Return the share of messages that carry each of some labels."""
    often = np.empty(len(ids))
    for n in range(len(ids)):
        often[n] = frequency(labels, ids[n], now)
    return often


@compiled
def among(labels: Records, places: Records, book: Counts, group: Ids) -> Floats:
    """Return the pairwise similarities within a group of labels; see `Cooccurrence.among`."""
    alike = np.zeros((len(group), len(group)))
    known, often = counts(labels, group), frequencies(labels, group, book[MESSAGES])
    for i in range(len(group)):
        for j in range(i):
            a, b = (j, i) if known[j] < known[i] or (known[j] == known[i] and group[j] < group[i]) else (i, j)
            if group[i] != group[j] and max(group[i], group[j]) < len(labels):
                value = _beyond_chance(labels, places, group[a], group[b], often[a], often[b])
                alike[i, j] = alike[j, i] = value
    return alike
