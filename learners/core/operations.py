"""What can be done to a taxonomy: one operation, in plain values, and its refusal."""

from __future__ import annotations

from typing import NamedTuple

OPERATIONS = ("add", "split", "move", "merge", "retire", "rename")
"""Kinds of operations; see the methods of `Taxonomy` that are called so."""


class TaxonomyError(ValueError):
    """An operation that the taxonomy as it is does not allow: says what was asked and the next step."""


class Operation(NamedTuple):
    """One change of a taxonomy, in plain values.

    Parameters
    ----------
    kind
        One of `OPERATIONS`.
    label
        Path of the label that it changes.
    to
        What it becomes: names of the new children (split), path of the new parent (move; none makes it a
        root), path of the label that takes it in (merge), its new last name (rename); empty for the others.
    """

    kind: str
    label: str
    to: tuple[str, ...] = ()
