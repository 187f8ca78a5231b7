"""From one probability a label to a label-set that respects the tree: no child without its parent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.base import State, Vector
from learners.growth import grown
from learners.labels import Ids, Targets
from learners.parameters import check_number
from learners.taxonomy import NONE, Shape

DECODERS = ("levels", "paths", "top-down")
GRID = np.array([0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6], dtype=np.float32)
"""Thresholds that are tried on every level."""
LEAST = 0.05
"""Probability below which no label is predicted."""

Masks = NDArray[np.bool_]


def coherent(scores: Vector, shape: Shape) -> Vector:
    """Return probabilities with P(child) at most P(parent), and 0 for labels that are gone; shape (L,).

    Examples
    --------
    >>> from learners.taxonomy import Taxonomy
    >>> taxonomy = Taxonomy(["energy/crude"])
    >>> coherent(np.array([0.25, 0.75], dtype=np.float32), taxonomy.shape())
    array([0.25, 0.25], dtype=float32)
    """
    bounded = np.where(shape.live, scores, np.float32(0.0))
    for labels in shape.levels[1:]:
        bounded[labels] = np.minimum(bounded[labels], bounded[shape.parents[labels]])
    return bounded


def top_down(scores: Vector, shape: Shape) -> Ids:
    """Return the labels at 0.5 or above whose ancestors all are, ascending."""
    return np.flatnonzero(coherent(scores, shape) >= 0.5)


def likeliest_paths(scores: Vector, shape: Shape) -> Ids:
    """Return the label-set with ancestors that is likeliest if labels were independent, ascending.

    A label that is sure of itself can so bring in a parent that is not.

    Examples
    --------
    >>> from learners.taxonomy import Taxonomy
    >>> taxonomy = Taxonomy(["energy/crude"])
    >>> likeliest_paths(np.array([0.4, 0.9], dtype=np.float32), taxonomy.shape())
    array([0, 1])
    """
    p = np.clip(scores.astype(np.float64), 1e-6, 1 - 1e-6)
    worth = np.log(p / (1 - p))
    # What a label and the best of what lies under it are worth together.
    for labels in shape.levels[:0:-1]:
        np.add.at(worth, shape.parents[labels], np.maximum(worth[labels], 0.0))
    chosen = (worth > 0.0) & shape.live
    for labels in shape.levels[1:]:
        chosen[labels] &= chosen[shape.parents[labels]]
    return np.flatnonzero(chosen)


class LevelThresholds:
    """A threshold for each level, whichever has earned the best F1 there lately.

    Half of the candidates add, where a chosen parent (or the forest as a whole) would get none of its
    children, the likeliest one: right where messages are always labelled down to the leaves.

    Parameters
    ----------
    keep
        Decay a message of what candidates have earned, in [0, 1]. Too low and thresholds flutter, too high
        and they are late to follow a drift.
    """

    def __init__(self, keep: float = 0.999) -> None:
        check_number(self, "keep", keep, float, 0, 1)
        self.keep = keep
        # By level and candidate: 2 hits, and predicted + true. At first as if 0.5 had been right a little.
        self._earned = np.zeros((0, 2 * len(GRID), 2))
        self._levels = 0

    def decide(self, scores: Vector, shape: Shape) -> Ids:
        """Return the chosen labels for coherent probabilities of shape (L,), ascending."""
        chosen = [labels[candidates[best]] for labels, candidates, best in self._walk(scores, shape)]
        return np.sort(np.concatenate([*chosen, np.zeros(0, dtype=np.intp)]))

    def learn(self, scores: Vector, shape: Shape, targets: Targets) -> None:
        """Book what each candidate would have earned on the labels that the message says something of."""
        size = len(scores)
        truth, known = targets.dense(size), targets.known(size)
        self._grow(len(shape.levels))
        walked = list(self._walk(scores, shape))
        self._earned[: len(shape.levels)] *= self.keep
        for level, labels in enumerate(shape.levels):
            self._earned[level, :, 1] += np.count_nonzero(truth[labels])
            if level < len(walked):
                reached, candidates, _ = walked[level]
                candidates = candidates & known[reached]
                self._earned[level, :, 0] += 2 * (candidates & truth[reached]).sum(axis=1)
                self._earned[level, :, 1] += candidates.sum(axis=1)

    def _walk(self, scores: Vector, shape: Shape) -> list[tuple[Ids, Masks, int]]:
        """Return, by level reached, its likely labels, what each candidate takes of them, and the best."""
        chosen = np.zeros(len(scores) + 1, dtype=np.bool_)
        # The parent of roots, NONE, stands in the last place.
        chosen[NONE] = True
        walked = []
        for level, labels in enumerate(shape.levels):
            parents = shape.parents[labels]
            reached = labels[chosen[parents] & (scores[labels] >= LEAST)]
            if not len(reached):
                break
            candidates = _candidates(scores[reached], shape.parents[reached])
            earned = self._earned[level] if level < self._levels else _start()
            best = int((earned[:, 0] / earned[:, 1]).argmax())
            chosen[reached[candidates[best]]] = True
            walked.append((reached, candidates, best))
        return walked

    def _grow(self, levels: int) -> None:
        if levels > self._levels:
            self._earned = grown(self._earned, levels)
            self._earned[self._levels : levels] = _start()
            self._levels = levels

    def state(self) -> State:
        """Return what candidates have earned; see `Learner.state`."""
        return {"earned": self._earned[: self._levels]}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self._earned = np.array(state["earned"])
        self._levels = len(self._earned)


def _candidates(p: Vector, parents: Ids) -> Masks:
    """Return what each candidate takes: by threshold alone, then by threshold and best of each parent."""
    plain = p >= GRID[:, None]
    order = np.lexsort((-p, parents))
    first = np.ones(len(p), dtype=np.bool_)
    first[1:] = parents[order][1:] != parents[order][:-1]
    best = np.zeros(len(p), dtype=np.bool_)
    best[order[first]] = True
    # The best of a parent's children passes whenever any of them does.
    return np.concatenate([plain, plain | best])


def _start() -> NDArray[np.float64]:
    f1 = 0.5 - 0.1 * np.abs(GRID - 0.4)
    earned = np.ones((2 * len(GRID), 2))
    earned[:, 0] = np.tile(f1, 2) - np.repeat((0.0, 0.01), len(GRID))
    return 4.0 * earned
