"""iHOMER: a mixture of experts over label clusters, and the decision for a label-set."""

from learners.ensemble.ihomer import IHOMER
from learners.ensemble.mixture import NOVICE_TRUST, Mixed, Mixture
from learners.ensemble.shortlist import MANY
from learners.ensemble.thresholds import LEAST_PREDICTED

__all__ = [
    "IHOMER",
    "LEAST_PREDICTED",
    "MANY",
    "NOVICE_TRUST",
    "Mixed",
    "Mixture",
]
