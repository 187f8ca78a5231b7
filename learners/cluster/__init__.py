"""Label clusters: co-occurrence counts and the online divisive-agglomerative tree over labels."""

from learners.cluster.clusters import Clusters
from learners.cluster.cooccurrence import Cooccurrence

__all__ = [
    "Clusters",
    "Cooccurrence",
]
