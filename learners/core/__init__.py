"""Foundations of every learner: base class, labels, features, parameter checks, growing arrays."""

from learners.core.base import Learner, Learners, Statistics, filled
from learners.core.features import FeatureSpace
from learners.core.files import load, save
from learners.core.label_space import MAX_LABELS, STAYS, FullError, LabelSpace, remember
from learners.core.labels import Targets, best_labels, in_both, packed, places_among, unpacked
from learners.core.operations import OPERATIONS, Operation, TaxonomyError
from learners.core.prediction import Computed, Explanation, Neighbour, Prediction
from learners.core.products import LARGEST, add_products, add_products_of, given
from learners.core.sparse import Features, Sparse, given_part, sparse_part
from learners.core.structure import Change, Structure

__all__ = [
    "LARGEST",
    "MAX_LABELS",
    "OPERATIONS",
    "STAYS",
    "Change",
    "Computed",
    "Explanation",
    "FeatureSpace",
    "Features",
    "FullError",
    "LabelSpace",
    "Learner",
    "Learners",
    "Neighbour",
    "Operation",
    "Prediction",
    "Sparse",
    "Statistics",
    "Structure",
    "Targets",
    "TaxonomyError",
    "add_products",
    "add_products_of",
    "best_labels",
    "filled",
    "given",
    "given_part",
    "in_both",
    "load",
    "packed",
    "places_among",
    "remember",
    "save",
    "sparse_part",
    "unpacked",
]
