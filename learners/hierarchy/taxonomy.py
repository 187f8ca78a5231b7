"""A taxonomy: a forest of label paths that people and proposals change."""

from __future__ import annotations

from collections.abc import Iterable

from learners.core import FullError, Operation, TaxonomyError
from learners.hierarchy.label_forest import LabelForest
from learners.hierarchy.paths import NONE, SEPARATOR, checked_name, join_path, names_in, split_path


class Taxonomy(LabelForest):
    """A label space whose names are paths, and the operations that change it.

    A path that was moved, renamed or
    merged still finds its label, so producers need not change on the same day; only `add` gives such a path a
    label of its own. A retired label counts as its parent wherever it, or a descendant, is named, until it is
    added again.

    Examples
    --------
    >>> taxonomy = Taxonomy(["topics/energy/crude", "topics/grain"])
    >>> taxonomy.names()
    ['topics', 'topics/energy', 'topics/energy/crude', 'topics/grain']
    >>> taxonomy.apply(Operation("rename", "topics/energy", ("fuel",)))
    >>> taxonomy.name(2), taxonomy.ids(["topics/energy/crude"])
    ('topics/fuel/crude', array([2]))

    A message that names an inner label leaves its descendants unknown:

    >>> taxonomy.targets(["topics/fuel"])
    Targets(positive=array([0, 1]), negative=array([3]))
    """

    def apply(self, operation: Operation) -> None:
        """Carry out an operation.

        Raises
        ------
        TaxonomyError
            When there is no such operation, or the taxonomy does not allow it; nothing has changed then.
        """
        try:
            self._apply(operation)
        except FullError as error:
            raise TaxonomyError(str(error)) from error

    def _apply(self, operation: Operation) -> None:
        match operation:
            case ("add", label, ()):
                self.add(label)
            case ("split", label, (_, *_) as parts):
                self.split(label, parts)
            case ("move", label, (under,)):
                self.move(label, under)
            case ("move", label, ()):
                self.move(label)
            case ("merge", label, (into,)):
                self.merge(label, into)
            case ("retire", label, ()):
                self.retire(label)
            case ("rename", label, (name,)):
                self.rename(label, name)
            case _:
                raise TaxonomyError(
                    f"There is no operation {operation.kind!r} with {len(operation.to)} values in 'to'. "
                    "Add and retire take none, move at most one, merge and rename one, split some."
                )

    def add(self, path: str) -> int:
        """Make a path and its ancestors live labels; return its id, which stays if it had one."""
        self.check_room([path])
        label = self._added(path)
        self._note_operated(label)
        return label

    def _added(self, path: str) -> int:
        parent = NONE
        for name in names_in(path):
            above = self._path(parent)
            present = join_path(above, name)
            found = self._ids.get(present)
            if found is None or self._names[found] != present:
                self._make_room([above] if above else [], 1)
                found = self._add(parent, present)
            elif self._means[found] != found:
                self._means[found], self._retired[found] = found, False
                self._link(found, parent)
            parent = found
        return parent

    def split(self, label: str, parts: Iterable[str]) -> list[int]:
        """Add children to a label and return their ids; messages that name only it leave them unknown."""
        names = [checked_name(part) for part in parts]
        path = self._path(self._live(label))
        self.check_room([path, *(join_path(path, name) for name in names)])
        return [self.add(join_path(path, name)) for name in names]

    def move(self, label: str, under: str = "") -> None:
        """Move a label and its descendants under another one; with none, make it a root."""
        moved, parent = self._live(label), self._live(under) if under else NONE
        self._place(moved, parent, split_path(self._names[moved])[1])

    def rename(self, label: str, name: str) -> None:
        """Change the last name of a label; its parent stays."""
        renamed = self._live(label)
        self._place(renamed, self._parents[renamed], checked_name(name))

    def merge(self, label: str, into: str) -> None:
        """Let a label count as another one, which takes over its children; children of one name merge too."""
        gone, kept = self._live(label), self._live(into)
        if gone in self.ancestors(kept):
            raise TaxonomyError(
                f"{into!r} is {label!r} or lies under it. Merge the lower into the upper one."
            )
        self._merge(gone, kept)

    def retire(self, label: str) -> None:
        """Let a label and its descendants count as its parent."""
        gone = self._live(label)
        for each in sorted(self.under([gone])):
            self._means[each], self._retired[each] = self._parents[each], True
        self._unlink(gone)
        self._note_operated(gone)
        for each in self.under([gone]):
            self._children[each], self._parents[each] = [], NONE

    def _merge(self, gone: int, kept: int) -> None:
        self._unlink(gone)
        self._note_operated(gone, kept)
        self._means[gone] = kept
        for child in self.children(gone):
            last = split_path(self._names[child])[1]
            twin = self._ids.get(join_path(self._names[kept], last))
            if twin is not None and twin != child and twin in self._children[kept]:
                self._merge(child, twin)
            else:
                self._place(child, kept, last)

    def _place(self, label: int, parent: int, last: str) -> None:
        path = join_path(self._path(parent), last)
        if parent != NONE and label in self.ancestors(parent):
            raise TaxonomyError(
                f"{self._names[parent]!r} is {self._names[label]!r} or lies under it. Move the lower "
                "label out first."
            )
        there = self._ids.get(path, label)
        if there != label and self._names[there] == path and self._means[there] == there:
            raise TaxonomyError(f"There is a label {path!r} already. Merge {self._names[label]!r} into it.")
        self._unlink(label)
        self._link(label, parent)
        self._note_operated(label)
        self._take_along(self._names[label], path)
        # Top down, because a path is derived from its parent's new one.
        pending = [(label, path)]
        for each, name in pending:
            self._names[each] = name
            self._ids[name] = each
            pending.extend(
                (child, join_path(name, split_path(self._names[child])[1])) for child in self._children[each]
            )

    def _take_along(self, before: str, path: str) -> None:
        """Give what was merged or retired below a path the path's new name, too: it goes on to count so."""
        for label, name in enumerate(self._names):
            if self._means[label] == label or not name.startswith(f"{before}{SEPARATOR}"):
                continue
            renamed = f"{path}{name[len(before) :]}"
            if renamed not in self._ids:
                self._names[label] = renamed
                self._ids[renamed] = label

    def _note_operated(self, *labels: int) -> None:
        self._operated = sorted({*self._operated, *labels})
