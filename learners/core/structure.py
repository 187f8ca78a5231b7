"""A learner's structure: its present label clusters, and the changes that it makes to them."""

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
        Kind of change: "split", "merge" or "move" (label clusters), "swap" (an alternate tree took over).
    subject
        The cluster that changed, or that its labels left, by name.
    statistic, threshold
        The statistic that decided the change, and its threshold.
    labels
        Names of the labels that moved to another cluster.
    """

    kind: str
    subject: str
    statistic: float
    threshold: float
    labels: Sequence[str] = ()


class Structure(NamedTuple):
    """The present label clusters.

    Parameters
    ----------
    owners
        Id of each label's cluster, shape (L,); labels that were never learned may be missing at the end.
    splits
        The tree above the clusters: the id of each inner node, and those of its two children.
    """

    owners: Ids
    splits: Sequence[tuple[int, int, int]]
