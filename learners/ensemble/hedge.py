"""Fixed-share Hedge: trust in each expert, on each label and on labels in general.

The weight that is shared out after a message grows with its loss; see Herbster and Warmuth, "Tracking the
best expert", 1998.
"""

from __future__ import annotations

import math

import numpy as np

from drift.core import Floats, Mask, Vector, compiled

UNIFORM = np.float32(0.3)
"""Share of the redistributed weight that goes to all experts equally; the rest goes by common trust."""
COMMON_RATE = np.float32(0.1)
"""Rate at which common trust adapts: all labels of a message count, and are not independent."""
FIXED_SHARE = np.float32(0.01)
"""Share of common trust that is spread evenly at each message, so that no expert's trust becomes 0."""
TINY = 1e-290
"""Product of probabilities at which its logarithm is taken, before it underflows."""


@compiled
def follow(
    opinions: Vector, truth: Mask, unknown: Mask, share: np.float32, trust: Vector, common_trust: Vector
) -> None:
    """Update the trust in each expert, on each label and in general, by what it said of the truth."""
    one, rows = np.float32(1.0), len(opinions)
    # Redistributed weight goes to the experts with high common trust.
    heirs = UNIFORM / np.float32(rows) + (one - UNIFORM) * common_trust
    right, gained = np.empty_like(opinions), np.empty(rows)
    for expert in range(rows):
        for label in range(len(truth)):
            believed = opinions[expert, label] if truth[label] else one - opinions[expert, label]
            right[expert, label] = one if unknown[label] else believed
        gained[expert] = _log_product(right[expert])
    _follow_each(right, unknown, share, heirs, trust)
    _follow_in_general(gained, common_trust)


@compiled
def _follow_each(right: Vector, unknown: Mask, share: np.float32, heirs: Vector, trust: Vector) -> None:
    """Update the trust in each expert by the probability that it gave the truth; see Herbster and Warmuth."""
    one, rows, labels = np.float32(1.0), len(right), right.shape[1]
    norm, kept, shared = np.zeros((3, labels), dtype=np.float32)
    for expert in range(rows):
        for label in range(labels):
            trust[expert, label] *= right[expert, label]
            norm[label] += trust[expert, label]
    for label in range(labels):
        # The norm is the mixture's own probability of the truth. A message that it predicted well does not
        # show whom to trust, so little is redistributed: else rare labels would forget between occurrences.
        handed = share * min(one, -np.float32(math.log(norm[label])))
        shared[label] = np.float32(0.0) if unknown[label] else handed
        kept[label] = one if unknown[label] else (one - handed) / norm[label]
    for expert in range(rows):
        for label in range(labels):
            trust[expert, label] = trust[expert, label] * kept[label] + shared[label] * heirs[expert]


@compiled
def _log_product(factors: Vector) -> float:
    """Return the sum of the logarithms of factors in (0, 1], by their product until that would underflow."""
    total, product = 0.0, 1.0
    for factor in factors:
        product *= np.float64(factor)
        if product < TINY:
            total += math.log(product)
            product = 1.0
    return total + math.log(product)


@compiled
def _follow_in_general(gained: Floats, common_trust: Vector) -> None:
    """Update common trust by the log-probability that each expert gave the truth of all labels."""
    one, rows = np.float32(1.0), len(gained)
    most, total = gained.max(), np.float32(0.0)
    for expert in range(rows):
        common_trust[expert] *= np.float32(math.exp(np.float64(COMMON_RATE) * (gained[expert] - most)))
        total += common_trust[expert]
    for expert in range(rows):
        common_trust[expert] = common_trust[expert] / total * (one - FIXED_SHARE) + FIXED_SHARE / np.float32(
            rows
        )
