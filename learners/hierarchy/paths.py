"""Paths that name labels of a taxonomy, and the taxonomy as arrays."""

from __future__ import annotations

from typing import NamedTuple

from drift.core import Ids, Mask
from learners.core import TaxonomyError

SEPARATOR = "/"
UNNAMED = "(unnamed)"
"""The label that a path of nothing but separators names."""
NONE = -1
"""Stands for no label: the parent of a root, what a retired root counts for."""


class Shape(NamedTuple):
    """A taxonomy as arrays, for work on all labels at once.

    Parameters
    ----------
    parents
        Id of each label's parent; -1 for roots and for labels that are gone. Shape (L,).
    levels
        Ids of the live labels of each level, roots first.
    live
        Which labels are neither merged nor retired. Shape (L,).
    """

    parents: Ids
    levels: tuple[Ids, ...]
    live: Mask

    def reached(self, labels: Ids, chosen: Mask) -> Mask:
        """Return which of some live labels are roots or lie right under a chosen one, given as shape (L,)."""
        parents = self.parents[labels]
        reached: Mask = (parents == NONE) | chosen[parents]
        return reached


def split_path(path: str) -> tuple[str, str]:
    """Return the path above a path's last name, and that name; empty names are skipped.

    Examples
    --------
    >>> split_path("topics//energy/crude"), split_path("/")
    (('topics/energy', 'crude'), ('', '(unnamed)'))
    """
    *above, last = [name for name in path.split(SEPARATOR) if name] or [UNNAMED]
    return SEPARATOR.join(above), last


def checked_name(name: str) -> str:
    """Return the last name of a path, refused where it is none."""
    if not name or SEPARATOR in name:
        raise TaxonomyError(f"A label's last name must have a character and no {SEPARATOR!r}. Got {name!r}.")
    return name


def join_path(path: str, name: str) -> str:
    """Return the path of a name under a path; under the empty one it is the name."""
    return path + SEPARATOR + name if path else name
