"""river's models as learners: binary relevance, chains, label-sets, and models of many labels."""

from learners.wrappers.label_powerset import LabelPowerset, PrunedSets
from learners.wrappers.river_models import BinaryRelevance, ClassifierChain, MultiLabelModel, RiverLearner

__all__ = [
    "BinaryRelevance",
    "ClassifierChain",
    "LabelPowerset",
    "MultiLabelModel",
    "PrunedSets",
    "RiverLearner",
]
