"""Linear models for all labels at once: logistic regression and recursive least squares."""

from learners.linear_model.logistic import (
    AdaptiveLogisticRegression,
    LogisticRegression,
    sigmoid,
    with_intercept,
)
from learners.linear_model.ridge import RecursiveLeastSquares, Regressed

__all__ = [
    "AdaptiveLogisticRegression",
    "LogisticRegression",
    "RecursiveLeastSquares",
    "Regressed",
    "sigmoid",
    "with_intercept",
]
