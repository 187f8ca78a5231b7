"""What `IHOMER` says of itself."""

from __future__ import annotations

import dataclasses

from learners.core import Statistics


@dataclasses.dataclass(frozen=True)
class IHOMERStatistics(Statistics):
    """What `IHOMER.statistics` returns: the common figures, and the shape of the clusters.

    Parameters
    ----------
    clusters
        How many label clusters there are.
    largest_cluster
        Labels in the largest of them.
    pairs
        Label pairs remembered.
    dropped_weights
        Weights on the sparse part that were dropped for lack of memory, in total.
    """

    clusters: int
    largest_cluster: int
    pairs: int
    dropped_weights: int
