"""The learning: multi-label learners that predict and then learn, one message at a time.

Every learner is a river `MultiLabelClassifier` outside and array-native inside; see `learners.core.Learner`.
Importing this package does not import torch: `ExtremeClassifier`, which needs it, is imported when it is
first asked for.
"""

from typing import TYPE_CHECKING

from learners.catalogue import BASELINES, LEARNERS, TITLES, make
from learners.cluster import Clusters, Cooccurrence
from learners.core import (
    Change,
    LabelSpace,
    Learner,
    Operation,
    Prediction,
    Statistics,
    Targets,
    TaxonomyError,
    load,
    save,
)
from learners.dummy import LabelPriors, MajorityLabelset, Persistence
from learners.ensemble import IHOMER
from learners.hierarchy import LabelExpansion, Taxonomy
from learners.linear_model import (
    AdaptiveLogisticRegression,
    LogisticRegression,
    RecursiveLeastSquares,
    SparseLogisticRegression,
)
from learners.metrics import Prequential
from learners.neighbors import AgingNeighbours, NearestNeighbours, SelfAdjustingNeighbours
from learners.tree import HoeffdingAdaptiveTree
from learners.uncertainty import Conformal
from learners.wrappers import BinaryRelevance, ClassifierChain, LabelPowerset, MultiLabelModel, PrunedSets

if TYPE_CHECKING:
    from learners.extreme import ExtremeClassifier
else:

    def __getattr__(name):
        if name == "ExtremeClassifier":
            return LEARNERS["extreme"]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "BASELINES",
    "IHOMER",
    "LEARNERS",
    "TITLES",
    "AdaptiveLogisticRegression",
    "AgingNeighbours",
    "BinaryRelevance",
    "Change",
    "ClassifierChain",
    "Clusters",
    "Conformal",
    "Cooccurrence",
    "ExtremeClassifier",
    "HoeffdingAdaptiveTree",
    "LabelExpansion",
    "LabelPowerset",
    "LabelPriors",
    "LabelSpace",
    "Learner",
    "LogisticRegression",
    "MajorityLabelset",
    "MultiLabelModel",
    "NearestNeighbours",
    "Operation",
    "Persistence",
    "Prediction",
    "Prequential",
    "PrunedSets",
    "RecursiveLeastSquares",
    "SelfAdjustingNeighbours",
    "SparseLogisticRegression",
    "Statistics",
    "Targets",
    "Taxonomy",
    "TaxonomyError",
    "load",
    "make",
    "save",
]
