"""A growing forest of label paths: `topics/energy/crude` lies under `topics/energy` under `topics`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from drift.core import Counts, Ids, State, Values, fields
from learners.core import STAYS, LabelSpace, Targets, TaxonomyError
from learners.hierarchy.paths import NONE, Shape, join_path, split_path


class LabelForest(LabelSpace):
    """A label space whose names are paths; naming a path adds it and its missing ancestors.

    No label leaves before those below it, and none that an operation named.

    Examples
    --------
    >>> forest = LabelForest(["topics/energy/crude", "topics/grain"])
    >>> forest.names()
    ['topics', 'topics/energy', 'topics/energy/crude', 'topics/grain']
    >>> forest.ancestors(2), forest.children(0)
    ([2, 1, 0], [1, 3])
    """

    state_fields = fields(Values("_parents", "_children", "_means", "_retired", "_ids", "_operated"))

    def __init__(self, names: Iterable[str] = (), limit: int | None = None) -> None:
        self._parents: list[int] = []
        self._children: list[list[int]] = []
        # What a label counts as: itself, the label it was merged into or (retired) its parent.
        self._means: list[int] = []
        self._retired: list[bool] = []
        self._operated: list[int] = []  # Labels that operations named.
        self._shape: Shape | None = None
        super().__init__(names, limit)

    # What messages say --------------------------------------------------------------------------------

    def _id(self, name: str) -> int:
        """Return the id of a path, adding it if it is new; empty names between separators are left out."""
        label, below = self._known(name)
        for last in below:
            parent, open_ = self._follow(label)
            if not open_:
                return label
            path = join_path(self._path(parent), last)
            # Not stored under an old name: the path may get a label of its own, and names must not add up.
            found = self._ids.get(path)
            label = self._add(parent, path) if found is None else found
        return label

    def _known(self, path: str) -> tuple[int, list[str]]:
        """Return the label of the longest known beginning of a path, -1 for none, and the names below it."""
        below: list[str] = []
        while path not in self._ids:
            path, last = split_path(path)
            below.append(last)
            if not path:
                return NONE, below[::-1]
        return self._ids[path], below[::-1]

    def present_name(self, name: str) -> str:
        """Return the present path of the label that a path stands for; that of a new label is its own."""
        return self._present(name)[0] or name

    def _present(self, name: str) -> tuple[str, bool]:
        """Return a present path, and whether it may have children: no label on the way was retired."""
        known, below = self._known(name)
        label, open_ = self._follow(known)
        path = self._path(label)
        for last in below if open_ else ():
            path = join_path(path, last)
            if path in self._ids:
                label, open_ = self._follow(self._ids[path])
                path = self._path(label)
            if not open_:
                break
        return path, open_

    def _resolved(self, names: Iterable[str]) -> Ids:
        """Return the ids of the live labels that paths stand for, ascending, each once."""
        return _sorted({self.resolve(self._id(name)) for name in names} - {NONE})

    def closed(self, targets: Targets) -> Targets:
        """Return what a message states of its labels and, through the tree, of others; idempotent.

        Ancestors of its labels are positive. Descendants of its most specific labels are unknown, as the
        message does not name them. A known negative makes its descendants negative.
        """
        shape = self.shape()
        if targets.complete and len(shape.levels) < 2 and shape.live.all():
            # Of live roots a message states what it names, and nothing else follows.
            return targets
        given = {self.resolve(label) for label in targets.positive.tolist()} - {NONE}
        positive = {ancestor for label in given for ancestor in self.ancestors(label)}
        if targets.negative is not None:
            refused = {self.resolve(label) for label in targets.negative.tolist()} - {NONE}
            return Targets(_sorted(positive), _sorted(self.under(refused) - positive))
        unknown = self.under(self.most_specific(positive)) - positive
        if not unknown:
            return Targets(_sorted(positive))
        rest = shape.live.copy()
        rest[[*positive, *unknown]] = False
        return Targets(_sorted(positive), np.flatnonzero(rest))

    # The tree -----------------------------------------------------------------------------------------

    def resolve(self, label: int) -> int:
        """Return the live label that a label counts as: itself unless merged or retired; -1 for none."""
        return self._follow(label)[0]

    def parent(self, label: int) -> int:
        """Return the id of a live label's parent; -1 for a root."""
        return self._parents[label]

    def children(self, label: int) -> list[int]:
        """Return the ids of a label's live children, in the order in which they were added to it."""
        return list(self._children[label])

    def ancestors(self, label: int) -> list[int]:
        """Return the ids of a live label and its ancestors, from the label to its root."""
        line = []
        while label != NONE:
            line.append(label)
            label = self._parents[label]
        return line

    def above(self, label: int) -> Sequence[int]:
        """Return the other live labels that a label implies: its ancestors, nearest first."""
        line = self.ancestors(self.resolve(label))
        return line[1:] if line[:1] == [label] else line

    def most_specific(self, labels: Iterable[int]) -> list[int]:
        """Return those of some live labels, given with their ancestors, that have no child among them."""
        each = set(labels)
        return sorted(each - {self._parents[label] for label in each})

    def under(self, labels: Iterable[int]) -> set[int]:
        """Return live labels and their descendants."""
        pending = list(labels)
        for label in pending:
            pending.extend(self._children[label])
        return set(pending)

    def level(self, label: int) -> int:
        """Return the number of ancestors of a live label."""
        return len(self.ancestors(label)) - 1

    def shape(self) -> Shape:
        """Return the taxonomy as arrays, the same ones until it changes."""
        if self._shape is None:
            live = np.array([means == label for label, means in enumerate(self._means)], dtype=np.bool_)
            levels: list[Ids] = []
            at = [label for label in np.flatnonzero(live).tolist() if self._parents[label] == NONE]
            while at:
                levels.append(_sorted(at))
                at = [child for label in at for child in self._children[label]]
            self._shape = Shape(np.array(self._parents, dtype=np.intp), tuple(levels), live)
        return self._shape

    # Coming and leaving -------------------------------------------------------------------------------

    def _missing(self, names: Iterable[str]) -> set[str]:
        missing: set[str] = set()
        for name in names:
            if name in self._ids:
                continue
            self._check_name(name)
            path = self._present(name)[0]
            while path and path not in self._ids and path not in missing:
                missing.add(path)
                path = split_path(path)[0]
        return missing

    def _check_name(self, name: object) -> None:
        if not isinstance(name, str):
            raise TypeError(f"The name of a label is a path, which is a text. Got {name!r}; make it a text.")

    def _named(self, names: Iterable[str]) -> list[int]:
        above = {split_path(path)[0] for path in self._missing(names)}
        labels = super()._named([*names, *(self._present(name)[0] for name in names), *above])
        return sorted({*labels, *(each for label in labels for each in self.ancestors(self.resolve(label)))})

    def _least_useful(self, worth: Counts) -> Ids:
        shape, depth = self.shape(), np.zeros(len(worth), dtype=np.intp)
        retired = np.flatnonzero(~shape.live).tolist()
        meant = [self._means[label] for label in retired if self._means[label] != NONE]
        worth[[*self._operated, *retired, *meant]] = STAYS
        for level in range(len(shape.levels) - 1, 0, -1):
            below = shape.levels[level]
            depth[below] = level
            np.maximum.at(worth, shape.parents[below], worth[below])
        return np.lexsort((-depth, worth))[: np.count_nonzero(worth < STAYS)]

    def _make_room(self, names: Sequence[str], more: int) -> None:
        super()._make_room(names, more)
        if gone := set(self._leaving):
            self._ids = {
                name: label
                for name, label in self._ids.items()
                if label not in gone or self._names[label] == name
            }

    def _release(self, label: int) -> None:
        super()._release(label)
        self._unlink(label)

    def _add(self, parent: int, path: str) -> int:
        label = self._new(path)
        if label == len(self._parents):
            self._parents.append(NONE)
            self._children.append([])
            self._means.append(label)
            self._retired.append(False)
        else:
            self._children[label], self._means[label], self._retired[label] = [], label, False
        self._link(label, parent)
        return label

    def _link(self, label: int, parent: int) -> None:
        self._parents[label] = parent
        if parent != NONE:
            self._children[parent].append(label)
        self._shape = None

    def _unlink(self, label: int) -> None:
        parent, self._parents[label] = self._parents[label], NONE
        if parent != NONE:
            self._children[parent].remove(label)
        self._shape = None

    def _follow(self, label: int) -> tuple[int, bool]:
        """Return the live label that a label counts as, and whether no label on the way was retired."""
        retired = False
        while label != NONE and self._means[label] != label:
            retired |= self._retired[label]
            label = self._means[label]
        return label, not retired

    def _live(self, path: str) -> int:
        label = self.resolve(self._ids.get(path, NONE))
        if label == NONE:
            raise TaxonomyError(f"There is no label {path!r}. Add it first, or correct the path.")
        return label

    def _path(self, label: int) -> str:
        return "" if label == NONE else self._names[label]

    # State --------------------------------------------------------------------------------------------

    def load_state(self, state: State) -> None:
        """Take over what `state` returned; all that share this taxonomy see it."""
        super().load_state(state)
        self._ids = dict(state["ids"])
        self._shape = None


def _sorted(labels: Iterable[int]) -> Ids:
    return np.array(sorted(labels), dtype=np.intp)
