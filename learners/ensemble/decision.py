"""From probabilities to a label-set: of several candidates the one of greatest expected utility.

No one way of deciding serves every score: thresholds at 0.5 serve Hamming loss, label-sets that did occur
serve subset accuracy, thresholds at F/2 serve F1. So all are candidates, and each message gets the one that
is expected to add most to the scores that the rule weighs. What a candidate was expected to add and what it
did add differ in the long run; each candidate's mean difference lately corrects its expectation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.core import (
    Arrays,
    Floats,
    Ids,
    Mask,
    Stateful,
    Vector,
    check_choice,
    check_number,
    compiled,
    fields,
    grown,
)
from learners.core import Targets, best_labels
from learners.ensemble.candidates import CANDIDATES, candidates, codes, likely_labels
from learners.ensemble.exactness import (
    CALIBRATION_START,
    FEATURES,
    START,
    active_odds,
    calibrate,
    calibrated,
    exactness,
    exactness_features,
    learn_exactness,
)
from learners.ensemble.shortlist import places, spread
from learners.ensemble.thresholds import follow
from learners.ensemble.utility import label_gains, utilities
from learners.neighbors import NOBODY, Neighbours

RULES = {
    "balanced": (2.0, 0.5, 0.75, 1.0, 0.5),
    "subset": (1.0, 0.1, 0.1, 0.1, 0.1),
    "micro_f1": (0.1, 0.1, 1.0, 0.1, 0.1),
    "macro_f1": (0.1, 0.1, 0.1, 1.0, 0.1),
    "hamming": (0.1, 0.1, 0.1, 0.1, 1.0),
}
"""Weights of exact label-sets, example-F1, micro-F1, macro-F1 and the share of errors (per true label)."""
ODDS = 2
"""Row of the terms of a `Decided` with the log-odds, after the gains."""
TOP_K = {"top_1": 1, "top_3": 3, "top_5": 5}
"""Rules that serve P@k: always so many labels, the likeliest, as far as so many are known."""
DOUBT = 10.0
"""Messages that a candidate's record counts for before the first one: without it the first ones decide."""
FIRST_EXACT = 0.3
"""Share of exactly right label-sets that each candidate is taken to start with."""


class Decided(NamedTuple):
    """One message's candidates and the choice among them; kept until the truth is known.

    Parameters
    ----------
    labels
        The chosen labels, ascending. Shape (k,).
    active
        Labels that any candidate could predict, ascending. Shape (A,).
    terms
        Of the active labels, what `learners.ensemble.utility.label_gains` returned for them, and in the last
        row their log-odds before calibration. Shape (3, A).
    sets
        What each candidate predicts of the active labels. Shape (C, A).
    features
        See `learners.ensemble.exactness.exactness_features`. Shape (C, 6).
    expected
        Utility that each candidate is expected to have, without correction. Shape (C,).
    """

    labels: Ids
    active: Ids
    terms: Floats
    sets: Mask
    features: Floats
    expected: Floats

    @property
    def gains(self) -> Floats:
        """The first rows of the terms."""
        return self.terms[:ODDS]

    @property
    def odds(self) -> Floats:
        """The last row of the terms."""
        odds: Floats = self.terms[ODDS]
        return odds


class Decision(Stateful):
    """Selects label-sets by a rule that is named after the score it optimises.

    Parameters
    ----------
    rule
        "balanced" (the default) weighs five scores: exact label-sets, example-F1, micro-F1, macro-F1, and few
        errors. "subset", "micro_f1", "macro_f1" and "hamming" weigh their own score ten times as much as
        the others; what they gain costs the others. "top_1", "top_3", "top_5" (P@k) always predict k labels.
    keep
        Decay a message of what is known of the candidates and of micro-F1, in [0, 1]. Too low and the choice
        flutters, too high and it is late to follow a drift.

    References
    ----------
    Lipton, Elkan and Naryanaswamy, "Optimal thresholding of classifiers to maximize F1 measure", 2014.
    Dembczynski, Waegeman, Cheng and Hüllermeier, "On label dependence and loss minimization in multi-label
    classification", Machine Learning 2012: why each score needs its own decision.
    """

    state_fields = fields(
        Arrays("_micro", "_recent", "_totals", "_record", "_calibration", "_regression"),
        Arrays("_macro", "_label_counts", cut="_labels"),
    )

    def __init__(self, rule: str = "balanced", keep: float = 0.999) -> None:
        check_choice(self, "rule", rule, (*RULES, *TOP_K))
        check_number(self, "keep", keep, float, 0, 1)
        self.rule = rule
        self.keep = keep
        self._weights: Floats = np.array(RULES.get(rule, (0.0,) * 5))
        # F1 of the threshold candidates, as (2 tp, predicted + true): all labels together, and per label.
        self._micro = np.array([1.0, 3.0])
        self._macro: Floats = np.zeros((0, 2))
        # The same of what was chosen, with the number of messages; see `label_gains`.
        self._recent = np.zeros(3)
        self._label_counts: Floats = np.zeros((0, 2))
        # Messages, labels they carried, and those that carried none.
        self._totals = np.zeros(3)
        # Of each candidate, decayed: exactly right, and how much more it was worth than expected.
        self._record = np.zeros((len(CANDIDATES), 2))
        self._calibration = np.array(CALIBRATION_START)
        self._regression = np.array(START)
        self._labels = 0

    def decide(
        self,
        probabilities: Vector,
        neighbours: tuple[Neighbours, ...],
        previous: Ids,
        clusters: Ids,
        listed: Ids | None = None,
    ) -> Decided:
        """Return the choice among labels that live in `clusters`, shape (L,).

        `probabilities` are those of the `listed` labels (ids, ascending; the neighbours' and the previous
        ones among them), and the others have none; None (the default) for all, shape (L,).
        """
        labels = len(clusters)
        if self.rule in TOP_K:
            return _ranked(spread(probabilities, listed, labels), TOP_K[self.rule])
        self._grow(labels)
        near, other = (*neighbours, NOBODY)[:2]
        micro, macro, recent, label_counts, *rest = self._learned()
        features, expected = np.empty((len(CANDIDATES), FEATURES)), np.empty(len(CANDIDATES))
        chosen, active, terms, sets = _decide(
            *(probabilities, listed, previous, near.ids, near.sizes, near.weights, other.ids, other.sizes),
            *(other.weights, clusters, labels, self._weights, features, expected),
            *(micro, macro, recent, label_counts, *rest),
        )
        return Decided(chosen, active, terms, sets, features, expected)

    def learn(self, decided: Decided, targets: Targets) -> None:
        """Learn how each candidate did on a message with complete targets."""
        if self.rule in TOP_K:
            return
        for ids in (targets.positive, decided.active):
            # Both ascend.
            if len(ids) and ids[-1] >= self._labels:
                self._labels = int(ids[-1]) + 1
        self._grow(self._labels)
        _learn(*decided, targets.positive, self._weights, self.keep, *self._learned())

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        labels = labels[labels < len(self._macro)]
        self._macro[labels] = self._label_counts[labels] = 0.0

    def _learned(self) -> tuple[Floats, ...]:
        """Return what `_decide` reads and `_learn` changes, in the order of their last parameters."""
        return (
            *(self._micro, self._macro, self._recent, self._label_counts, self._totals),
            *(self._record, self._calibration, self._regression),
        )

    def _grow(self, labels: int) -> None:
        if labels > len(self._macro):
            self._macro, self._label_counts = grown(self._macro, labels), grown(self._label_counts, labels)


def _ranked(probabilities: Vector, k: int) -> Decided:
    chosen, nothing = np.sort(best_labels(probabilities, k)), np.zeros(0)
    return Decided(chosen, chosen[:0], nothing, nothing > 0, nothing, nothing)


@compiled
def _decide(
    probabilities: Vector,
    listed: Ids | None,
    previous: Ids,
    ids: Ids,
    sizes: Ids,
    shares: Floats,
    more_ids: Ids,
    more_sizes: Ids,
    more_shares: Floats,
    clusters: Ids,
    labels: int,
    weights: Floats,
    features: Floats,
    expected: Floats,
    micro: Floats,
    macro: Floats,
    recent: Floats,
    label_counts: Floats,
    totals: Floats,
    record: Floats,
    calibration: Floats,
    regression: Floats,
) -> tuple[Ids, Ids, Floats, Mask]:
    """Return, and fill in, what a `Decided` holds."""
    if len(more_sizes):
        ids = np.concatenate((ids, more_ids))
        sizes = np.concatenate((sizes, more_sizes))
        shares = np.concatenate((shares, more_shares))
    if listed is not None:
        # Among the listed labels, as if there were no others.
        previous, ids, clusters = places(listed, previous), places(listed, ids), clusters[listed]
        macro, label_counts = macro[listed], label_counts[listed]
    active, place, none = likely_labels(probabilities, previous, ids)
    terms = np.empty((ODDS + 1, len(active)))
    gains, odds = terms[:ODDS], terms[ODDS]
    active_odds(probabilities, active, odds)
    p = calibrated(odds, calibration)
    label_gains(active, labels, weights, recent, label_counts, totals, gains)
    gaining = gains[0] * p > gains[1]
    sets, own, votes = candidates(
        probabilities, active, place, gaining, previous, ids, sizes, shares, clusters, micro, macro
    )
    exact = (record[:, 0] + FIRST_EXACT * DOUBT) / (recent[2] + DOUBT)
    empty = (totals[2] + 0.5) / (totals[0] + 1.0)
    exactness_features(p, none, sets, own, votes, exact, empty, features)
    utilities(p, exactness(features, regression), 0, gains, sets, weights, expected)
    best = (expected + record[:, 1] / (recent[2] + DOUBT)).argmax()
    if listed is not None:
        active = listed[active]
    return active[sets[best]], active, terms, sets


@compiled
def _learn(
    labels: Ids,
    active: Ids,
    terms: Floats,
    sets: Mask,
    features: Floats,
    expected: Floats,
    positive: Ids,
    weights: Floats,
    keep: float,
    micro: Floats,
    macro: Floats,
    recent: Floats,
    label_counts: Floats,
    totals: Floats,
    record: Floats,
    calibration: Floats,
    regression: Floats,
) -> None:
    """Learn from the truth about what `_decide` returned."""
    truth, missed = _truth(active, positive)
    follow(sets, truth, active, positive, micro, macro)
    exact = np.zeros(len(sets))
    for row in range(len(sets)):
        right = missed == 0
        for place in range(len(truth)):
            right = right and sets[row, place] == truth[place]
        exact[row] = right
    earned = np.empty(len(sets))
    utilities(truth.astype(np.float64), exact, missed, terms[:ODDS], sets, weights, earned)
    record *= keep
    record[:, 0] += exact
    record[:, 1] += earned - expected
    learn_exactness(features, codes(sets), exact, regression)
    calibrate(terms[ODDS], truth, calibration)
    hits = 0
    for label in positive:
        label_counts[label, 1] += 1.0
    for label in labels:
        label_counts[label, 1] += 1.0
        if (positive == label).any():
            label_counts[label, 0] += 2.0
            hits += 1
    recent *= keep
    recent += np.array((2.0 * hits, len(labels) + len(positive), 1.0))
    totals += np.array((1.0, len(positive), 1.0 if len(positive) == 0 else 0.0))


@compiled
def _truth(active: Ids, positive: Ids) -> tuple[Mask, int]:
    """Return which active labels are positive, and how many positives are not active; both ascend."""
    truth, place, missed = np.zeros(len(active), dtype=np.bool_), 0, len(positive)
    for label in positive:
        while place < len(active) and active[place] < label:
            place += 1
        if place < len(active) and active[place] == label:
            truth[place] = True
            missed -= 1
    return truth, missed
