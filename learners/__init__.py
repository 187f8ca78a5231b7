"""The learning: multi-label learners that predict and then learn, one message at a time.

Every learner is a river `MultiLabelClassifier` outside and array-native inside; see `learners.base`.
"""

from learners.base import Change, Learner, Prediction, Statistics
from learners.clusters import Clusters
from learners.cooccurrence import Cooccurrence
from learners.expansion import LabelExpansion
from learners.extreme import ExtremeClassifier
from learners.ihomer import IHOMER
from learners.label_powerset import LabelPowerset, PrunedSets
from learners.labels import LabelSpace, Targets
from learners.linear import AdaptiveLogisticRegression, LogisticRegression
from learners.majority import MajorityLabelset
from learners.neighbours import NearestNeighbours
from learners.operations import Operation, TaxonomyError
from learners.persistence import PreviousLabels
from learners.priors import LabelPriors
from learners.ridge import RecursiveLeastSquares
from learners.river_models import BinaryRelevance, ClassifierChain, MultiLabelModel
from learners.taxonomy import Taxonomy
from learners.trees import HoeffdingAdaptiveTree

__all__ = [
    "IHOMER",
    "AdaptiveLogisticRegression",
    "BinaryRelevance",
    "Change",
    "ClassifierChain",
    "Clusters",
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
    "Prediction",
    "PreviousLabels",
    "PrunedSets",
    "RecursiveLeastSquares",
    "Statistics",
    "Targets",
    "Taxonomy",
    "TaxonomyError",
]
