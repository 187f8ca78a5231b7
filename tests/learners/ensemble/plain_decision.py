"""The decision in whole arrays, as its formulae read: what the compiled one is held against."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from drift.core import Floats, Ids, Mask, Vector, grown
from learners.core.labels import Targets
from learners.ensemble.candidates import CANDIDATES, LEAST_PREDICTED, THRESHOLDS, UNHEARD
from learners.ensemble.decision import RAREST, Decided, Decision
from learners.neighbors.nearest import Neighbours


class PlainDecision(Decision):
    """`Decision` without compiled code; sums run in order of the labels, so that results are equal."""

    def decide(
        self, probabilities: Vector, neighbours: tuple[Neighbours, ...], previous: Ids, clusters: Ids
    ) -> Decided:
        """See `Decision.decide`."""
        mask = probabilities >= LEAST_PREDICTED
        for ids in (previous, *(near.ids for near in neighbours)):
            mask[ids] = True
        active = np.flatnonzero(mask)
        if not len(active):
            return Decided(active, active, active, active, np.zeros((len(CANDIDATES) + 1, 0), dtype=np.bool_))
        p = probabilities[active].astype(np.float64)
        columns = list(dict.fromkeys(clusters[active].tolist()))
        owner = np.array([columns.index(cluster) for cluster in clusters[active].tolist()])
        rows = self._thresholds(p, active)
        sets = [
            np.isin(active, labels)
            for near in neighbours
            for labels in np.split(near.ids, np.cumsum(near.sizes))[:-1]
        ]
        weights = [weight for near in neighbours for weight in near.weights.tolist()]
        votes = np.array([*weights, 0.0, 0.0]) / max(sum(weights), 1.0)
        proposals = np.array([*sets, rows[0], rows[2]])
        candidates = np.zeros((len(CANDIDATES) + 1, len(active)), dtype=np.bool_)
        candidates[:THRESHOLDS] = rows
        candidates[THRESHOLDS] = proposals[_worthiest(proposals, votes, p)]
        for column in range(len(columns)):
            own = owner == column
            candidates[THRESHOLDS + 1, own] = proposals[_worthiest(proposals[:, own], votes, p[own])][own]
        candidates[-2] = np.isin(active, previous)
        self._accounts = grown(self._accounts, max(columns) + 1)
        best = self._accounts[columns].argmax(axis=1)
        candidates[-1] = candidates[best[owner], np.arange(len(active))]
        labels = active[candidates[self._whole.argmax()]]
        return Decided(labels, active, np.array(columns), owner, candidates)

    def _thresholds(self, p: Floats, active: Ids) -> Mask:
        micro = min(max(float(self._micro[0] / self._micro[1]) / 2, LEAST_PREDICTED), 0.5)
        macro = np.clip(self._f1(active) / 2, 0.1, 0.5)
        rows = np.empty((THRESHOLDS, len(p)), dtype=np.bool_)
        rows[0:2] = p >= 0.5
        rows[2:4] = p >= micro
        rows[4] = p >= macro
        rows[5] = p >= math.sqrt(0.5 * micro)
        rows[6] = p >= np.sqrt(0.5 * macro)
        top = int(p.argmax())
        rows[[3, 5], top] = True
        rows[[1, 6], top] |= p[top] >= 0.2
        return rows

    def _f1(self, labels: Ids) -> Floats:
        counts = grown(self._macro, int(labels[-1]) + 1)[labels] + (1.0, 2.0)
        f1: Floats = counts[:, 0] / counts[:, 1]
        return f1

    def learn(self, decided: Decided, targets: Targets) -> None:
        """See `Decision.learn`."""
        if not len(decided.active):
            return
        truth = np.isin(decided.active, targets.positive)
        missed = len(targets.positive) - int(truth.sum())
        earned = self._earned(decided, truth, missed)
        self._whole = self._whole * self.keep + earned[:, -1]
        self._accounts[decided.clusters] *= self.keep
        self._accounts[decided.clusters] += earned[:-1, :-1].T
        self._follow(decided, truth, targets.positive, missed)

    def _earned(self, decided: Decided, truth: Mask, missed: int) -> Floats:
        owner, columns, guesses = decided.owner, len(decided.clusters), decided.candidates
        macro = _by_column(self._macro_gain(decided, truth), owner, columns)
        guessed, right = _by_column(guesses, owner, columns), _by_column(guesses & truth, owner, columns)
        true = _by_column(truth[None, :], owner, columns)
        true[:, -1] += missed
        errors: Floats = guessed + true - 2 * right
        if self.rule == "macro_f1":
            return macro
        f1: Floats = np.where(errors == 0, 1.0, 2.0 * right / np.maximum(guessed + true, 1))
        by_rule: dict[str, Floats] = {
            "hamming": -errors,
            "subset": (errors == 0).astype(np.float64),
            "micro_f1": 2.0 * right - self._micro[0] / self._micro[1] * (guessed + true),
            "balanced": (errors == 0) + f1 - 0.3 * errors / np.maximum(true, 1) + 0.5 * macro,
        }
        return by_rule[self.rule]

    def _macro_gain(self, decided: Decided, truth: Mask) -> Floats:
        gain = 2.0 * (decided.candidates & truth) - self._f1(decided.active) * (
            decided.candidates.astype(np.float64) + truth
        )
        seen = grown(self._seen, int(decided.active[-1]) + 1)[decided.active]
        rarity = self._messages / (2.0 * (seen + 1.0) * max(1, self._labels))
        weighted: Floats = gain * np.minimum(rarity, RAREST)
        return weighted

    def _follow(self, decided: Decided, truth: Mask, positive: Ids, missed: int) -> None:
        micro, macro = decided.candidates[2], decided.candidates[4]
        self._micro = self._micro * 0.999 + (2.0 * (micro & truth).sum(), micro.sum() + truth.sum() + missed)
        self._labels = max(self._labels, int(positive.max(initial=-1)) + 1, int(decided.active[-1]) + 1)
        self._macro, self._seen = grown(self._macro, self._labels), grown(self._seen, self._labels)
        self._messages += 1.0
        self._seen[positive] += 1.0
        predicted = decided.active[macro]
        self._macro[np.union1d(predicted, positive)] *= 0.99
        self._macro[decided.active[macro & truth], 0] += 2.0
        self._macro[predicted, 1] += 1.0
        self._macro[positive, 1] += 1.0


def _by_column(values: NDArray[np.generic], owner: Ids, columns: int) -> Floats:
    """Return the sums over the labels of each cluster and, last, over all; shape (rows, columns + 1)."""
    sums = np.zeros((columns + 1, len(values)))
    np.add.at(sums, owner, values.T.astype(np.float64))
    np.add.at(sums, np.full(len(owner), columns), values.T.astype(np.float64))
    return sums.T


def _worthiest(proposals: Mask, votes: Floats, p: Floats) -> int:
    likely = np.clip(p, 0.001, 0.999)
    odds = [math.log(each) for each in (likely / (1.0 - likely)).tolist()]
    most, best = -math.inf, 0
    for row, proposal in enumerate(proposals):
        worth = sum((odd for odd, on in zip(odds, proposal.tolist(), strict=True) if on), 0.0)
        equal = (proposals == proposal).all(axis=1)
        worth += math.log(sum(votes[equal].tolist(), UNHEARD))
        if worth > most:
            most, best = worth, row
    return best
