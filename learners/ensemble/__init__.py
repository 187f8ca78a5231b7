"""iHOMER: a mixture of experts over label clusters, and the decision for a label-set."""

from learners.ensemble.candidates import LEAST_PREDICTED
from learners.ensemble.ihomer import IHOMER
from learners.ensemble.mixture import Mixed, Mixture

__all__ = [
    "IHOMER",
    "LEAST_PREDICTED",
    "Mixed",
    "Mixture",
]
