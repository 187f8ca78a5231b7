"""Turns label probabilities into a label-set that respects the tree: no child without its parent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.core import Arrays, Floats, Ids, Mask, Stateful, Vector, check_number, compiled, fields, grown
from learners.core import Targets
from learners.ensemble import LEAST_PREDICTED
from learners.hierarchy.paths import NONE, Shape

DECODERS = ("levels", "paths", "top-down")
GRID = np.array([0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6], dtype=np.float32)
"""Thresholds that are tried on every level."""


CERTAIN = 0.002
"""Probability below which, and above 1 minus which, labels count as equally certain: see `exclusive`."""

UNLIKELY = np.float32(1e-6)
"""Least probability of a parent that a child's is divided by."""
CANDIDATE_COUNT = 2 * len(GRID) + 1
"""Number of candidates: thresholds, thresholds with each parent's best child, and a proposed label-set."""
LEAST = np.float32(LEAST_PREDICTED)
"""Labels below this probability are not likely enough to be looked at; rounded as probabilities are."""
START = 4.0 * np.stack(
    [
        np.append(np.tile(0.5 - 0.1 * np.abs(GRID - 0.4), 2), 0.48)
        - 0.01 * (np.arange(CANDIDATE_COUNT) >= len(GRID)),
        np.ones(CANDIDATE_COUNT),
    ],
    axis=1,
)
"""Initial counts per candidate, after 4 predicted or true labels: F1 is 0.5 at threshold 0.4, else lower."""


def coherent(scores: Vector, shape: Shape) -> Vector:
    """Return probabilities with P(child) at most P(parent), and 0 for merged or retired labels; shape (L,).

    Examples
    --------
    >>> from learners.hierarchy import Taxonomy
    >>> taxonomy = Taxonomy(["energy/crude"])
    >>> coherent(np.array([0.25, 0.75], dtype=np.float32), taxonomy.shape())
    array([0.25, 0.25], dtype=float32)
    """
    bounded = np.where(shape.live, scores, np.float32(0.0))
    for labels in shape.levels[1:]:
        bounded[labels] = np.minimum(bounded[labels], bounded[shape.parents[labels]])
    return bounded


def chained(conditional: Vector, shape: Shape) -> Vector:
    """Return P(label) from P(label | parent): the product along the path from the root; shape (L,).

    Examples
    --------
    >>> from learners.hierarchy import Taxonomy
    >>> chained(np.array([0.5, 0.5], dtype=np.float32), Taxonomy(["energy/crude"]).shape())
    array([0.5 , 0.25], dtype=float32)
    """
    product = conditional.copy()
    for labels in shape.levels[1:]:
        product[labels] *= product[shape.parents[labels]]
    return product


def conditional(scores: Vector, shape: Shape) -> Vector:
    """Return P(label | parent) from P(label): what `chained` undoes, shape (L,).

    Where a child is likelier than its parent, it is certain given the parent.

    Examples
    --------
    >>> from learners.hierarchy import Taxonomy
    >>> conditional(np.array([0.5, 0.25], dtype=np.float32), Taxonomy(["energy/crude"]).shape())
    array([0.5, 0.5], dtype=float32)
    """
    ratios = scores.copy()
    for labels in shape.levels[1:]:
        parents = np.maximum(scores[shape.parents[labels]], UNLIKELY)
        ratios[labels] = np.minimum(scores[labels] / parents, np.float32(1.0))
    return ratios


def exclusive(scores: Vector, shape: Shape) -> Vector:
    """Return P(label | parent) given that exactly one of any siblings is true, shape (L,).

    If exactly one of several independent labels is true, their probabilities are proportional to their
    odds: a certain label makes its siblings unlikely, and of unlikely siblings the least unlikely one wins.

    Examples
    --------
    >>> from learners.hierarchy import Taxonomy
    >>> taxonomy = Taxonomy(["grain", "energy/crude"])
    >>> exclusive(np.array([0.9, 0.5, 0.2], dtype=np.float32), taxonomy.shape()).round(3)
    array([0.9, 0.1, 1. ], dtype=float32)
    """
    shares = np.empty(len(scores), dtype=np.float32)
    _share(scores, shape.parents, shape.live, shares)
    return shares


@compiled
def _share(scores: Vector, parents: Ids, live: Mask, shares: Vector) -> None:
    """Fill in each live label's share of the odds of all children of its parent; 0 for the others."""
    least, most, one = np.float32(CERTAIN), np.float32(1.0 - CERTAIN), np.float32(1.0)
    # The last place belongs to NONE (-1), the parent of roots.
    odds, rivals = np.zeros(len(scores), dtype=np.float32), np.zeros(len(scores) + 1)
    for label in range(len(scores)):
        if live[label]:
            likely = min(max(np.float32(scores[label]), least), most)
            odds[label] = likely / (one - likely)
            rivals[parents[label]] += odds[label]
    for label in range(len(scores)):
        shares[label] = odds[label] / rivals[parents[label]] if live[label] else 0.0


def top_down(scores: Vector, shape: Shape) -> Ids:
    """Return the labels at 0.5 or above whose ancestors are too, ascending."""
    return np.flatnonzero(coherent(scores, shape) >= 0.5)


def likeliest_paths(scores: Vector, shape: Shape) -> Ids:
    """Return the most probable label-set closed under ancestors, if labels were independent; ascending.

    So a label with a high probability can bring in a parent with a low one.

    Examples
    --------
    >>> from learners.hierarchy import Taxonomy
    >>> taxonomy = Taxonomy(["energy/crude"])
    >>> likeliest_paths(np.array([0.4, 0.9], dtype=np.float32), taxonomy.shape())
    array([0, 1])
    """
    p = np.clip(scores.astype(np.float64), 1e-6, 1 - 1e-6)
    worth = np.log(p / (1 - p))
    # Log-odds of each label together with the best selection of its descendants.
    for labels in shape.levels[:0:-1]:
        np.add.at(worth, shape.parents[labels], np.maximum(worth[labels], 0.0))
    chosen = (worth > 0.0) & shape.live
    for labels in shape.levels[1:]:
        chosen[labels] &= chosen[shape.parents[labels]]
    return np.flatnonzero(chosen)


class Reached(NamedTuple):
    """What is decided on a level of the tree.

    Parameters
    ----------
    labels
        The likely labels whose parent was chosen, shape (n,).
    candidates
        Which of them each way of deciding takes, shape (ways, n).
    best
        The way that is taken.
    """

    labels: Ids
    candidates: Mask
    best: int


def chosen(walked: list[Reached]) -> Ids:
    """Return the labels that were chosen on all levels, ascending."""
    taken = [labels[candidates[best]] for labels, candidates, best in walked]
    return np.sort(np.concatenate([*taken, np.zeros(0, dtype=np.intp)]))


class LevelThresholds(Stateful):
    """Selects on each level the way of deciding that had the best F1 recently.

    Candidates are thresholds; thresholds with the most probable child added where a chosen parent (or the
    forest as a whole) would get none, which is right where messages are always labelled down to the leaves;
    and labels that another decision proposes, with their ancestors. A level takes the candidate that adds
    most to the sum of two F1: that of its own labels, which asks for lower thresholds on deep levels, and
    that of all labels.

    Parameters
    ----------
    keep
        Decay per message of the candidates' counts, in [0, 1]. Too low and thresholds fluctuate, too high and
        they follow a drift late.

    References
    ----------
    .. [1] Z. C. Lipton, C. Elkan and B. Naryanaswamy, "Optimal thresholding of classifiers to maximize F1
       measure", 2014.
    """

    state_fields = fields(Arrays("_earned", cut="_levels"), Arrays("_chosen"))

    def __init__(self, keep: float = 0.999) -> None:
        check_number(self, "keep", keep, float, 0, 1)
        self.keep = keep
        # By level and candidate: twice the hits, and predicted + true labels; initially `START`.
        self._earned = np.zeros((0, CANDIDATE_COUNT, 2))
        self._levels = 0
        # The same for the chosen candidates of all levels together.
        self._chosen = START.max(axis=0)

    def walk(self, scores: Vector, shape: Shape, proposed: Ids) -> list[Reached]:
        """Return what was reached level by level, which `chosen` and `learn` are given.

        Parameters
        ----------
        scores
            Coherent probabilities, shape (L,).
        shape
            The taxonomy.
        proposed
            Labels that another decision would choose.
        """
        suggested = _with_ancestors(proposed, shape)
        taken = np.zeros(len(scores), dtype=np.bool_)
        walked = []
        for level, labels in enumerate(shape.levels):
            reached = _reached(labels, shape.parents, taken, scores, LEAST, suggested)
            if not len(reached):
                break
            candidates = _candidates(scores[reached], shape.parents[reached], suggested[reached])
            best = _best(self._earned[level] if level < self._levels else START, self._chosen)
            taken[reached[candidates[best]]] = True
            walked.append(Reached(reached, candidates, best))
        return walked

    def learn(self, walked: list[Reached], shape: Shape, targets: Targets) -> None:
        """Count what each candidate would have scored on the labels that are known for the message."""
        truth = targets.dense(len(shape.live))
        known = None if targets.complete else ~targets.unknown(len(shape.live))
        self._grow(len(shape.levels))
        self._earned[: len(shape.levels)] *= self.keep
        self._chosen *= self.keep
        for level, labels in enumerate(shape.levels):
            true = np.count_nonzero(truth[labels])
            earned = np.zeros((CANDIDATE_COUNT, 2))
            best = 0
            if level < len(walked):
                reached, candidates, best = walked[level]
                _score(candidates, reached, truth, known, earned)
            earned[:, 1] += true
            self._earned[level] += earned
            self._chosen += earned[best]

    def _grow(self, levels: int) -> None:
        if levels > self._levels:
            self._earned = grown(self._earned, levels)
            self._earned[self._levels : levels] = START
            self._levels = levels


def _with_ancestors(labels: Ids, shape: Shape) -> Mask:
    """Return which labels are live and among `labels`, or ancestors of such, shape (L,)."""
    suggested = np.zeros(len(shape.live), dtype=np.bool_)
    suggested[labels] = True
    suggested &= shape.live
    for below in shape.levels[:0:-1]:
        suggested[shape.parents[below[suggested[below]]]] = True
    return suggested


def _candidates(p: Vector, parents: Ids, suggested: Mask) -> Mask:
    """Return each candidate's mask: by threshold, by threshold with the best of each parent, as suggested."""
    candidates = np.empty((CANDIDATE_COUNT, len(p)), dtype=np.bool_)
    _threshold(p, parents, GRID, candidates)
    candidates[-1] = suggested
    return candidates


@compiled
def _best(earned: Floats, overall: Floats) -> int:
    """Return the candidate that adds most to the level's F1 and the overall one, to first order."""
    own = 0
    for row in range(len(earned)):
        if earned[row, 0] / earned[row, 1] > earned[own, 0] / earned[own, 1]:
            own = row
    # A predicted label changes an F1 by (2 hit - F1) / count: the smaller count changes more.
    mine, all_of = 1.0 / earned[own, 1], 1.0 / overall[1]
    price = (mine * earned[own, 0] / earned[own, 1] + all_of * overall[0] / overall[1]) / (mine + all_of)
    best = 0
    for row in range(len(earned)):
        if earned[row, 0] - price * earned[row, 1] > earned[best, 0] - price * earned[best, 1]:
            best = row
    return best


@compiled
def _reached(
    labels: Ids, parents: Ids, taken: Mask, scores: Vector, least: np.float32, suggested: Mask
) -> Ids:
    """Return those of a level's labels that are roots or below a chosen label, and likely or suggested."""
    reached, count = np.empty(len(labels), dtype=np.intp), 0
    for label in labels:
        likely = scores[label] >= least or suggested[label]
        if likely and (parents[label] == NONE or taken[parents[label]]):
            reached[count] = label
            count += 1
    return reached[:count]


@compiled
def _score(candidates: Mask, labels: Ids, truth: Mask, known: Mask | None, earned: Floats) -> None:
    """Fill in twice each candidate's hits, and how many known labels it takes."""
    for row in range(len(candidates)):
        for place in range(len(labels)):
            if candidates[row, place] and (known is None or known[labels[place]]):
                earned[row, 0] += 2.0 * truth[labels[place]]
                earned[row, 1] += 1.0


@compiled
def _threshold(p: Vector, parents: Ids, grid: Vector, candidates: Mask) -> None:
    """Fill in the labels that pass each threshold, then the same with the best child of each parent added.

    A parent's best child passes whenever any child does, so one is added only where none passes.
    """
    last = 0
    for parent in parents:
        last = max(last, parent + 1)
    # The last place belongs to NONE (-1).
    best = np.full(last + 1, -1, dtype=np.intp)
    for place in range(len(p)):
        leading = best[parents[place]]
        if leading < 0 or p[place] > p[leading]:
            best[parents[place]] = place
    for row in range(len(grid)):
        for place in range(len(p)):
            passed = p[place] >= grid[row]
            candidates[row, place] = passed
            candidates[len(grid) + row, place] = passed or best[parents[place]] == place
