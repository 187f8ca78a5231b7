"""Labels whose meaning has passed to others: what they meant still comes, and is told as something else."""

from __future__ import annotations

import numpy as np

from drift.core import Arrays, Ids, Mask, Stateful, Values, Vector, check_number, compiled, fields, grown
from learners.core import Targets

SHARE = 0.5
"""Least claims of a stale label since it occurred, as a share of the occurrences that were expected."""


class StaleLabels(Stateful):
    """Tells labels that are silent because they were replaced from those whose messages do not come.

    A learner that rehearses a label goes on recognising it, and *claims* messages for it: gives it a
    probability of one half or more. A label whose messages do not come is claimed now and then, where another
    one looks alike; a label that was replaced, for about every message that it would have had. So a label is
    stale after `least` claims since it occurred, if these are half as many as its occurrences would have
    been, at the frequency that it had until then.

    Parameters
    ----------
    least
        Claims before a label can be stale, at least 1. With few, a label that is often predicted wrongly is
        taken for stale; with many, a replaced one is rehearsed for longer.

    Examples
    --------
    >>> stale, always, rain = StaleLabels(least=3), np.array([0.9], dtype=np.float32), Targets(np.array([0]))
    >>> live, dry = np.ones(1, dtype=np.bool_), Targets(np.zeros(0, dtype=np.intp))
    >>> [stale.learn(always, told, live).tolist() for told in (rain, rain, dry, dry, dry)]
    [[], [], [], [], [0]]
    """

    state_fields = fields(Values("_now"), Arrays("_first", "_last", "_counts", "_claims", cut="_size"))

    def __init__(self, least: int = 20) -> None:
        check_number(self, "least", least, int, 1)
        self.least = least
        self._now = 0
        # By label: when it occurred first and last, how often, and how often it was claimed since the last.
        self._first, self._last, self._counts, self._claims = (np.zeros(0, dtype=np.intp) for _ in range(4))
        self._size = 0

    def learn(self, scores: Vector, targets: Targets, live: Mask) -> Ids:
        """Count one message, given its probabilities and labels; return the labels that are stale."""
        self._now += 1
        self._grow(len(scores))
        counted = self._first, self._last, self._counts, self._claims
        _count(scores, live, *targets, self._now, *counted)
        stale: Ids = _stale(self.least, self._now, *counted)
        return stale

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        labels = labels[labels < self._size]
        self._first[labels] = self._last[labels] = self._counts[labels] = self._claims[labels] = 0

    def _grow(self, size: int) -> None:
        if size > self._size:
            self._first, self._last = grown(self._first, size), grown(self._last, size)
            self._counts, self._claims = grown(self._counts, size), grown(self._claims, size)
            self._size = size


@compiled
def _count(
    scores: Vector,
    live: Mask,
    positive: Ids,
    negative: Ids | None,
    now: int,
    first: Ids,
    last: Ids,
    counts: Ids,
    claims: Ids,
) -> None:
    """Count the claims of labels that are known to be absent, and the occurrences of the others."""
    half = np.float32(0.5)
    if negative is None:
        for label in range(len(scores)):
            claims[label] += live[label] and scores[label] >= half
    else:
        for label in negative:
            claims[label] += live[label] and scores[label] >= half
    for label in positive:
        if counts[label] == 0:
            first[label] = now
        last[label], claims[label] = now, 0
        counts[label] += 1


@compiled
def _stale(least: int, now: int, first: Ids, last: Ids, counts: Ids, claims: Ids) -> Ids:
    stale, some = np.empty(len(claims), dtype=np.intp), 0
    for label in range(len(claims)):
        if claims[label] >= least and counts[label] > 0:
            frequency = counts[label] / (last[label] - first[label] + 1)
            if claims[label] >= SHARE * frequency * (now - last[label]):
                stale[some] = label
                some += 1
    return stale[:some]
