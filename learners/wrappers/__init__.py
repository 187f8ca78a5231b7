"""river's models as learners, and the published baselines made of them."""

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
