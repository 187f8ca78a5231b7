"""The experts of `IHOMER` by name and row, and the opinions of those that need no weights of their own."""

from __future__ import annotations

import numpy as np

from drift.core import Floats, Ids, Vector, compiled
from learners.dummy.persistence import temper
from learners.neighbors.window import vote

EXPERTS = (
    *("linear", "linear_scaled", "ridge", "ridge_scaled", "near_angle", "near_standard"),
    *("priors", "previous", "tree", "linear_sparse"),
)
"""All experts, in the order of the mixture's rows."""
LINEAR, LINEAR_SCALED, RIDGE, RIDGE_SCALED, NEAR_ANGLE, NEAR_STANDARD = range(6)
PRIORS, PREVIOUS, TREE, LINEAR_SPARSE = range(6, len(EXPERTS))
PART_TIME = ("ridge_scaled", "near_standard", "tree")
"""Experts that may sleep: they cost the most, and on many streams the others do as well without them."""
ABSTAINS = np.float32(0.5)
"""Output of an expert that abstains: it adds nothing to the sum, and earns no trust."""


@compiled
def add_opinions(
    listed: Ids | None,
    priors: Vector,
    previous: Ids,
    staying: float,
    weights: Floats,
    rows: Ids,
    other_weights: Floats,
    other_rows: Ids,
    other_asked: bool,
    labels: Ids,
    positives: Ids,
    negatives: Ids,
    scores: Vector,
) -> None:
    """Fill in the rows of the neighbours, the priors and the previous labels; the tree abstains for now.

    Parameters
    ----------
    listed
        The labels that are scored (ids, ascending), None for all; the previous ones are among them.
    priors
        Of all labels. Shape (L,).
    previous, staying
        The previous message's labels, and the probability that they stay.
    weights, rows, other_weights, other_rows, other_asked
        The neighbours by angle; those by standardised distance, and whether these do not abstain.
    labels, positives, negatives
        See `learners.neighbors.window.vote`.
    scores
        One row for each expert. Shape (experts, n).
    """
    vote(weights, rows, labels, positives, negatives, listed, scores[NEAR_ANGLE])
    if other_asked:
        vote(other_weights, other_rows, labels, positives, negatives, listed, scores[NEAR_STANDARD])
    else:
        scores[NEAR_STANDARD] = ABSTAINS
    if listed is None:
        scores[PRIORS] = priors
        temper(priors, previous, staying, scores[PREVIOUS])
    else:
        scores[PRIORS] = priors[listed]
        temper(scores[PRIORS], np.searchsorted(listed, previous), staying, scores[PREVIOUS])
    scores[TREE] = ABSTAINS
