"""Linear models for all labels at once: logistic regression and recursive least squares."""

from learners.linear_model.laplace import with_intercept
from learners.linear_model.logistic import (
    AdaptiveLogisticRegression,
    LogisticRegression,
    sigmoid,
)
from learners.linear_model.ridge import RecursiveLeastSquares, Regressed
from learners.linear_model.sparse import SparseLogisticRegression
from learners.linear_model.threshold import MicroF1Threshold

__all__ = [
    "AdaptiveLogisticRegression",
    "LogisticRegression",
    "MicroF1Threshold",
    "RecursiveLeastSquares",
    "Regressed",
    "SparseLogisticRegression",
    "sigmoid",
    "with_intercept",
]
