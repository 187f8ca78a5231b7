"""Paths that name labels of a taxonomy, and the taxonomy as arrays."""

from __future__ import annotations

from typing import NamedTuple

from drift.core import Ids, Mask
from learners.core import TaxonomyError

SEPARATOR = "/"
UNNAMED = "(unnamed)"
"""Name of the label that a path of nothing but separators stands for."""
NONE = -1
"""Id that stands for no label: the parent of a root, and what a retired root counts as."""


class Shape(NamedTuple):
    """A taxonomy as arrays, for work on all labels at once.

    Parameters
    ----------
    parents
        Id of each label's parent; -1 for roots and for merged or retired labels. Shape (L,).
    levels
        Ids of the live labels of each level, roots first.
    live
        Which labels are neither merged nor retired. Shape (L,).
    """

    parents: Ids
    levels: tuple[Ids, ...]
    live: Mask

    def reached(self, labels: Ids, chosen: Mask) -> Mask:
        """Return which of some live labels are roots or children of a chosen one; `chosen` has shape (L,)."""
        parents = self.parents[labels]
        reached: Mask = (parents == NONE) | chosen[parents]
        return reached


def split_path(path: str) -> tuple[str, str]:
    """Return the parent path and the last name of a path; empty names are skipped.

    Examples
    --------
    >>> split_path("topics//energy/crude"), split_path("/")
    (('topics/energy', 'crude'), ('', '(unnamed)'))
    """
    *above, last = names_in(path)
    return SEPARATOR.join(above), last


def names_in(path: str) -> list[str]:
    """Return the names that a path consists of, at least one; empty ones are skipped."""
    return [name for name in path.split(SEPARATOR) if name] or [UNNAMED]


def checked_name(name: str) -> str:
    """Return the last name of a path, after checking it."""
    if not name or SEPARATOR in name:
        raise TaxonomyError(f"A label's last name must have a character and no {SEPARATOR!r}. Got {name!r}.")
    return name


def join_path(path: str, name: str) -> str:
    """Return the path of a name under a path; under the empty path, the name itself."""
    return path + SEPARATOR + name if path else name
