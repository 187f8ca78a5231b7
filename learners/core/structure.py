"""A learner's structure: its label clusters as they are, and what it changes in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from drift.core import Ids


@dataclasses.dataclass(frozen=True)
class Change:
    """One change of a learner's structure, made while it learned from the last message.

    Parameters
    ----------
    kind
        What happened: "split", "merge" or "move" (label clusters), "swap" (an alternate took over).
    subject
        The cluster or label it happened to, by name.
    statistic, threshold
        The figure that decided and what it was compared with.
    """

    kind: str
    subject: str
    statistic: float
    threshold: float


class Structure(NamedTuple):
    """The label clusters as they are now.

    Parameters
    ----------
    owners
        Id of each label's cluster, shape (L,); labels that were never learned may be missing at the end.
    splits
        The tree above the clusters: each inner node's id and those of its two children.
    """

    owners: Ids
    splits: Sequence[tuple[int, int, int]]
