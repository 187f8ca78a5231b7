"""Linear models for all labels at once: logistic regression and recursive least squares."""

from learners.linear_model.laplace import INTERCEPT, laplace_step, with_intercept
from learners.linear_model.logistic import (
    AdaptiveLogisticRegression,
    LogisticRegression,
    add_logits,
    sigmoid,
    sigmoids,
)
from learners.linear_model.ridge import RecursiveLeastSquares, Regressed, correct, regress
from learners.linear_model.sparse import SparseLogisticRegression
from learners.linear_model.stacking import PRIOR_VARIANCE, stack
from learners.linear_model.threshold import MicroF1Threshold

__all__ = [
    "INTERCEPT",
    "PRIOR_VARIANCE",
    "AdaptiveLogisticRegression",
    "LogisticRegression",
    "MicroF1Threshold",
    "RecursiveLeastSquares",
    "Regressed",
    "SparseLogisticRegression",
    "add_logits",
    "correct",
    "laplace_step",
    "regress",
    "sigmoid",
    "sigmoids",
    "stack",
    "with_intercept",
]
