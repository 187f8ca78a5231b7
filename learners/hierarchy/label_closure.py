"""The closure of a message's labels under a taxonomy: ancestors of a positive label are positive."""

from __future__ import annotations

import numpy as np

from drift.core import Ids, Mask, Vector, compiled
from learners.core import Targets
from learners.hierarchy.paths import NONE, Shape
from learners.hierarchy.taxonomy import Taxonomy


class LabelClosure:
    """Closes the targets of messages under the current state of a taxonomy.

    Parameters
    ----------
    taxonomy
        The labels.
    hierarchy
        Whether its tree is used. Without it all labels are roots, and a message's other labels negative.

    Examples
    --------
    >>> taxonomy = Taxonomy(["energy/crude", "energy/gas"])
    >>> closure = LabelClosure(taxonomy)
    >>> closure.closed(Targets(taxonomy.ids(["energy"])))
    Targets(positive=array([0]), negative=array([], dtype=int64))
    >>> closure.conditional(taxonomy.targets(["energy/gas"]))
    Targets(positive=array([0, 2]), negative=array([1]))
    """

    def __init__(self, taxonomy: Taxonomy, hierarchy: bool = True) -> None:
        self.taxonomy = taxonomy
        self.hierarchy = hierarchy
        self._flat: Shape | None = None

    def shape(self) -> Shape:
        """Return the tree, the same object until it changes; without hierarchy, a forest of roots."""
        shape = self.taxonomy.shape()
        if self.hierarchy:
            return shape
        if self._flat is None or self._flat.live is not shape.live:
            roots = np.full(len(shape.live), NONE, dtype=np.intp)
            self._flat = Shape(roots, (np.flatnonzero(shape.live),), shape.live)
        return self._flat

    def stored(self, targets: Targets) -> Targets:
        """Return targets to remember: without what follows from the tree alone, which may change."""
        whole = self.taxonomy.closed(Targets(targets.positive))
        told = targets.negative
        if told is not None and (whole.negative is None or not np.array_equal(whole.negative, told)):
            return targets
        return Targets(np.array(self.most_specific(whole), dtype=np.intp))

    def closed(self, stored: Targets) -> Targets:
        """Return what targets imply for each label under the current tree."""
        closed = self.taxonomy.closed(stored)
        return closed if self.hierarchy or stored.negative is not None else Targets(closed.positive)

    def conditional(self, closed: Targets) -> Targets:
        """Return targets of P(label | parent): of the roots, and of labels whose parent is positive."""
        if not self.hierarchy:
            return closed
        shape = self.shape()
        return Targets(closed.positive, _refused(shape.parents, shape.live, *closed))

    def most_specific(self, closed: Targets) -> list[int]:
        """Return the most specific labels of closed targets."""
        return self.taxonomy.most_specific(closed.positive.tolist())

    def with_pseudo_labels(self, closed: Targets, scores: Vector, sure: float) -> Targets:
        """Add pseudo-labels: below each most specific label, those whose score is at least `sure`."""
        negative = set() if closed.negative is None else set(closed.negative.tolist())
        positive = set(closed.positive.tolist())
        pending = self.taxonomy.most_specific(positive)
        for label in pending:
            children = self.taxonomy.children(label)
            likely = [child for child in children if scores[child] >= sure]
            if likely:
                positive.update(likely)
                pending.extend(likely)
                others = [child for child in children if child not in positive]
                negative.update(self.taxonomy.under(others))
        return Targets(np.array(sorted(positive), dtype=np.intp), np.array(sorted(negative), dtype=np.intp))


@compiled
def _refused(parents: Ids, live: Mask, positive: Ids, negative: Ids | None) -> Ids:
    """Return the negative live labels that are roots or children of a positive one, ascending."""
    chosen, known = np.zeros(len(live), dtype=np.bool_), np.ones(len(live), dtype=np.bool_)
    chosen[positive] = True
    if negative is not None:
        known[:] = False
        known[negative] = True
    refused, count = np.empty(len(live), dtype=np.intp), 0
    for label in range(len(live)):
        if live[label] and known[label] and not chosen[label]:
            parent = parents[label]
            if parent == NONE or chosen[parent]:
                refused[count] = label
                count += 1
    return refused[:count]
