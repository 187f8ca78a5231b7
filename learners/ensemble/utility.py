"""Expected utility of label-sets: what each is expected to add to the scores that a rule weighs.

Expected and earned utility are one formula: with probabilities it gives the former, with the truth in their
place the latter. F1 is no sum over messages; to first order, predicting one more label changes
F = 2 tp / (predicted + true) by (2 [right] - F) / (predicted + true).
"""

from __future__ import annotations

from drift.core import Floats, Ids, Mask, compiled

EXACT, EXAMPLE_F1, MICRO_F1, MACRO_F1, ERRORS = range(5)
"""Places of the scores' weights."""
NEW_LABEL = 0.3
"""F1 that a label is taken to have of which nothing is known."""
NEW_LABEL_WEIGHT = 2.0
"""Labels predicted or true that this counts for. Without it the first answers about a label decide."""


@compiled
def label_gains(
    active: Ids,
    labels: int,
    weights: Floats,
    recent: Floats,
    label_counts: Floats,
    totals: Floats,
    gains: Floats,
) -> None:
    """Fill in what predicting each active label gains if it is true, and what it costs in any case; (2, A).

    Parameters
    ----------
    active
        Ids of the active labels. Shape (A,).
    labels
        How many labels are known.
    weights
        Of the five scores.
    recent
        2 true positives, predicted + true labels, and messages, each decayed. Shape (3,).
    label_counts
        2 true positives and predicted + true of each label, not decayed. Shape (L or more, 2).
    totals
        Messages, and labels that they carried. Shape (2 or more,).
    """
    f1, size = (recent[0] + 1.0) / (recent[1] + 3.0), (recent[1] + 3.0) / (recent[2] + 1.0)
    micro = weights[MICRO_F1] / size
    errors = weights[ERRORS] * (totals[0] + 1.0) / (totals[1] + 2.0)
    for place in range(len(active)):
        either = label_counts[active[place], 1] + NEW_LABEL_WEIGHT
        label_f1 = (label_counts[active[place], 0] + NEW_LABEL * NEW_LABEL_WEIGHT) / either
        macro = weights[MACRO_F1] * (totals[0] + 1.0) / (labels * either)
        gains[0, place] = 2.0 * (micro + macro + errors)
        gains[1, place] = micro * f1 + macro * label_f1 + errors


@compiled
def utilities(
    p: Floats, exact: Floats, others: int, gains: Floats, sets: Mask, weights: Floats, worth: Floats
) -> None:
    """Fill in the utility of each label-set, its worth.

    Parameters
    ----------
    p
        Probability of each active label, or its truth as 0 or 1. Shape (A,).
    exact
        Probability that each set is exactly right, or whether it is. Shape (C,).
    others
        True labels that are not active.
    gains
        See `label_gains`.
    sets
        The label-sets among the active labels. Shape (C, A).
    weights
        Of the five scores.
    """
    true = p.sum() + others
    for row in range(len(sets)):
        size, right, total = 0, 0.0, 0.0
        for place in range(len(p)):
            if sets[row, place]:
                size += 1
                right += p[place]
                total += gains[0, place] * p[place] - gains[1, place]
        # Of a set that is not exactly right: the ratio of the expected numerator and denominator.
        f1 = min(1.0, 2.0 * right / (size + true)) if size else 0.0
        example = exact[row] + (1.0 - exact[row]) * f1
        worth[row] = weights[EXACT] * exact[row] + weights[EXAMPLE_F1] * example + total
