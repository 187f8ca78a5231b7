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
    remembered_f1_1k, remembered_f1_10k, remembered_f1_older
        F1 on every fourth of the messages rehearsed lately, before it was learned again, by whether its
        labels have not occurred for 200 to 1,000, to 10,000, or for more messages. Where it falls with the
        age, labels are being forgotten; 1 where there are none, as without a memory.
    """

    clusters: int
    largest_cluster: int
    pairs: int
    dropped_weights: int
    remembered_f1_1k: float
    remembered_f1_10k: float
    remembered_f1_older: float
