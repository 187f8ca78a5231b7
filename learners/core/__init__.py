"""What every learner is made of: the contract, labels, features, parameters, arrays that grow."""

from learners.core.base import Learner, Learners, Statistics, filled
from learners.core.features import FeatureSpace
from learners.core.files import load, save
from learners.core.labels import LabelSpace, Targets, best_labels, in_both, packed, unpacked
from learners.core.operations import OPERATIONS, Operation, TaxonomyError
from learners.core.parameters import check_choice, check_number
from learners.core.prediction import Explanation, Neighbour, Prediction
from learners.core.products import add_products
from learners.core.structure import Change, Structure

__all__ = [
    "OPERATIONS",
    "Change",
    "Explanation",
    "FeatureSpace",
    "LabelSpace",
    "Learner",
    "Learners",
    "Neighbour",
    "Operation",
    "Prediction",
    "Statistics",
    "Structure",
    "Targets",
    "TaxonomyError",
    "add_products",
    "best_labels",
    "check_choice",
    "check_number",
    "filled",
    "in_both",
    "load",
    "packed",
    "save",
    "unpacked",
]
