"""Thresholds on probabilities: at 0.5, one for all labels, and one for each label.

The threshold that maximises F1 is half the F1 that it reaches (Lipton, Elkan and Naryanaswamy, 2014), so the
last two follow the decayed F1 of what they predicted: `micro`, shape (2,), of all labels together, and
`macro`, shape (L or more, 2), of each label, as (2 true positives, predicted + true).
"""

from __future__ import annotations

import math

from drift.core import Floats, Ids, Mask, compiled

THRESHOLDS = 7
"""How many of the candidates, the first ones, are thresholds on the probabilities."""
HALF, MICRO, MACRO = 0, 2, 4
"""Rows of the simple thresholds."""
LEAST_PREDICTED = 0.05
"""Probability below which no candidate predicts a label, unless a neighbour carries it."""


@compiled
def label_f1(macro: Floats, label: int) -> float:
    """Return a label's F1, with one of two predictions correct as a prior, so a new label starts at 0.5."""
    return float((1.0 + macro[label, 0]) / (2.0 + macro[label, 1]))


@compiled
def predict(p: Floats, active: Ids, micro: Floats, macro: Floats, predicted: Mask) -> None:
    """Fill in the thresholds' predictions of the active labels, given their probabilities."""
    common = min(max(micro[0] / micro[1] / 2, LEAST_PREDICTED), 0.5)
    top = 0
    for label in range(len(p)):
        if p[label] > p[top]:
            top = label
    for label in range(len(p)):
        own = min(max(label_f1(macro, active[label]) / 2, 0.1), 0.5)
        is_top, is_likely = label == top, label == top and p[label] >= 0.2
        half = p[label] >= 0.5
        predicted[HALF, label] = half
        predicted[HALF + 1, label] = half or is_likely
        predicted[MICRO, label] = p[label] >= common
        predicted[MICRO + 1, label] = p[label] >= common or is_top
        predicted[MACRO, label] = p[label] >= own
        # A compromise between errors and F1: the geometric mean of the two thresholds.
        predicted[MACRO + 1, label] = p[label] >= math.sqrt(0.5 * common) or is_top
        predicted[MACRO + 2, label] = p[label] >= math.sqrt(0.5 * own) or is_likely


@compiled
def follow(predicted: Mask, truth: Mask, active: Ids, positive: Ids, micro: Floats, macro: Floats) -> None:
    """Update the F1 of the thresholds: of all labels together, and of each label involved."""
    right, either = 0, len(positive)
    for label in positive:
        macro[label] *= 0.99
    for place in range(len(active)):
        if predicted[MICRO, place]:
            right += truth[place]
            either += 1
        if predicted[MACRO, place]:
            if truth[place]:
                macro[active[place], 0] += 2.0
            else:
                macro[active[place]] *= 0.99
            macro[active[place], 1] += 1.0
    for label in positive:
        macro[label, 1] += 1.0
    micro[0] = micro[0] * 0.999 + 2.0 * right
    micro[1] = micro[1] * 0.999 + either
