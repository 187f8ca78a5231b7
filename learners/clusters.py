"""Label clusters: an online divisive-agglomerative tree over labels, after iHOMER and ODAC.

The leaves of the tree are the clusters; every label is in exactly one. A leaf is split when its two sides
are surely less alike than `linkage`, absorbed by another when they surely are more alike, and a single
label moves when it surely fits better elsewhere: "surely" by a Bernstein bound on the effective sample.
Only clusters whose labels occur are looked at again, one a message at the most.
"""

from __future__ import annotations

import heapq
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.base import Change, State
from learners.cooccurrence import Cooccurrence
from learners.growth import grown
from learners.labels import Ids
from learners.parameters import check_number

HYSTERESIS = 1.25
"""How much more alike than `linkage` two sides must be to come together again: no flapping."""


class Likeness(NamedTuple):
    """How alike two groups of labels are, and how sure that is."""

    value: float
    bound: float


class Clusters:
    """A partition of a growing label space into clusters of labels that occur together.

    Similarity is the Jaccard index beyond chance (see `Cooccurrence.similarities`), between groups its mean
    over pairs, weighted by the rarer label's count.

    Parameters
    ----------
    linkage
        Similarity that keeps labels together, in (0, 1). Low values give few, large clusters.
    delta
        Chance of a wrong decision that is accepted each time, in (0, 1). Small values wait longer.
    patience
        Messages that must touch a cluster between two looks at it, at least 1: also the least time a
        change stands. Small values cost time and may flap.
    largest
        Most labels in a cluster, at least 2: bounds the cost of a look.
    half_life
        Messages after which a co-occurrence counts half. Short ones see rare labels as strangers.

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

    def __init__(
        self,
        linkage: float = 0.1,
        delta: float = 1e-3,
        patience: int = 200,
        largest: int = 64,
        half_life: float = 20_000.0,
    ) -> None:
        check_number(self, "linkage", linkage, float, 0, 1, open_low=True)
        check_number(self, "delta", delta, float, 0, 1, open_low=True)
        check_number(self, "patience", patience, int, 1)
        check_number(self, "largest", largest, int, 2)
        self.linkage = linkage
        self.delta = delta
        self.patience = patience
        self.largest = largest
        self.counts = Cooccurrence(half_life)
        self._owner: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._labels = 0
        self._members: dict[int, list[int]] = {0: []}
        self._parent: dict[int, int] = {}
        self._children: dict[int, tuple[int, int]] = {}
        self._touches: dict[int, int] = {0: 0}
        self._open = 0
        self._next = 1
        self._free: list[int] = []

    # Looking ----------------------------------------------------------------------------------------

    def owners(self) -> Ids:
        """Return the cluster of every label, shape (L,)."""
        return self._owner[: self._labels]

    def leaves(self) -> list[int]:
        """Return the ids of all clusters, ascending."""
        return sorted(self._members)

    def members(self, cluster: int) -> list[int]:
        """Return the labels of a cluster, ascending."""
        return list(self._members[cluster])

    def tree(self, node: int | None = None) -> Any:
        """Return the label hierarchy under a node (default: the root) as nested pairs of cluster ids."""
        node = self._root() if node is None else node
        return tuple(self.tree(child) for child in self._children[node]) if node in self._children else node

    # Learning ---------------------------------------------------------------------------------------

    def learn(self, labels: list[int], size: int) -> tuple[Change, ...]:
        """Count one message's labels (ids, each once) in a space of `size` labels; return what changed."""
        self._admit(size, labels)
        self.counts.add(labels)
        due = None
        for cluster in dict.fromkeys(self._owner[labels].tolist()):
            self._touches[cluster] += 1
            if self._touches[cluster] >= self.patience and due is None:
                due = cluster
        return () if due is None else self._look(due)

    def _admit(self, size: int, companions: list[int]) -> None:
        """Give every label that is new a cluster: a companion's where there is room."""
        if size <= self._labels:
            return
        self._owner = grown(self._owner, size)
        known = [label for label in companions if label < self._labels]
        for label in range(self._labels, size):
            near = (int(self._owner[other]) for other in known if label in companions)
            self._put(
                label, next((cluster for cluster in near if self._has_room(cluster)), self._open_cluster())
            )
        self._labels = size

    def _open_cluster(self) -> int:
        if self._open not in self._members or not self._has_room(self._open):
            self._open = self._add_leaf(
                next(iter(self._members)) if self._open not in self._members else self._open
            )
        return self._open

    def _has_room(self, cluster: int) -> bool:
        return len(self._members[cluster]) < self.largest

    def _look(self, cluster: int) -> tuple[Change, ...]:
        """Split, absorb or move: the first that the counts are sure of."""
        self._touches[cluster] = 0
        return self._try_split(cluster) or self._try_absorb(cluster) or self._try_move(cluster)

    def _try_split(self, cluster: int) -> tuple[Change, ...]:
        labels = self._members[cluster]
        if len(labels) < 2:
            return ()
        sides = self._sides(labels)
        between = self._likeness(*sides)
        if between.value + between.bound >= self.linkage:
            return ()
        self._split(cluster, sides)
        return (Change("split", str(cluster), between.value, self.linkage - between.bound),)

    def _sides(self, labels: list[int]) -> tuple[list[int], list[int]]:
        """Divide labels around two pivots: the most frequent, and the frequent one least like it."""
        counts, alike = self.counts.frequencies(labels), self.counts.similarities(labels, labels)
        order = np.argsort(-counts, kind="stable").tolist()
        first = order[0]
        strange = (1.0 - alike[first]) * counts
        strange[first] = -1.0
        second = int(strange.argmax())
        sides = ([first], [second])
        near = [alike[:, first].copy(), alike[:, second].copy()]
        for label in order[1:]:
            if label != second:
                # A label that meets neither side is no evidence for the first: it stays with the rest.
                side = 0 if near[0][label] / len(sides[0]) > near[1][label] / len(sides[1]) else 1
                sides[side].append(label)
                near[side] += alike[:, label]
        return sorted(labels[label] for label in sides[0]), sorted(labels[label] for label in sides[1])

    def _likeness(self, one: list[int], other: list[int]) -> Likeness:
        """Return the weighted mean similarity of two groups, and its Bernstein bound."""
        n, m = self.counts.frequencies(one), self.counts.frequencies(other)
        weights = np.minimum(n[:, None], m)
        total = float(weights.sum())
        value = float((weights * self.counts.similarities(one, other)).sum()) / total if total else 0.0
        a, b = one[int(n.argmax())], other[int(m.argmax())]
        sample = float(n.max() + m.max()) - self.counts.together(a, b)
        if sample <= 0.0:
            return Likeness(value, 1.0)
        log = math.log(1.0 / self.delta) / sample
        return Likeness(value, math.sqrt(2.0 * value * (1.0 - value) * log) + 3.0 * log)

    def _try_absorb(self, cluster: int) -> tuple[Change, ...]:
        labels = self._members[cluster]
        if not labels:
            return ()
        pivot = max(labels, key=self.counts.count)
        other = self._nearest_cluster(pivot, cluster)
        if other is None or len(labels) + len(self._members[other]) > self.largest:
            return ()
        likeness = self._likeness(labels, self._members[other])
        if likeness.value - likeness.bound <= HYSTERESIS * self.linkage:
            return ()
        self._absorb(cluster, other)
        return (Change("merge", str(cluster), likeness.value, HYSTERESIS * self.linkage + likeness.bound),)

    def _try_move(self, cluster: int) -> tuple[Change, ...]:
        labels = self._members[cluster]
        if len(labels) < 3:
            return ()
        alike = self.counts.similarities(labels, labels)
        np.fill_diagonal(alike, 0.0)
        label = labels[int(alike.sum(axis=1).argmin())]
        home = self._likeness([label], [other for other in labels if other != label])
        other = self._nearest_cluster(label, cluster)
        if other is None or not self._has_room(other):
            return ()
        there = self._likeness([label], self._members[other])
        threshold = max(home.value + home.bound, HYSTERESIS * self.linkage)
        if there.value - there.bound <= threshold:
            return ()
        self._members[cluster].remove(label)
        self._put(label, other)
        return (Change("move", str(label), there.value, threshold + there.bound),)

    def _nearest_cluster(self, label: int, own: int) -> int | None:
        """Return the other cluster that a label meets most, or None."""
        meets: dict[int, float] = {}
        for other, weight in self.counts.partners(label).items():
            cluster = int(self._owner[other])
            meets[cluster] = meets.get(cluster, 0.0) + weight
        meets.pop(own, None)
        return min(meets, key=lambda cluster: (-meets[cluster], cluster), default=None)

    # The tree ---------------------------------------------------------------------------------------

    def _put(self, label: int, cluster: int) -> None:
        self._owner[label] = cluster
        self._members[cluster].append(label)
        self._members[cluster].sort()

    def _split(self, cluster: int, sides: tuple[list[int], list[int]]) -> None:
        """Replace a leaf by two: the side with more labels keeps the id."""
        kept, leaving = sorted(sides, key=len, reverse=True)
        new = self._add_leaf(cluster)
        self._members[cluster] = kept
        self._members[new] = leaving
        self._owner[leaving] = new

    def _add_leaf(self, sibling: int) -> int:
        """Hang a new, empty leaf beside another, under a new inner node."""
        inner, leaf = self._new_id(), self._new_id()
        self._replace(sibling, inner)
        self._children[inner] = (sibling, leaf)
        self._parent[sibling] = self._parent[leaf] = inner
        self._members[leaf] = []
        self._touches[leaf] = 0
        return leaf

    def _new_id(self) -> int:
        # Ids of what is gone come again, so that whoever keeps a row per id stays small.
        if self._free:
            return heapq.heappop(self._free)
        self._next += 1
        return self._next - 1

    def _absorb(self, cluster: int, into: int) -> None:
        """Move all labels of a leaf to another, and take the leaf off the tree."""
        for label in self._members.pop(cluster):
            self._put(label, into)
        del self._touches[cluster]
        inner = self._parent.pop(cluster)
        sibling = next(child for child in self._children.pop(inner) if child != cluster)
        self._replace(inner, sibling)
        heapq.heappush(self._free, cluster)
        heapq.heappush(self._free, inner)

    def _replace(self, node: int, by: int) -> None:
        """Put a node where another hangs."""
        parent = self._parent.pop(node, None)
        if parent is None:
            self._parent.pop(by, None)
            return
        first, second = self._children[parent]
        self._children[parent] = (by, second) if first == node else (first, by)
        self._parent[by] = parent

    def _root(self) -> int:
        node = next(iter(self._members))
        while node in self._parent:
            node = self._parent[node]
        return node

    # State ------------------------------------------------------------------------------------------

    def state(self) -> State:
        """Return counts and tree; see `Learner.state`."""
        return {
            "counts": self.counts.state(),
            "owner": self.owners(),
            "leaves": np.array([(leaf, self._touches[leaf]) for leaf in self._members], dtype=np.intp),
            "inner": np.array(
                [(node, *pair) for node, pair in self._children.items()], dtype=np.intp
            ).reshape(-1, 3),
            "open": self._open,
            "next": self._next,
            "free": sorted(self._free),
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self.counts.load_state(state["counts"])
        self._owner = np.array(state["owner"], dtype=np.intp)
        self._labels = len(self._owner)
        self._touches = dict(state["leaves"].tolist())
        self._members = {leaf: np.flatnonzero(self._owner == leaf).tolist() for leaf in self._touches}
        self._children = {node: (first, second) for node, first, second in state["inner"].tolist()}
        self._parent = {child: node for node, pair in self._children.items() for child in pair}
        self._open, self._next = state["open"], state["next"]
        self._free = list(state["free"])
