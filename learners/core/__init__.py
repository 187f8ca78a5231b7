"""What every learner is made of: the contract, labels, features, parameters, arrays that grow."""

from learners.core.base import (
    Change,
    Explanation,
    Learner,
    Neighbour,
    Prediction,
    State,
    Statistics,
    Structure,
    Vector,
    digest,
    filled,
)
from learners.core.features import FeatureSpace
from learners.core.growth import grown
from learners.core.labels import Ids, LabelSpace, Targets, best_labels, in_both, packed, unpacked
from learners.core.operations import OPERATIONS, Operation, TaxonomyError
from learners.core.parameters import check_choice, check_number
from learners.core.products import add_products

__all__ = [
    "OPERATIONS",
    "Change",
    "Explanation",
    "FeatureSpace",
    "Ids",
    "LabelSpace",
    "Learner",
    "Neighbour",
    "Operation",
    "Prediction",
    "State",
    "Statistics",
    "Structure",
    "Targets",
    "TaxonomyError",
    "Vector",
    "add_products",
    "best_labels",
    "check_choice",
    "check_number",
    "digest",
    "filled",
    "grown",
    "in_both",
    "packed",
    "unpacked",
]
