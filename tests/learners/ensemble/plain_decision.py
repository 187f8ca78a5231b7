"""The decision in whole arrays, as its formulae read: what the compiled one is held against."""

from __future__ import annotations

import math

import numpy as np

from drift.core import Floats, Ids, Mask, Vector
from learners.core.labels import Targets
from learners.ensemble.candidates import CANDIDATES, GAINING, JOINT, PREVIOUS, UNHEARD
from learners.ensemble.decision import DOUBT, FIRST_EXACT, Decided, Decision
from learners.ensemble.exactness import CALIBRATION_RATE, LEAST, RATE
from learners.ensemble.shortlist import spread
from learners.ensemble.thresholds import LEAST_PREDICTED, THRESHOLDS
from learners.ensemble.utility import NEW_LABEL, NEW_LABEL_WEIGHT
from learners.neighbors.nearest import Neighbours


class PlainDecision(Decision):
    """`Decision` without compiled code."""

    def decide(
        self,
        probabilities: Vector,
        neighbours: tuple[Neighbours, ...],
        previous: Ids,
        clusters: Ids,
        listed: Ids | None = None,
    ) -> Decided:
        """See `Decision.decide`."""
        probabilities = spread(probabilities, listed, len(clusters))
        self._grow(len(probabilities))
        mask = probabilities >= LEAST_PREDICTED
        for ids in (previous, *(near.ids for near in neighbours)):
            mask[ids] = True
        active = np.flatnonzero(mask)
        likely = probabilities[active].astype(np.float64)
        odds = _odds(np.clip(likely, 0.001, 0.999))
        p = 1 / (1 + np.exp(-(self._calibration[0, 0] * odds + self._calibration[0, 1])))
        gains = self._gains(active, len(probabilities))
        near = [
            np.isin(active, labels)
            for each in neighbours
            for labels in np.split(each.ids, np.cumsum(each.sizes))[:-1]
        ]
        shares = np.array([weight for each in neighbours for weight in each.weights.tolist()])
        shares = shares / max(shares.sum(), 1.0)
        sets = np.zeros((len(CANDIDATES), len(active)), dtype=np.bool_)
        if len(active):
            sets[:THRESHOLDS] = self._thresholds(likely, active)
        proposals, votes = np.array([*near, sets[0], sets[2]]), np.array([*shares, 0.0, 0.0])
        sets[JOINT] = proposals[_worthiest(proposals, votes, likely)]
        for cluster in set(clusters[active].tolist()):
            own = clusters[active] == cluster
            sets[JOINT + 1, own] = proposals[_worthiest(proposals[:, own], votes, likely[own])][own]
        sets[PREVIOUS] = np.isin(active, previous)
        sets[GAINING] = gains[0] * p > gains[1]
        features = self._features(p, float(np.log1p(-probabilities[~mask].astype(float)).sum()), sets)
        features[:, 2] = [
            math.log(UNHEARD + votes[(proposals == each).all(axis=1)].sum()) + 1 for each in sets
        ]
        exact = 1 / (1 + np.exp(-features @ self._regression[0]))
        expected = self._utility(p, exact, 0, gains, sets)
        best = int((expected + self._record[:, 1] / (self._recent[2] + DOUBT)).argmax())
        return Decided(active[sets[best]], active, np.array([*gains, odds]), sets, features, expected)

    def _gains(self, active: Ids, labels: int) -> Floats:
        _, _, micro, macro, errors = self._weights
        hits, size, messages = self._recent
        either = self._label_counts[active, 1] + NEW_LABEL_WEIGHT
        label_f1 = (self._label_counts[active, 0] + NEW_LABEL * NEW_LABEL_WEIGHT) / either
        macro = macro / (labels * either / (self._totals[0] + 1))
        micro, f1 = micro / ((size + 3) / (messages + 1)), (hits + 1) / (size + 3)
        errors = errors / ((self._totals[1] + 2) / (self._totals[0] + 1))
        return np.array([2 * (micro + macro + errors), micro * f1 + macro * label_f1 + errors])

    def _utility(self, p: Floats, exact: Floats, others: int, gains: Floats, sets: Mask) -> Floats:
        """See `learners.ensemble.utility.utilities`."""
        size = sets.sum(axis=1)
        f1 = np.where(size > 0, 2 * (sets @ p) / np.maximum(size + p.sum() + others, 1e-9), 0.0)
        example = exact + (1 - exact) * np.minimum(f1, 1.0)
        worth: Floats = (
            self._weights[0] * exact + self._weights[1] * example + sets @ (gains[0] * p - gains[1])
        )
        return worth

    def _features(self, p: Floats, none: float, sets: Mask) -> Floats:
        """Return the features of exactness, without the neighbours' vote."""
        yes, no = np.log(np.maximum(p, LEAST)), np.log(np.maximum(1 - p, LEAST))
        rates = (self._record[:, 0] + FIRST_EXACT * DOUBT) / (self._recent[2] + DOUBT)
        features = np.zeros((len(sets), 6))
        features[:, 0] = 1
        features[:, 1] = np.maximum(none + np.where(sets, yes, no).sum(axis=1), -20) / 3
        empty = (self._totals[2] + 0.5) / (self._totals[0] + 1)
        features[~sets.any(axis=1), 3] = _odds(np.array(empty))
        for row, each in enumerate(sets):
            features[row, 4] = _odds(rates[(sets == each).all(axis=1)].max())
            if (each == sets[PREVIOUS]).all():
                features[row, 5] = _odds(rates[PREVIOUS]) + 2
        return features

    def learn(self, decided: Decided, targets: Targets) -> None:
        """See `Decision.learn`."""
        positive, sets = targets.positive, decided.sets
        truth = np.isin(decided.active, positive)
        missed = len(positive) - int(truth.sum())
        highest = [int(ids.max(initial=-1)) + 1 for ids in (positive, decided.active)]
        self._labels = max(self._labels, *highest)
        self._grow(self._labels)
        self._follow(decided, truth, positive, missed)
        exact = ((sets == truth).all(axis=1) & (missed == 0)).astype(np.float64)
        earned = self._utility(truth.astype(np.float64), exact, missed, decided.gains, sets)
        self._record = self._record * self.keep + np.stack([exact, earned - decided.expected], axis=1)
        errors = 1 / (1 + np.exp(-decided.features @ self._regression[0])) - exact
        for row in np.sort(np.unique(sets, axis=0, return_index=True)[1]).tolist() if sets.size else [0]:
            _descend(self._regression, errors[row] * decided.features[row], RATE)
        slope, intercept = self._calibration[0]
        error = 1 / (1 + np.exp(-(slope * decided.odds + intercept))) - truth
        _descend(self._calibration, np.array([error @ decided.odds, error.sum()]), CALIBRATION_RATE)
        right = np.intersect1d(decided.labels, positive)
        self._label_counts[right, 0] += 2
        for ids in (decided.labels, positive):
            self._label_counts[ids, 1] += 1
        self._recent = self._recent * self.keep + (2 * len(right), len(decided.labels) + len(positive), 1)
        self._totals += (1, len(positive), len(positive) == 0)

    def _follow(self, decided: Decided, truth: Mask, positive: Ids, missed: int) -> None:
        micro, macro = decided.sets[2], decided.sets[4]
        self._micro = self._micro * 0.999 + (2.0 * (micro & truth).sum(), micro.sum() + truth.sum() + missed)
        predicted = decided.active[macro]
        self._macro[np.union1d(predicted, positive)] *= 0.99
        self._macro[decided.active[macro & truth], 0] += 2.0
        self._macro[predicted, 1] += 1.0
        self._macro[positive, 1] += 1.0

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
        counts = self._macro[labels] + (1.0, 2.0)
        f1: Floats = counts[:, 0] / counts[:, 1]
        return f1


def _odds(p: Floats) -> Floats:
    odds: Floats = np.log(p / (1 - p))
    return odds


def _descend(regression: Floats, gradient: Floats, rate: float) -> None:
    regression[1] += gradient**2
    regression[0] -= rate * gradient / np.sqrt(regression[1])


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
