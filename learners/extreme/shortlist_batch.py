"""Micro-batches with a shortlist: the tree is searched for many messages at once."""

from __future__ import annotations

import numpy as np

from drift.core import Ids, Mask, Vector
from learners.extreme.hard_negatives import Scored, teach_together
from learners.extreme.label_tree import LabelTree
from learners.extreme.micro_batch import MicroBatch, rows_of
from learners.linear_model import MicroF1Threshold, sigmoid


class ShortlistBatch(MicroBatch):
    """The messages since the last step, with what the search of the tree has scored for them.

    Parameters
    ----------
    tree
        The labels and the nodes above them.
    threshold
        Learns from the shortlists.
    size
        Messages in a step, at least 2.
    """

    def __init__(self, tree: LabelTree, threshold: MicroF1Threshold, size: int) -> None:
        super().__init__(size)
        self.tree = tree
        self.threshold = threshold

    def route(self, inputs: Vector, seen: Mask | None = None) -> list[list[Scored]]:
        """Return what the search scores for each row of inputs: see `LabelTree.route`."""
        del seen
        # Of one length, whatever the longest vector is: the order of a sum's additions depends on it.
        return self.tree.route_many(rows_of(list(inputs), self.tree.levels[0].rows.columns))

    def routes(self) -> list[list[Scored]]:
        """Return what was scored for each message; searched for now if it was not predicted."""
        lacking = [number for number, route in enumerate(self._routes) if route is None]
        if lacking:
            for number, route in zip(lacking, self.route(self.matrix(self.columns)[lacking]), strict=True):
                self._routes[number] = route
        return [route for route in self._routes if route is not None]

    def step(self, seen: Mask, new: Ids) -> None:
        """Teach threshold and labels' classifiers; an incomplete message, only those that it names.

        Labels that are new (ascending) count as scored for every message: without any negative among the
        messages of the step they would be predicted for all the next ones.
        """
        rows = self.tree.levels[0].rows
        logits = rows.take(new)[:, 0]
        matrix, scored = self.matrix(rows.columns), []
        for (shortlist, *_), each, inputs in zip(self.routes(), self.targets, matrix, strict=True):
            if each.negative is None:
                places, found = shortlist.find(each.positive)
                self.threshold.learn(sigmoid(shortlist.logits), places[found], len(each.positive))
                ids = np.concatenate([shortlist.ids, new])
                order = np.argsort(ids)
                scored.append(Scored(ids[order], np.concatenate([shortlist.logits, logits])[order]))
            else:
                named = each.negative[seen[each.negative]]
                scored.append(Scored(named, rows.products(named, inputs)))
        teach_together(rows, scored, [each.positive for each in self.targets], matrix)
