"""From probabilities to a label-set: candidates, rescored jointly and chosen by what they earned lately.

No one way of deciding serves every score: thresholds at 0.5 serve Hamming loss, label-sets that did occur
serve subset accuracy, thresholds at F/2 serve F1. So all are candidates; a decayed account of what each
would have earned, per cluster and for the whole message, picks one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.base import State, Vector
from learners.compiled import compiled
from learners.growth import grown
from learners.labels import Ids, Targets
from learners.neighbours import Neighbours
from learners.parameters import check_choice, check_number

RULES = ("balanced", "hamming", "macro_f1", "micro_f1", "subset")
CANDIDATES = (
    *("half", "half+top", "micro", "micro+top", "macro", "half-micro+top", "half-macro+top"),
    *("joint", "cluster joint", "previous"),
)
THRESHOLDS = 7
"""How many of the candidates, the first, are thresholds on the probabilities."""
LEAST = 0.05
"""Probability below which no candidate predicts a label, unless a neighbour carries it."""
RAREST = 5.0
"""Most that one answer about a rare label can weigh, beside 1 for an exact label-set."""
UNHEARD = 0.03
"""Share of the neighbours' vote that a label-set nobody voted for is taken to have."""

Masks = NDArray[np.bool_]


class Decided(NamedTuple):
    """One message's candidates and the choice among them; kept until the truth is known.

    Parameters
    ----------
    labels
        The chosen labels, ascending. Shape (k,).
    active
        Labels that any candidate could predict, ascending. Shape (A,).
    clusters
        The clusters these live in, each once. Shape (K,).
    owner
        Which of them each active label lives in. Shape (A,).
    candidates
        What each candidate predicts of the active labels, and last the cluster-wise choice. Shape (C + 1, A).
    """

    labels: Ids
    active: Ids
    clusters: list[int]
    owner: Ids
    candidates: Masks


class Decision:
    """Chooses label-sets by a rule that names the score they serve.

    Parameters
    ----------
    rule
        "subset", "micro_f1", "macro_f1", "hamming", or "balanced" (the default: exact sets and F1 count
        one each, macro-F1 half, errors a little). A rule serves its own score and may cost the others dearly.
    keep
        Decay a message of what the candidates have earned, in [0, 1]. Too low and the choice flutters,
        too high and it is late to follow a drift.

    References
    ----------
    Lipton, Elkan and Naryanaswamy, "Optimal thresholding of classifiers to maximize F1 measure", 2014.
    Dembczynski, Waegeman, Cheng and Hüllermeier, "On label dependence and loss minimization in multi-label
    classification", Machine Learning 2012: why each score wants its own decision.
    """

    def __init__(self, rule: str = "balanced", keep: float = 0.998) -> None:
        check_choice(self, "rule", rule, RULES)
        check_number(self, "keep", keep, float, 0, 1)
        self.rule = rule
        self.keep = keep
        self._whole = np.zeros(len(CANDIDATES) + 1)
        self._accounts = np.zeros((0, len(CANDIDATES)))
        # F1 of the threshold candidates, as (2 tp, predicted + true): all labels together, and per label.
        self._micro = np.array([1.0, 3.0])
        self._macro = np.zeros((0, 2))
        # Messages, and messages with each label, for how rare a label is.
        self._messages = 0.0
        self._seen = np.zeros(0)
        self._labels = 0

    def decide(
        self, probabilities: Vector, neighbours: tuple[Neighbours, ...], previous: Ids, clusters: Ids
    ) -> Decided:
        """Return the choice for probabilities of shape (L,) of labels that live in `clusters`, shape (L,)."""
        mask = probabilities >= LEAST
        mask[previous] = True
        for near in neighbours:
            mask[near.ids] = True
        active = mask.nonzero()[0]
        if not len(active):
            return Decided(active, active, [], active, np.zeros((len(CANDIDATES) + 1, 0), dtype=np.bool_))
        p = probabilities[active].astype(np.float64)
        ids, owner = _columns(clusters[active])
        rows = self._thresholds(p, active)
        place = np.zeros(len(mask), dtype=np.intp)
        place[active] = np.arange(len(active))
        proposals, votes = _proposals(rows, neighbours, place)
        candidates = np.empty((len(CANDIDATES) + 1, len(active)), dtype=np.bool_)
        candidates[: len(rows)] = rows
        candidates[THRESHOLDS : THRESHOLDS + 2] = _rescore(proposals, votes, p, owner, len(ids))
        candidates[-2] = False
        candidates[-2, place[previous]] = True
        # Each cluster follows the candidate that earned most in it.
        self._accounts = grown(self._accounts, max(ids) + 1)
        best = self._accounts[ids].argmax(axis=1)
        candidates[-1] = candidates[best[owner], np.arange(len(active))]
        return Decided(active[candidates[self._whole.argmax()]], active, ids, owner, candidates)

    def learn(self, decided: Decided, targets: Targets) -> None:
        """Book what each candidate would have earned on a message with complete targets."""
        if not len(decided.active):
            return
        place = np.searchsorted(decided.active, targets.positive)
        place[place == len(decided.active)] = 0
        truth = np.zeros(len(decided.active), dtype=np.bool_)
        truth[place[decided.active[place] == targets.positive]] = True
        missed = len(targets.positive) - int(truth.sum())
        earned = self._earned(decided, truth, missed)
        self._whole *= self.keep
        self._whole += earned[:, -1]
        accounts = self._accounts[decided.clusters]
        accounts *= self.keep
        accounts += earned[:-1, :-1].T
        self._accounts[decided.clusters] = accounts
        self._follow_thresholds(decided, truth, targets, missed)

    def _earned(self, decided: Decided, truth: Masks, missed: int) -> NDArray[np.float64]:
        """Return what each candidate earned in each cluster and, last, in all; shape (C + 1, K + 1)."""
        if self.rule == "macro_f1":
            return self._macro_earned(decided, truth)
        guessed, right, true = _tally(decided.candidates, truth, decided.owner, len(decided.clusters))
        # Labels that no candidate could have predicted count against the message, not against a cluster.
        true[-1] += missed
        errors = guessed + true - 2 * right
        earned: NDArray[np.float64]
        if self.rule == "hamming":
            earned = -errors.astype(np.float64)
        elif self.rule == "subset":
            earned = (errors == 0).astype(np.float64)
        elif self.rule == "micro_f1":
            earned = 2.0 * right - self._micro[0] / self._micro[1] * (guessed + true)
        else:
            f1 = np.where(errors == 0, 1.0, 2.0 * right / np.maximum(guessed + true, 1))
            earned = (errors == 0) + f1 - 0.3 * errors / np.maximum(true, 1)
            earned += 0.5 * self._macro_earned(decided, truth)
        return earned

    def _macro_earned(self, decided: Decided, truth: Masks) -> NDArray[np.float64]:
        # What macro-F1 gains, to first order: an answer about a label weighs as much as the label is rare.
        counts = self._label_counts(decided.active)
        f1 = counts[:, 0] / counts[:, 1]
        gain = 2.0 * (decided.candidates & truth) - f1 * (decided.candidates.astype(np.float64) + truth)
        gain *= np.minimum(self._rarity(decided.active), RAREST)
        member = np.zeros((len(truth), len(decided.clusters) + 1))
        member[np.arange(len(truth)), decided.owner] = 1.0
        member[:, -1] = 1.0
        earned: NDArray[np.float64] = gain @ member
        return earned

    def _rarity(self, labels: Ids) -> NDArray[np.float64]:
        """Return how many messages there are to one answer about a label, per label known."""
        seen = np.zeros(len(labels))
        known = labels < self._labels
        seen[known] = self._seen[labels[known]]
        return self._messages / (2.0 * (seen + 1.0) * max(1, self._labels))

    def _thresholds(self, p: NDArray[np.float64], active: Ids) -> Masks:
        # The threshold that maximises F1 is half the F1 that it reaches.
        rows = np.empty((THRESHOLDS, len(p)), dtype=np.bool_)
        micro = min(max(float(self._micro[0] / self._micro[1]) / 2, LEAST), 0.5)
        counts = self._label_counts(active)
        macro = np.clip(counts[:, 0] / counts[:, 1] / 2, 0.1, 0.5)
        rows[0:2] = p >= 0.5
        rows[2:4] = p >= micro
        rows[4] = p >= macro
        # Between serving errors and serving F1: the geometric mean of the two thresholds.
        rows[5] = p >= math.sqrt(0.5 * micro)
        rows[6] = p >= np.sqrt(0.5 * macro)
        top = int(p.argmax())
        rows[[3, 5], top] = True
        rows[[1, 6], top] |= p[top] >= 0.2
        return rows

    def _label_counts(self, labels: Ids) -> NDArray[np.float64]:
        # As if one of two predictions had been right: a new label starts in the middle.
        counts = np.full((len(labels), 2), (1.0, 2.0))
        known = labels < self._labels
        counts[known] += self._macro[labels[known]]
        return counts

    def _follow_thresholds(self, decided: Decided, truth: Masks, targets: Targets, missed: int) -> None:
        micro, macro = decided.candidates[2], decided.candidates[4]
        self._micro *= 0.999
        self._micro += (2.0 * (micro & truth).sum(), micro.sum() + truth.sum() + missed)
        size = max(int(targets.positive.max(initial=0)), int(decided.active[-1])) + 1
        if size > self._labels:
            self._macro = grown(self._macro, size)
            self._seen = grown(self._seen, size)
            self._labels = size
        self._messages += 1.0
        self._seen[targets.positive] += 1.0
        predicted = decided.active[macro]
        touched = np.concatenate([predicted, targets.positive])
        self._macro[touched] *= 0.99
        self._macro[decided.active[macro & truth], 0] += 2.0
        self._macro[predicted, 1] += 1.0
        self._macro[targets.positive, 1] += 1.0

    def forget(self, clusters: list[int]) -> None:
        """Clear the accounts of clusters that are not among `clusters`: one that comes again starts anew."""
        gone = np.ones(len(self._accounts), dtype=np.bool_)
        gone[[cluster for cluster in clusters if cluster < len(gone)]] = False
        self._accounts[gone] = 0.0

    def state(self) -> State:
        """Return the accounts; see `Learner.state`."""
        used = np.flatnonzero(self._accounts.any(axis=1))
        return {
            "whole": self._whole,
            "accounts": self._accounts[: used[-1] + 1 if len(used) else 0],
            "micro": self._micro,
            "macro": self._macro[: self._labels],
            "messages": self._messages,
            "seen": self._seen[: self._labels],
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self._whole = np.array(state["whole"])
        self._accounts = np.array(state["accounts"])
        self._micro = np.array(state["micro"])
        self._macro = np.array(state["macro"])
        self._messages = state["messages"]
        self._seen = np.array(state["seen"])
        self._labels = len(self._macro)


def _columns(owners: Ids) -> tuple[list[int], Ids]:
    """Return the clusters, each once, and which of them each label lives in."""
    column: dict[int, int] = {}
    owner = [column.setdefault(cluster, len(column)) for cluster in owners.tolist()]
    return list(column), np.array(owner, dtype=np.intp)


def _proposals(
    rows: Masks, neighbours: tuple[Neighbours, ...], place: Ids
) -> tuple[Masks, NDArray[np.float64]]:
    """Return the neighbours' label-sets and two thresholded ones, and each one's share of the vote."""
    sizes = np.concatenate([near.sizes for near in neighbours])
    ids = np.concatenate([near.ids for near in neighbours])
    proposals = np.zeros((len(sizes) + 2, rows.shape[1]), dtype=np.bool_)
    proposals[np.repeat(np.arange(len(sizes)), sizes), place[ids]] = True
    proposals[-2:] = rows[[0, 2]]
    votes = np.zeros(len(proposals))
    votes[:-2] = np.concatenate([near.weights for near in neighbours])
    return proposals, votes / max(votes.sum(), 1.0)


@compiled
def _rescore(
    proposals: Masks, votes: NDArray[np.float64], p: NDArray[np.float64], owner: Ids, clusters: int
) -> Masks:
    """Return the best proposal for the message, and the best for each cluster put together; shape (2, A).

    A proposal's worth is its log-odds under the labels' probabilities plus the log of its share of the
    neighbours' vote, with equal proposals voting together.
    """
    rows, size = proposals.shape
    # The last column stands for the message as a whole.
    worth = np.zeros((rows, clusters + 1))
    codes = np.zeros((rows, clusters + 1), dtype=np.uint64)
    for label in range(size):
        likely = min(max(p[label], 0.001), 0.999)
        odds, code = math.log(likely / (1.0 - likely)), _code(label)
        for row in range(rows):
            if proposals[row, label]:
                for column in (owner[label], clusters):
                    worth[row, column] += odds
                    codes[row, column] += code
    chosen = np.zeros((2, size), dtype=np.bool_)
    for column in range(clusters + 1):
        best, most = 0, -np.inf
        for row in range(rows):
            mass = UNHEARD
            for other in range(rows):
                # Equal sets have equal sums of codes; unequal ones do with a chance of 2⁻⁶⁴.
                if codes[other, column] == codes[row, column]:
                    mass += votes[other]
            if worth[row, column] + math.log(mass) > most:
                best, most = row, worth[row, column] + math.log(mass)
        for label in range(size):
            if column == clusters:
                chosen[0, label] = proposals[best, label]
            elif owner[label] == column:
                chosen[1, label] = proposals[best, label]
    return chosen


@compiled
def _code(n: int) -> np.uint64:
    """Return a well-mixed 64-bit number (the finaliser of SplitMix64)."""
    z = np.uint64(n + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled
def _tally(
    candidates: Masks, truth: Masks, owner: Ids, clusters: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Count, per candidate and cluster and (last) in all, labels predicted, rightly so, and true."""
    rows, size = candidates.shape
    guessed = np.zeros((rows, clusters + 1), dtype=np.int64)
    right, true = np.zeros_like(guessed), np.zeros(clusters + 1, dtype=np.int64)
    for label in range(size):
        for column in (owner[label], clusters):
            true[column] += truth[label]
            for row in range(rows):
                if candidates[row, label]:
                    guessed[row, column] += 1
                    right[row, column] += truth[label]
    return guessed, right, true
