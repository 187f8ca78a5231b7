"""Logistic stacking: experts' logits are added up with weights that labels share, and each label's own.

Experts are alike, so what one shared weight should be depends on all others: an online Newton step finds them
from few messages, where a step along the gradient takes thousands. What a label needs besides is learned by
AdaGrad.
"""

from __future__ import annotations

import numpy as np

from drift.core import Floats, Vector, compiled
from learners.core import add_products_of
from learners.linear_model.ridge import gain

PRIOR_VARIANCE = 0.05
"""Of the shared weights: how far one message may move them. If larger, the first messages decide."""
DRIFT = 1e-6
"""Growth of the shared weights' variances a message, so that learning never stops."""


@compiled
def stack(
    inputs: Vector,
    errors: Vector,
    rate: np.float32,
    shared: Floats,
    covariance: Floats,
    own: Vector,
    own_squares: Vector,
) -> None:
    """Update the weights of the inputs' sum for each label.

    Parameters
    ----------
    inputs
        Of each label. Shape (inputs, L).
    errors
        Each label's probability minus its truth, 0 if that is unknown. Shape (L,).
    rate
        Step size of AdaGrad.
    shared, covariance
        The weights of all labels, and an estimate of their covariance. Shape (inputs,) and (inputs, inputs).
    own, own_squares
        What is added to the shared weights for a label, and the sums of its squared gradients. Shape (inputs
        or fewer, L): the last inputs may have shared weights alone.

    References
    ----------
    Hazan, Agarwal and Kale, "Logarithmic regret algorithms for online convex optimization", Machine Learning
    2007: the online Newton step. Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning
    and stochastic optimization", JMLR 2011: AdaGrad.
    """
    gradient = np.zeros(len(inputs), dtype=np.float32)
    add_products_of(inputs.T, np.arange(len(inputs)), errors, gradient)
    steps = gain(covariance, gradient.astype(np.float64), DRIFT, PRIOR_VARIANCE, 1.0)
    for row in range(len(inputs)):
        shared[row] -= steps[row]
    for row in range(len(own)):
        for label in range(len(errors)):
            slope = inputs[row, label] * errors[label]
            own_squares[row, label] += slope * slope
            own[row, label] -= rate * slope / np.sqrt(own_squares[row, label])
