"""From probabilities to a label-set: candidates, rescored jointly and selected by their recent scores.

No single way of deciding suits every score: thresholds at 0.5 suit Hamming loss, label-sets that did occur
suit subset accuracy, thresholds at F/2 suit F1. So all are candidates; a decayed sum of what each would
have scored, per cluster and for the whole message, selects one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.core import (
    Arrays,
    Counts,
    Floats,
    Ids,
    Mask,
    State,
    Stateful,
    Values,
    Vector,
    compiled,
    fields,
    grown,
)
from learners.core import Targets, best_labels, check_choice, check_number
from learners.ensemble.candidates import CHOICE, candidates
from learners.ensemble.thresholds import follow, label_f1
from learners.neighbors import Neighbours

RULES = ("balanced", "hamming", "macro_f1", "micro_f1", "subset")
BALANCED, HAMMING, MACRO_F1, MICRO_F1, SUBSET = range(len(RULES))
TOP_K = {"top_1": 1, "top_3": 3, "top_5": 5}
"""Rules for P@k: they predict the k most probable labels, or all if fewer are known."""
RAREST = 5.0
"""Largest weight of a prediction of a rare label, relative to 1 for an exact label-set."""


class Decided(NamedTuple):
    """One message's candidates and the choice among them; kept until the truth is known.

    Parameters
    ----------
    labels
        The chosen labels, ascending. Shape (k,).
    active
        Labels that any candidate could predict, ascending. Shape (A,).
    clusters
        The clusters of these, in order of appearance. Shape (K,).
    owner
        Index in `clusters` of each active label's cluster. Shape (A,).
    candidates
        Each candidate's prediction of the active labels, and last the cluster-wise choice. Shape (C + 1, A).
    """

    labels: Ids
    active: Ids
    clusters: Ids
    owner: Ids
    candidates: Mask


class Decision(Stateful):
    """Selects label-sets by a rule that is named after the score it optimises.

    Parameters
    ----------
    rule
        "subset", "micro_f1", "macro_f1", "hamming", "top_1", "top_3", "top_5" (P@k: always k labels), or
        "balanced" (the default: exact sets and F1 count one each, macro-F1 half, errors a little). A rule
        optimises its own score and may cost the others much.
    keep
        Decay per message of the candidates' scores, in [0, 1]. Too low and the choice fluctuates,
        too high and it follows a drift late.

    References
    ----------
    Lipton, Elkan and Naryanaswamy, "Optimal thresholding of classifiers to maximize F1 measure", 2014.
    Dembczynski, Waegeman, Cheng and Hüllermeier, "On label dependence and loss minimization in multi-label
    classification", Machine Learning 2012: why each score needs its own decision.
    """

    state_fields = fields(
        Arrays("_whole", "_accounts", "_micro"), Arrays("_macro", "_seen", cut="_labels"), Values("_messages")
    )

    def __init__(self, rule: str = "balanced", keep: float = 0.998) -> None:
        check_choice(self, "rule", rule, (*RULES, *TOP_K))
        check_number(self, "keep", keep, float, 0, 1)
        self.rule = rule
        self.keep = keep
        self._whole: Floats = np.zeros(CHOICE + 1)
        self._accounts: Floats = np.zeros((0, CHOICE))
        # F1 of the threshold candidates, as (2 tp, predicted + true): all labels together, and per label.
        self._micro = np.array([1.0, 3.0])
        self._macro: Floats = np.zeros((0, 2))
        # Messages, and messages with each label: they determine how rare a label is.
        self._messages = 0.0
        self._seen: Floats = np.zeros(0)
        self._labels = 0

    def decide(
        self, probabilities: Vector, neighbours: tuple[Neighbours, ...], previous: Ids, clusters: Ids
    ) -> Decided:
        """Return the decision for probabilities of shape (L,), given each label's cluster, shape (L,)."""
        self._macro = grown(self._macro, len(probabilities))
        active, columns, owner, predicted = candidates(
            probabilities,
            previous,
            np.concatenate([near.ids for near in neighbours]),
            np.concatenate([near.sizes for near in neighbours]),
            np.concatenate([near.weights for near in neighbours]),
            clusters,
            self._accounts,
            self._micro,
            self._macro,
        )
        if self.rule in TOP_K:
            chosen = np.sort(best_labels(probabilities, TOP_K[self.rule]))
        else:
            chosen = active[predicted[self._whole.argmax()]]
        return Decided(chosen, active, columns, owner, predicted)

    def learn(self, decided: Decided, targets: Targets) -> None:
        """Score each candidate on a message with complete targets."""
        if self.rule in TOP_K or not len(decided.active):
            return
        before = max(1, self._labels)
        # Both ascend.
        highest = (*targets.positive[-1:].tolist(), int(decided.active[-1]))
        self._labels = max(self._labels, max(highest) + 1)
        self._seen = grown(self._seen, self._labels)
        self._macro = grown(self._macro, self._labels)
        self._accounts = grown(self._accounts, max(decided.clusters.tolist()) + 1)
        _learn(
            *(RULES.index(self.rule), self.keep, self._messages, before, targets.positive),
            *(decided.active, decided.clusters, decided.owner, decided.candidates),
            *(self._whole, self._accounts, self._micro, self._macro, self._seen),
        )
        self._messages += 1.0

    def forget(self, clusters: list[int]) -> None:
        """Clear the scores of clusters that are not in `clusters`: one that returns starts anew."""
        gone = np.ones(len(self._accounts), dtype=np.bool_)
        gone[[cluster for cluster in clusters if cluster < len(gone)]] = False
        self._accounts[gone] = 0.0

    def state(self) -> State:
        """Return the scores up to the last one in use; see `Learner.state`."""
        used = np.flatnonzero(self._accounts.any(axis=1))
        return super().state() | {"accounts": self._accounts[: used[-1] + 1 if len(used) else 0]}


@compiled
def _learn(
    rule: int,
    keep: float,
    messages: float,
    labels: int,
    positive: Ids,
    active: Ids,
    clusters: Ids,
    owner: Ids,
    predicted: Mask,
    whole: Floats,
    accounts: Floats,
    micro: Floats,
    macro: Floats,
    seen: Floats,
) -> None:
    """Score the candidates on one message, after `messages` earlier ones, with `labels` known labels."""
    truth, missed = _truth(active, positive)
    earned = np.zeros((CHOICE + 1, len(clusters) + 1))
    if rule in (MACRO_F1, BALANCED):
        weights = np.empty(len(active))
        for place in range(len(active)):
            rarity = messages / (2.0 * (seen[active[place]] + 1.0) * labels)
            weights[place] = min(rarity, RAREST) * (1.0 if rule == MACRO_F1 else 0.5)
        _add_macro_earned(predicted, truth, active, owner, weights, macro, earned)
    if rule != MACRO_F1:
        tally = _tally(predicted, truth, owner, len(clusters))
        # Labels that no candidate could predict count against the whole message, not against a cluster.
        for row in range(CHOICE + 1):
            tally[2, row, -1] += missed
        _add_earned(rule, tally, micro[0] / micro[1], earned)
    for row in range(CHOICE + 1):
        whole[row] = whole[row] * keep + earned[row, -1]
    for column in range(len(clusters)):
        for row in range(CHOICE):
            accounts[clusters[column], row] = accounts[clusters[column], row] * keep + earned[row, column]
    follow(predicted, truth, active, positive, micro, macro, seen)


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


@compiled
def _tally(predicted: Mask, truth: Mask, owner: Ids, clusters: int) -> Counts:
    """Count predicted, correctly predicted and true labels: by candidate, then cluster and (last) overall."""
    rows, size = predicted.shape
    tally = np.zeros((3, rows, clusters + 1), dtype=np.int64)
    for label in range(size):
        for column in (owner[label], clusters):
            for row in range(rows):
                guess = predicted[row, label]
                tally[0, row, column] += guess
                tally[1, row, column] += guess and truth[label]
                tally[2, row, column] += truth[label]
    return tally


@compiled
def _add_earned(rule: int, tally: Counts, micro_f1: float, earned: Floats) -> None:
    """Add the score of each candidate in each cluster and, last, overall; shape (C + 1, K + 1)."""
    for row in range(earned.shape[0]):
        for column in range(earned.shape[1]):
            guessed, right, true = tally[0, row, column], tally[1, row, column], tally[2, row, column]
            errors = guessed + true - 2 * right
            exact = 1.0 if errors == 0 else 0.0
            if rule == HAMMING:
                earned[row, column] -= errors
            elif rule == SUBSET:
                earned[row, column] += exact
            elif rule == MICRO_F1:
                earned[row, column] += 2.0 * right - micro_f1 * (guessed + true)
            else:
                f1 = 1.0 if errors == 0 else 2.0 * right / (guessed + true)
                earned[row, column] += exact + f1 - 0.3 * errors / max(true, 1)


@compiled
def _add_macro_earned(
    predicted: Mask, truth: Mask, active: Ids, owner: Ids, weights: Floats, macro: Floats, earned: Floats
) -> None:
    """Add the gain in macro-F1, to first order: a prediction weighs more, the rarer its label is."""
    for label in range(len(active)):
        f1 = label_f1(macro, active[label])
        for row in range(len(predicted)):
            answers = int(predicted[row, label]) + int(truth[label])
            gain = ((2.0 if answers == 2 else 0.0) - f1 * answers) * weights[label]
            earned[row, owner[label]] += gain
            earned[row, -1] += gain
