"""Operations on a taxonomy, in plain values, and the error for those it does not allow."""

from __future__ import annotations

from typing import NamedTuple

OPERATIONS = ("add", "split", "move", "merge", "retire", "rename")
"""Kinds of operations; each is the name of a method of `Taxonomy`."""


class TaxonomyError(ValueError):
    """An operation that the taxonomy does not allow in its present state; names it and the next step."""


class Operation(NamedTuple):
    """One change of a taxonomy, in plain values.

    Parameters
    ----------
    kind
        One of `OPERATIONS`.
    label
        Path of the label to change.
    to
        Target: names of the new children (split), path of the new parent (move; none makes it a root), path
        of the label that absorbs it (merge), new last name (rename); empty for the others.
    """

    kind: str
    label: str
    to: tuple[str, ...] = ()
