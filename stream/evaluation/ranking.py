"""Ranking of learners over many data sets: mean ranks, Friedman's test, Nemenyi's critical difference."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import scipy.stats
from numpy.typing import NDArray

ALPHA = 0.05
"""Significance level of both tests."""


class Ranking(msgspec.Struct, frozen=True):
    """Learners in order of their mean rank over data sets.

    Parameters
    ----------
    mean_ranks
        By learner, best first; 1 is best, ties share the mean of their ranks.
    sets
        Number of data sets ranked on.
    friedman_p
        Probability of ranks that differ so much if all learners were equal; None for fewer than three
        learners or two sets, for which the test is not defined.
    critical_difference
        Learners whose mean ranks are closer than this do not differ at level 0.05 (Nemenyi); None as above.
    """

    mean_ranks: dict[str, float]
    sets: int
    friedman_p: float | None
    critical_difference: float | None

    def cliques(self) -> list[tuple[str, str]]:
        """Return the largest groups of learners that do not differ, as their first and last learner."""
        names, ranks = list(self.mean_ranks), list(self.mean_ranks.values())
        found: list[tuple[str, str]] = []
        near, reached = self.critical_difference or 0.0, 0
        for first, best in enumerate(ranks):
            last = max(at for at, other in enumerate(ranks) if other - best <= near)
            if last > max(first, reached):
                found.append((names[first], names[last]))
                reached = last
        return found


def rank(scores: NDArray[np.float64], learners: list[str]) -> Ranking:
    """Rank learners on every data set and compare the mean ranks.

    Parameters
    ----------
    scores
        Shape (sets, learners), at least one of each; more is better.
    learners
        Names of the learners.

    Examples
    --------
    >>> ranking = rank(np.array([[0.9, 0.5, 0.1], [0.8, 0.4, 0.4]]), ["a", "b", "c"])
    >>> ranking.mean_ranks
    {'a': 1.0, 'b': 2.25, 'c': 2.75}
    >>> round(ranking.critical_difference, 3)
    2.344

    References
    ----------
    .. [1] J. Demšar, "Statistical comparisons of classifiers over multiple data sets", Journal of Machine
       Learning Research 7, 2006.
    """
    sets, size = scores.shape
    means = scipy.stats.rankdata(-scores, axis=1).mean(axis=0)
    order = np.argsort(means, kind="stable")
    mean_ranks = {learners[at]: float(means[at]) for at in order.tolist()}
    if sets < 2 or size < 3:
        return Ranking(mean_ranks, sets, None, None)
    quantile = float(scipy.stats.studentized_range.ppf(1 - ALPHA, size, math.inf))
    difference = quantile / math.sqrt(2) * math.sqrt(size * (size + 1) / (6 * sets))
    # If all learners are equal on every set, the statistic is 0 / 0.
    differ = (scores != scores[:, :1]).any()
    p = float(scipy.stats.friedmanchisquare(*scores.T).pvalue) if differ else 1.0
    return Ranking(mean_ranks, sets, p, difference)
