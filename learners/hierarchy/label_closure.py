"""What messages say of the labels of a taxonomy: through its tree, or as if there were none."""

from __future__ import annotations

import numpy as np

from drift.core import Vector
from learners.core import Targets
from learners.hierarchy.taxonomy import NONE, Shape, Taxonomy


class LabelClosure:
    """Reads messages by a taxonomy, as it is at that moment.

    Parameters
    ----------
    taxonomy
        The labels.
    hierarchy
        Whether its tree counts. Without it all labels are roots, and what a message leaves open is absent.

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
        """Return the tree, the same one until it changes; without hierarchy, a forest of roots alone."""
        shape = self.taxonomy.shape()
        if self.hierarchy:
            return shape
        if self._flat is None or self._flat.live is not shape.live:
            roots = np.full(len(shape.live), NONE, dtype=np.intp)
            self._flat = Shape(roots, (np.flatnonzero(shape.live),), shape.live)
        return self._flat

    def stored(self, targets: Targets) -> Targets:
        """Return complete targets where it is the tree alone that leaves labels open: it may yet change."""
        whole = self.taxonomy.closed(Targets(targets.positive))
        if targets.negative is None or whole.negative is None:
            return targets
        return Targets(targets.positive) if np.array_equal(whole.negative, targets.negative) else targets

    def closed(self, stored: Targets) -> Targets:
        """Return what a message says of each label."""
        closed = self.taxonomy.closed(stored)
        return closed if self.hierarchy or stored.negative is not None else Targets(closed.positive)

    def conditional(self, closed: Targets) -> Targets:
        """Return what a message that was read says of the roots and of labels whose parent it carries."""
        if not self.hierarchy:
            return closed
        shape = self.shape()
        above = closed.dense(len(shape.live))
        open_ = ~closed.unknown(len(shape.live)) & shape.reached(np.arange(len(above)), above) & shape.live
        open_[closed.positive] = False
        return Targets(closed.positive, np.flatnonzero(open_))

    def most_specific(self, closed: Targets) -> list[int]:
        """Return the most specific labels of a message that was read."""
        return self.taxonomy.most_specific(closed.positive.tolist())

    def with_pseudo_labels(self, closed: Targets, scores: Vector, sure: float) -> Targets:
        """Return targets with pseudo-labels: under each most specific label those that are sure enough."""
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
