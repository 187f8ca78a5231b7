"""The labels of one message, and of many, by their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drift.core import Ids, Mask, compiled

FEW = 64
"""Most labels that are inserted one by one into the best: sorting all scores costs less for more."""


class Targets(NamedTuple):
    """The labels of one message, as ids of a `LabelSpace`.

    Parameters
    ----------
    positive
        Ids of the labels the message carries, ascending, each once. Shape (k,).
    negative
        Ids of the labels it is known not to carry; None (the default) means every other label (implicit
        negatives). With an array, the rest are *unknown* and no learner may count them as negatives.

    Examples
    --------
    >>> import numpy as np
    >>> Targets(np.array([0, 2])).complete
    True
    """

    positive: Ids
    negative: Ids | None = None

    @property
    def complete(self) -> bool:
        """Whether every label that is not positive is negative."""
        return self.negative is None

    def among(self, labels: Ids | None) -> Targets:
        """Return the targets of some labels (ascending), as places among them; None stands for all."""
        if labels is None:
            return self
        negative = None if self.negative is None else places_among(self.negative, labels)
        return Targets(places_among(self.positive, labels), negative)

    def without(self, labels: Ids) -> Targets:
        """Return the targets with some labels struck out of what is known.

        Examples
        --------
        >>> import numpy as np
        >>> Targets(np.array([0, 2]), np.array([1])).without(np.array([1, 2]))
        Targets(positive=array([0]), negative=array([], dtype=int64))
        """
        negative = None if self.negative is None else np.setdiff1d(self.negative, labels)
        return Targets(np.setdiff1d(self.positive, labels), negative)

    def dense(self, size: int) -> Mask:
        """Return the positives as a mask of shape (size,)."""
        mask = np.zeros(size, dtype=np.bool_)
        mask[self.positive] = True
        return mask

    def unknown(self, size: int) -> Mask:
        """Return a mask of shape (size,): True for labels that are neither positive nor negative."""
        if self.negative is None:
            return np.zeros(size, dtype=np.bool_)
        mask = np.ones(size, dtype=np.bool_)
        mask[self.positive] = mask[self.negative] = False
        return mask


@compiled
def places_among(ids: Ids, labels: Ids) -> Ids:
    """Return where ids are among labels, which ascend; those that are not are left out.

    Examples
    --------
    >>> import numpy as np
    >>> places_among(np.array([7, 1, 4]), np.array([1, 2, 7]))
    array([2, 0])
    """
    found, size = np.empty(len(ids), dtype=np.intp), 0
    for label in ids:
        place = np.searchsorted(labels, label)
        if place < len(labels) and labels[place] == label:
            found[size] = place
            size += 1
    return found[:size]


def packed(targets: Sequence[Targets]) -> dict[str, Any]:
    """Pack the targets of many messages into a few arrays.

    Examples
    --------
    >>> some = [Targets(np.array([0, 2])), Targets(np.array([1]), np.array([0]))]
    >>> [each.complete for each in unpacked(packed(some))]
    [True, False]
    """
    nothing = np.zeros(0, dtype=np.intp)
    negative = [nothing if each.negative is None else each.negative for each in targets]
    return {
        "positive": _ragged([each.positive for each in targets]),
        "negative": _ragged(negative),
        "complete": np.array([each.complete for each in targets], dtype=np.bool_),
    }


def unpacked(state: Mapping[str, Any]) -> list[Targets]:
    """Return the targets that were given to `packed`."""
    saved = zip(_rows(state["positive"]), _rows(state["negative"]), state["complete"].tolist(), strict=True)
    return [Targets(positive, None if complete else negative) for positive, negative, complete in saved]


def _ragged(rows: Sequence[Ids]) -> dict[str, Ids]:
    ends = np.cumsum([len(row) for row in rows], dtype=np.intp)
    return {"ids": np.concatenate([*rows, np.zeros(0, dtype=np.intp)]), "ends": ends}


def _rows(ragged: Mapping[str, Ids]) -> list[Ids]:
    return np.split(ragged["ids"], ragged["ends"][:-1]) if len(ragged["ends"]) else []


def best_labels(scores: NDArray[np.floating[Any]], k: int) -> Ids:
    """Return the ids of the k best scores (or of all), best first, ties by id.

    Examples
    --------
    >>> import numpy as np
    >>> best_labels(np.array([0.1, 0.5, 0.9, 0.5, 0.5]), 3)
    array([2, 1, 3])
    """
    if k > FEW:
        return np.argsort(-scores, kind="stable")[:k]
    best = np.empty(min(k, len(scores)), dtype=np.intp)
    _insert_best(scores, best)
    return best


@compiled
def _insert_best(scores: NDArray[np.floating[Any]], best: Ids) -> None:
    size = 0
    for label in range(len(scores)):
        if size < len(best):
            size += 1
        elif not (size and scores[label] > scores[best[size - 1]]):
            continue
        place = size - 1
        while place > 0 and scores[label] > scores[best[place - 1]]:
            best[place] = best[place - 1]
            place -= 1
        best[place] = label


@compiled
def in_both(one: Ids, other: Ids) -> int:
    """Return how many ids two ascending arrays have in common.

    Examples
    --------
    >>> import numpy as np
    >>> in_both(np.array([0, 2, 5]), np.array([2, 3, 5]))
    2
    """
    place = common = 0
    for label in one:
        while place < len(other) and other[place] < label:
            place += 1
        common += place < len(other) and other[place] == label
    return common
