"""Label names and their ids: labels appear at any message and, beyond a limit, leave again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from drift.core import Arrays, Counts, Ids, Mask, State, Stateful, Values, fields, grown
from learners.core.labels import Targets

MAX_LABELS = 10_000
"""Default of the most labels that a learner holds."""
REMEMBERED = 1_000_000
"""Most labels remembered after they have left; of one that is forgotten nothing is known any more."""
STAYS = np.iinfo(np.int64).max
"""Usefulness of a label that must not leave."""

Kept = TypeVar("Kept")


class FullError(ValueError):
    """More labels are named, with those that must stay, than can be held; nothing has changed."""


class LabelSpace(Stateful):
    """A two-way table of label names and ids, ids in order of first appearance.

    A new label costs O(1) amortised. Without a limit, ids are stable and never reused. With one, a label
    beyond it takes the id of the least useful one, which leaves: whoever keeps anything by id is told, and
    forgets it. A label that has left *rests*: its count is kept, and when it is named again it returns as
    known, under another id. The more messages carried a label, and the more recently, the more useful it is:
    each doubling of its count keeps it for `limit` messages longer. A label of the present message stays.

    Parameters
    ----------
    names
        Labels known from the start.
    limit
        Most labels held, at least 1; None (the default) for any number. Too few, and labels leave before they
        are learned.

    Attributes
    ----------
    followers
        Called with the ids of labels that are about to leave, ascending, while they still have their names.
    admitted
        Labels admitted so far, those that returned included.
    born, returned
        Names of the labels that the last message named for the first time, and ids of those that returned.

    Examples
    --------
    >>> space = LabelSpace()
    >>> space.ids(["grain", "wheat", "grain"])
    array([0, 1])
    >>> space.name(1), len(space), "corn" in space
    ('wheat', 2, False)

    >>> space = LabelSpace(limit=2)
    >>> for labels in (["grain"], ["grain", "wheat"], ["corn"], ["wheat"]):
    ...     targets = space.targets(labels)
    >>> space.names(), space.resting, space.left, space.returned, space.count(1)
    (['grain', 'wheat'], 1, 2, [1], 2)
    """

    state_fields = fields(Values("_names", "admitted", "_clock"), Arrays("_records", cut="_size"))

    def __init__(self, names: Iterable[str] = (), limit: int | None = None) -> None:
        self.limit = limit
        self.followers: list[Callable[[Ids], None]] = []
        self.admitted = 0
        self.born: list[str] = []
        self.returned: list[int] = []
        self._names: list[str] = []
        self._ids: dict[str, int] = {}
        # By label: messages that carried it, the last of them, and `admitted` after its admission.
        self._records: NDArray[np.int64] = np.zeros((0, 3), dtype=np.int64)
        self._size = 0
        self._clock = 0
        self._leaving: list[int] = []
        self._resting: dict[str, tuple[int, int]] = {}
        self.ids(names)

    def __len__(self) -> int:
        """Return how many labels are held."""
        return len(self._names)

    def __contains__(self, name: str) -> bool:
        """Return whether a label is held."""
        return name in self._ids

    @property
    def left(self) -> int:
        """Labels that have left so far, each as often as it did."""
        return self.admitted - len(self)

    @property
    def resting(self) -> int:
        """Labels that have left and are remembered; at most `REMEMBERED`, those that left last."""
        return len(self._resting)

    def count(self, label: int) -> int:
        """Return the number of messages that carried a label, those before it left included."""
        return int(self._records[label, 0])

    def still(self, labels: Ids, admitted: int) -> Mask:
        """Return which ids stand for the same label as when `admitted` had this value; shape (k,)."""
        same: Mask = self._records[labels, 2] <= admitted
        return same

    def id(self, name: str) -> int:
        """Return the id of a label; a new label gets the next one, or that of a label that leaves."""
        found = self._ids.get(name)
        if found is not None:
            return found
        self._make_room([name], len(self._missing([name])))
        return self._id(name)

    def ids(self, names: Iterable[str]) -> Ids:
        """Return the ids of labels, ascending, each once; new labels get the next ids, in order."""
        named = list(names)
        self._make_room(named, len(self._missing(named)))
        return self._resolved(named)

    def targets(self, labels: Iterable[str], negative: Iterable[str] | None = None) -> Targets:
        """Return the targets of a message, and count its labels. One named both ways counts as positive.

        Raises
        ------
        FullError
            When the message names more labels than can be held; nothing has changed then.
        TypeError
            When a new label's name is no text, number or truth value; nothing has changed then.
        """
        named, absent = list(labels), None if negative is None else list(negative)
        all_named = [*named, *(absent or ())]
        self._make_room(all_named, len(self._missing(all_named)))
        positive = self._resolved(named)
        targets = self.closed(Targets(positive, None if absent is None else self._resolved(absent)))
        self._clock += 1
        self._records[targets.positive, 0] += 1
        self._records[targets.positive, 1] = self._clock
        return targets

    def check_room(self, names: Sequence[str]) -> None:
        """Raise the error that names would raise in `targets`."""
        self._leavers(names, len(self._missing(names)))

    def closed(self, targets: Targets) -> Targets:
        """Return what targets imply: nothing more, where labels are flat."""
        if targets.negative is None:
            return targets
        return Targets(targets.positive, np.setdiff1d(targets.negative, targets.positive, assume_unique=True))

    def name(self, label: int) -> str:
        """Return the name of a label id."""
        return self._names[label]

    def names(self, labels: Iterable[int] | None = None) -> list[str]:
        """Return the names of some label ids, or of all in order of id."""
        if labels is None:
            return list(self._names)
        # A list is read faster than an array, which makes an object of each element.
        ids = labels.tolist() if isinstance(labels, np.ndarray) else labels
        return [self._names[label] for label in ids]

    def present_name(self, name: str) -> str:
        """Return what a label is called now, whatever a message calls it, without adding it."""
        return name

    def above(self, label: int) -> Sequence[int]:
        """Return the labels that all messages with a label carry too: none where labels are flat."""
        del label
        return ()

    # Coming and leaving -------------------------------------------------------------------------------

    def _id(self, name: str) -> int:
        """Return the id of a label for which there is room."""
        found = self._ids.get(name)
        return self._new(name) if found is None else found

    def _resolved(self, names: Iterable[str]) -> Ids:
        return np.array(sorted({self._id(name) for name in names}), dtype=np.intp)

    def _make_room(self, names: Sequence[str], more: int) -> None:
        """Let as many labels leave as `more` will be too many, and none of those that are named."""
        self.born, self.returned, self._leaving = [], [], []
        leaving = self._leavers(names, more)
        if len(leaving):
            for follower in self.followers:
                follower(np.sort(leaving))
        self._leaving = leaving.tolist()

    def _leavers(self, names: Sequence[str], more: int) -> Ids:
        """Return the labels that leave where some are named, `more` of them new; see `_make_room`."""
        if self.limit is None or len(self) + more <= self.limit:
            return np.zeros(0, dtype=np.intp)
        count = len(self) + more - self.limit
        worth = self._worth(self.limit)
        worth[self._named(names)] = STAYS
        leaving = self._least_useful(worth)[:count]
        if len(leaving) < count:
            raise FullError(
                f"A record names {len(names):,} labels, which with those that must stay are more than the "
                f"{self.limit:,} that max_labels allows. Raise it, or name fewer at once."
            )
        return leaving

    def _missing(self, names: Sequence[str]) -> set[str]:
        """Return the names, at most, that must be added so that all of some have an id."""
        missing = {name for name in names if name not in self._ids}
        for name in names if missing else ():
            self._check_name(name)
        return missing

    def _check_name(self, name: object) -> None:
        """Raise TypeError for a name that a state could not hold."""
        if not isinstance(name, str | int | float | np.bool_ | np.integer | np.floating) or name != name:
            raise TypeError(
                f"The name of a label is a text, or a number or truth value. Got {name!r}; make it a text."
            )

    def _named(self, names: Sequence[str]) -> list[int]:
        """Return the labels that a message names, which must not leave."""
        return [self._ids[name] for name in names if name in self._ids]

    def _worth(self, limit: int) -> Counts:
        counts, last = self._records[: len(self), 0], self._records[: len(self), 1]
        # The exponent of a count is an integer on every machine, as its logarithm is not.
        worth: Counts = last + limit * np.frexp(counts.astype(np.float64))[1]
        return worth

    def _least_useful(self, worth: Counts) -> Ids:
        """Return the labels that may leave, in the order in which they do."""
        return np.argsort(worth, kind="stable")[: np.count_nonzero(worth < STAYS)]

    def _new(self, name: str) -> int:
        """Give a name the next id, or that of a label that leaves."""
        # As a state holds it; the two are equal.
        name = name.item() if isinstance(name, np.generic) else name
        if self.limit is not None and self._size >= self.limit:
            label = self._leaving.pop(0)
            self._release(label)
            self._names[label] = name
        else:
            label = self._size
            self._size += 1
            self._names.append(name)
            self._records = grown(self._records, self._size)
        self._ids[name] = label
        self.admitted += 1
        if name in self._resting:
            self.returned.append(label)
        else:
            self.born.append(name)
        self._records[label] = *self._resting.pop(name, (0, self._clock)), self.admitted
        return label

    def _release(self, label: int) -> None:
        """Let a label rest, and its id be another's."""
        name = self._names[label]
        if self._ids.get(name) == label:
            del self._ids[name]
        count, last, _ = self._records[label].tolist()
        remember(self._resting, name, (count, last))

    # State --------------------------------------------------------------------------------------------

    def state(self) -> State:
        """Return the state: names, counts, and those of the labels that rest."""
        counts = np.array(list(self._resting.values()), dtype=np.int64).reshape(-1, 2)
        return super().state() | {"resting": {"names": list(self._resting), "counts": counts}}

    def load_state(self, state: State) -> None:
        """Take over what `state` returned, for all learners that share this space.

        Raises
        ------
        ValueError
            When it holds more labels than the limit; nothing has changed then.
        """
        held = len(state["names"])
        if self.limit is not None and held > self.limit:
            raise ValueError(
                f"The state holds {held:,} labels, and at most {self.limit:,} are held here. "
                f"Make the learner with max_labels={held}, or the label space with limit={held}, or more."
            )
        super().load_state(state)
        self._ids = {name: label for label, name in enumerate(self._names)}
        counts = np.asarray(state["resting"]["counts"]).tolist()
        self._resting = dict(zip(state["resting"]["names"], map(tuple, counts), strict=True))

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Return a new space, without a limit, from `state`."""
        space = cls()
        space.load_state(state)
        return space


def remember(kept: dict[str, Kept], name: str, value: Kept) -> None:
    """Keep a value under a label's name, and no more than `REMEMBERED`, the oldest leaving first."""
    kept[name] = value
    if len(kept) > REMEMBERED:
        # Many at once: each removal of a dictionary's first entry steps over all that were there before.
        for gone in list(islice(kept, REMEMBERED // 8)):
            del kept[gone]
