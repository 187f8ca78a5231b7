"""Label clusters: an online divisive-agglomerative tree over labels, after iHOMER and ODAC.

The leaves of the tree are the clusters; every label is in exactly one. A cluster is split where average
linkage finds two sides significantly less similar than the labels within either side (or than either side's
labels and labels elsewhere), merged into another that is significantly about as similar, and a label moves
where it fits significantly better. Labels without similar labels stay where they are.

Significance is by Chernoff's bound on the messages that carried the labels. One error budget covers all looks
at all clusters for all time, and all alternatives of a look: on a stationary stream changes cease, and a real
regrouping needs evidence that grows with the logarithm of the number of looks. Only clusters whose labels
occur are looked at, at most one per message, and less and less often while nothing changes.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from drift.core import Counts, Floats, Ids, Parametrised, Parts, State, Values, check_number, fields, grown
from learners.cluster.adjacency import label_ids
from learners.cluster.comparison import ALIKE, HYSTERESIS, comparison, difference
from learners.cluster.cooccurrence import Cooccurrence
from learners.cluster.dendrogram import Dendrogram
from learners.cluster.division import division
from learners.cluster.nearest_clusters import companions_outside, nearest_clusters, visit
from learners.core import Change, LabelSpace

MOVE_RATIO = 1.25
"""How many times more similar a label must be to another cluster than to its own to move there."""
LONGEST_WAIT = 16
"""Longest wait for a look, in multiples of `patience`: each look without a change doubles the wait."""
FIRST_WAIT = 16
"""Longest wait for the first look at a small cluster, in messages per label of the cluster."""


class Regrouping(NamedTuple):
    """Labels that left a cluster for another one, with ids instead of names; see `Change`."""

    kind: str
    cluster: int
    statistic: float
    threshold: float
    labels: list[int]


class Clusters(Parametrised):
    """A partition of a growing label space into clusters of labels that occur together.

    Similarity is the Jaccard index beyond chance (see `Cooccurrence.among`); between groups it is the mean
    over pairs, weighted by the rarer label's count. Thresholds are relative: labels of a group that share one
    message in twenty belong together as surely as labels that share every second one, if they share none with
    other labels.

    Parameters
    ----------
    linkage
        Ratio of the similarity between two groups to that within them at which they stay one cluster, in
        (0, 1]. Low values give few, large clusters; above 0.5 noise splits groups.
    delta
        Wrong decisions accepted over all time, approximately, in (0, 1]. Small values need more evidence.
    patience
        Messages that must touch a cluster before the first look at it, at least 1; also the least time that a
        change stands. A cluster of one to three labels waits for at most 16 messages per label, as few touch
        it. Each look that changes nothing doubles the wait, up to 16 times; a label whose companions change
        resets it. Small values cost time.
    largest
        Most labels in a cluster, at least 2: bounds the cost of a look, which is cubic in it.
    half_life
        Occurrences of a label after which its counts halve; see `Cooccurrence`.

    Examples
    --------
    >>> clusters = Clusters()
    >>> for n in range(4000):
    ...     changes = clusters.learn([0, 1] if n % 2 else [2, 3], 4)
    >>> sorted(clusters.members(cluster) for cluster in clusters.leaves())
    [[0, 1], [2, 3]]

    References
    ----------
    "Online hierarchical partitioning of the output space in extreme multi-label data streams", ECAI 2025.
    Rodrigues, Gama and Pedroso, "Hierarchical clustering of time-series data streams" (ODAC), TKDE 2008.
    """

    state_fields = fields(Parts("counts", "_tree"), Values("_looks", "_open"))

    def __init__(
        self,
        linkage: float = 0.33,
        delta: float = 1e-2,
        patience: int = 50,
        largest: int = 64,
        half_life: float = 1000.0,
    ) -> None:
        check_number(self, "linkage", linkage, float, 0, 1, open_low=True)
        check_number(self, "delta", delta, float, 0, 1, open_low=True)
        check_number(self, "patience", patience, int, 1)
        check_number(self, "largest", largest, int, 2)
        self.linkage = linkage
        self.delta = delta
        self.patience = patience
        self.largest = largest
        self.half_life = half_life
        self.counts = Cooccurrence(half_life)
        self._tree = Dendrogram()
        self._visits: Counts = np.zeros((16, 3), dtype=np.int64)
        self._visits[0, 2] = patience
        self._scratch: Floats = np.zeros((2, 16))
        self._looks = 0
        self._open = 0

    # Queries ----------------------------------------------------------------------------------------

    def owners(self) -> Ids:
        """Return the cluster of every label, shape (L,)."""
        return self._tree.owners

    def leaves(self) -> list[int]:
        """Return the ids of all clusters, ascending."""
        return self._tree.leaves()

    def members(self, cluster: int) -> list[int]:
        """Return the labels of a cluster, ascending."""
        return self._tree.members(cluster)

    def tree(self) -> Any:
        """Return the label hierarchy as nested pairs of cluster ids."""
        return self._tree.nested()

    def splits(self) -> list[tuple[int, int, int]]:
        """Return the tree as its inner nodes, each with its two children, in order of id."""
        return self._tree.splits()

    @property
    def looks(self) -> int:
        """Number of looks at clusters so far."""
        return self._looks

    # Learning ---------------------------------------------------------------------------------------

    def learn(self, labels: list[int] | Ids, size: int) -> tuple[Regrouping, ...]:
        """Count one message's labels (ids) in a space of `size` labels; return the changes."""
        ids = label_ids(labels, size)
        if size > self._tree.labels:
            self._admit(size, ids.tolist())
        table = self.counts.tables[0]
        due = visit(table, self._tree.owners, self._visits, self.counts.messages + 1, ids, self.patience)
        self.counts.add(ids)
        return () if due < 0 else self._look(due)

    def learn_named(self, labels: list[int] | Ids, space: LabelSpace) -> tuple[Change, ...]:
        """Count one message's labels and return the changes by the names of a label space."""
        changes = self.learn(labels, len(space))
        if not changes:
            # As of most messages.
            return ()
        return tuple(
            Change(each.kind, str(each.cluster), each.statistic, each.threshold, space.names(each.labels))
            for each in changes
        )

    def forget(self, labels: Ids) -> None:
        """Move labels to the cluster of those without counts, as which they go on; see `Learner.forget`."""
        labels = labels[labels < self._tree.labels]
        self.counts.forget(labels)
        for label in labels.tolist():
            own = int(self._tree.owners[label])
            if own != self._open:
                self._move(label, own, self._open_cluster())
                if self._tree.sizes[own] == 0:
                    self._tree.remove(own)

    def _admit(self, size: int, companions: list[int]) -> None:
        """Assign every new label to a cluster: that of a companion, if it has room."""
        first = self._tree.labels
        self._tree.reserve(size)
        self.counts.reserve(size)
        near = [int(self._tree.owners[label]) for label in companions if label < first]
        came = [label for label in companions if label >= first]
        for label in came:
            roomy = next(filter(self._room, near), None)
            self._tree.put(label, self._open_cluster() if roomy is None else roomy)
        rest = np.setdiff1d(np.arange(first, size), came).tolist()
        while rest:
            cluster = self._open_cluster()
            room = self._room(cluster)
            self._tree.fill(rest[:room], cluster)
            rest = rest[room:]

    def _open_cluster(self) -> int:
        """Return the cluster for labels that have no counts yet."""
        if self._open not in self._tree or not self._room(self._open):
            self._open = self._add_leaf(self._tree.shallow_leaf())
        return self._open

    def _room(self, cluster: int) -> int:
        return self.largest - int(self._tree.sizes[cluster])

    def _look(self, cluster: int) -> tuple[Regrouping, ...]:
        """Split, merge or move labels: the first of these for which there is enough evidence."""
        self._looks += 1
        self._visits[cluster, 0] = 0
        self._visits[cluster, 2] = min(2 * self._visits[cluster, 2], LONGEST_WAIT * self.patience)
        labels = np.array(self._tree.members(cluster), dtype=np.intp)
        known = self._known(labels)
        split = self._try_split(cluster, labels, known)
        if split:
            return split
        nearest, best, there = nearest_clusters(
            *self.counts.tables, labels, self._tree.owners, self._tree.sizes, self.largest, self._scratch
        )
        merge = self._try_absorb(cluster, labels, nearest)
        return merge or self._try_moves(cluster, labels, known, best, there)

    def _least(self, choices: float = 1.0) -> float:
        """Return the evidence, in nats, that a decision needs: all looks and choices share one budget."""
        # The sum of 1 / (n (1 + log n)^2) is below 2: this bounds the wrong decisions over all time.
        looks = math.log(self._looks)
        return math.log(choices / self.delta) + looks + 2.0 * math.log(1.0 + looks)

    def _known(self, labels: Ids) -> tuple[Floats, Floats, Floats]:
        """Return the similarities among some labels, their sample sizes and their frequencies."""
        return self.counts.among(labels), self.counts.samples(labels), self.counts.frequencies(labels)

    def _outside(self, labels: Ids, other: int) -> Floats:
        return companions_outside(*self.counts.tables, labels, self._tree.owners, other)

    def _try_split(
        self, cluster: int, labels: Ids, known: tuple[Floats, Floats, Floats]
    ) -> tuple[Regrouping, ...]:
        if len(labels) < 2:
            return ()
        outside = self._outside(labels, cluster)
        part, why = division(*known, outside, self.linkage, self._least())
        found = []
        for number, (statistic, threshold) in enumerate(why[1:].tolist(), 1):
            new, leave = self._add_leaf(cluster), labels[part == number].tolist()
            for label in leave:
                self._move(label, cluster, new)
            found.append(Regrouping("split", cluster, statistic, threshold, leave))
        return tuple(found)

    def _try_absorb(self, cluster: int, labels: Ids, other: int) -> tuple[Regrouping, ...]:
        if other < 0:
            return ()
        members = self._tree.members(other)
        both = np.concatenate([labels, np.array(members, dtype=np.intp)])
        outside = np.concatenate([self._outside(labels, other), self._outside(both[len(labels) :], cluster)])
        sides = np.arange(len(labels)), np.arange(len(labels), len(both))
        between, asked, _, more = comparison(*self._known(both), outside, *sides, self.linkage)
        if more < self._least(len(self._tree)):
            return ()
        for label in labels.tolist():
            self._move(label, cluster, other)
        self._tree.remove(cluster)
        return (Regrouping("merge", cluster, between, HYSTERESIS * asked, labels.tolist()),)

    def _try_moves(
        self, cluster: int, labels: Ids, known: tuple[Floats, Floats, Floats], best: Ids, there: Floats
    ) -> tuple[Regrouping, ...]:
        """Move the labels that are significantly more similar to another cluster than to their own."""
        alike, counts, frequency = known
        home, chance, changes = alike.sum(axis=1) / len(labels), frequency / (2.0 - frequency), []
        least = self._least(len(labels) * len(self._tree))
        for n in np.flatnonzero(there > np.maximum(MOVE_RATIO * home, HYSTERESIS * ALIKE)).tolist():
            sure = difference(counts[n], there[n], chance[n], counts[n], home[n], chance[n], 1.0)
            other = int(best[n])
            if sure >= least and self._room(other):
                self._move(label := int(labels[n]), cluster, other)
                compared = float(there[n]), MOVE_RATIO * float(home[n])
                changes.append(Regrouping("move", cluster, *compared, [label]))
        if self._tree.sizes[cluster] == 0:
            self._tree.remove(cluster)
        return tuple(changes)

    def _move(self, label: int, cluster: int, other: int) -> None:
        self._tree.move(label, other)
        for changed in (cluster, other):
            wait = min(self.patience, FIRST_WAIT * int(self._tree.sizes[changed]))
            self._visits[changed, 0], self._visits[changed, 2] = 0, wait

    def _add_leaf(self, sibling: int) -> int:
        """Return a new, empty cluster beside another."""
        leaf = self._tree.add_leaf(sibling)
        self._make_room()
        self._visits[leaf, 0], self._visits[leaf, 2] = 0, self.patience
        return leaf

    def _make_room(self) -> None:
        self._visits = grown(self._visits, self._tree.ids)
        self._scratch = grown(self._scratch, 2, self._tree.ids)

    # State ------------------------------------------------------------------------------------------

    def state(self) -> State:
        """Return counts and tree; see `Learner.state`."""
        # The last message counted for each cluster is left out: it does not affect later messages.
        return super().state() | {"visits": self._visits[: self._tree.ids, ::2]}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        super().load_state(state)
        self._visits, self._scratch = np.zeros((1, 3), dtype=np.int64), np.zeros((2, 1))
        self._make_room()
        self._visits[: self._tree.ids, ::2] = state["visits"]
