"""Mixing experts' probabilities per label: follow the best experts now, combine what works together.

Two stages. A *stacker* adds the experts' logits with learned weights (evidence from independent experts
adds up), and that of the likeliest other label, since labels may exclude each other; then a fixed-share
Hedge follows, per label, the best of the experts and the stacker (on a stream that repeats itself,
persistence alone is right, and no sum should blur it). The weight that Hedge shares out grows with its loss,
and goes to the experts that are trusted on labels in general.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from drift.core import Arrays, Floats, Ids, Mask, Stateful, Vector, check_number, compiled, fields, grown
from learners.core import Targets
from learners.ensemble.hedge import follow
from learners.ensemble.shortlist import columns, put_columns
from learners.ensemble.sleeping import FLOOR, measure, stand_in
from learners.linear_model import PRIOR_VARIANCE, stack

NOVICE_TRUST = 0.01
"""Initial trust in an expert that knows nothing at first."""
NO_RIVAL = math.log(FLOOR / (1.0 - FLOOR))
"""Log-odds that stand for those of the likeliest other label where there is none."""


class Mixture(Stateful):
    """A stacker and a fixed-share Hedge over a fixed number of experts and a growing number of labels.

    Parameters
    ----------
    experts
        Number of experts, at least 1.
    rate
        Step size of the stacker's own weights of a label, in (0, inf). If too large, they follow single
        messages; if too small, labels share all weights.
    share
        Weight that Hedge redistributes among all experts after a message that it predicted badly, in [0, 1];
        less otherwise. With 0, old merits are never forgotten; large values trust no expert.
    novices
        Number of experts, the last ones, that know nothing at first: they start outside the sum with little
        trust, and earn both. With too many, little is left to start from.
    part_time
        Rows of the experts that may sleep; see `Sleepers`.
    rivals
        Whether the stacker hears of the likeliest other label, too. Off by default: of probabilities that are
        conditional on a parent, the likeliest is no rival.

    Examples
    --------
    >>> import numpy as np
    >>> mixture = Mixture(experts=2)
    >>> always, never = np.array([[0.9], [0.1]], dtype=np.float32), Targets(np.array([], dtype=np.intp))
    >>> for _ in range(50):
    ...     mixture.learn(mixture.mix(always), never)
    >>> bool(mixture.mix(always).probabilities[0] < 0.15)
    True

    References
    ----------
    Herbster and Warmuth, "Tracking the best expert", Machine Learning 1998 (the share that grows with the
    loss too). Mattern, "Mixing strategies in data compression", DCC 2012: logistic mixing. For the
    stacker's learning see `learners.linear_model.stacking`.
    """

    state_fields = fields(
        Arrays("_shared", "_covariance", "_common_trust"),
        Arrays("_own", "_own_squares", "_trust", cut="_labels", axis=1),
    )

    def __init__(
        self,
        experts: int,
        rate: float = 0.025,
        share: float = 0.1,
        novices: int = 0,
        part_time: Sequence[int] = (),
        rivals: bool = False,
    ) -> None:
        check_number(self, "experts", experts, int, 1)
        check_number(self, "novices", novices, int, 0, experts - 1)
        check_number(self, "rate", rate, float, 0, open_low=True)
        check_number(self, "share", share, float, 0, 1)
        self.experts = experts
        self.rate = rate
        self.share = share
        self.novices = novices
        self.part_time = part_time
        self.rivals = rivals
        self._part_time: Ids = np.array(part_time, dtype=np.intp)
        self._all_asked: Mask = np.ones(len(part_time), dtype=np.bool_)
        self._labels = 0
        veterans = experts - novices
        self._start: Vector = np.full(
            (experts + 1, 1), (1 - novices * NOVICE_TRUST) / (veterans + 1), dtype=np.float32
        )
        self._start[veterans:experts] = NOVICE_TRUST
        self._starts = np.zeros_like(self._start), self._start, np.ones_like(self._start)
        # Of each expert, the bias and the likeliest other label; a label's own weights leave out the latter.
        self._shared: Floats = np.zeros(experts + 2)
        self._shared[:veterans] = 1.2 / veterans
        self._covariance: Floats = PRIOR_VARIANCE * np.eye(experts + 2)
        self._own: Vector = np.zeros((experts + 1, 0), dtype=np.float32)
        self._own_squares: Vector = np.zeros((experts + 1, 0), dtype=np.float32)
        self._trust: Vector = np.zeros((experts + 1, 0), dtype=np.float32)
        self._common_trust: Vector = self._start[:, 0].copy()

    def mix(
        self,
        scores: Vector | tuple[Vector, ...],
        asked: Mask | None = None,
        labels: Ids | None = None,
    ) -> Mixed:
        """Return the mixture of the experts' probabilities, a row of shape (L,) for each expert.

        `asked` tells which of the part-time experts have given some; `labels` are the ids, ascending, of the
        labels that they have given them for. None (the default) means all.
        """
        size, rows = len(scores[0]), self.experts + 1
        opinions = np.empty((rows, size), dtype=np.float32)
        logits = np.zeros((rows + 1, size), dtype=np.float32)
        _prepare(scores, opinions, logits)
        np.log(odds := logits[: self.experts], odds)
        if asked is None:
            asked = self._all_asked
        own, trust = self._of(labels, size, 2)
        probabilities = np.empty(size, dtype=np.float32)
        _mix(
            *(opinions, logits, self._part_time, asked, own, self._shared, trust),
            *(self.rivals, probabilities),
        )
        return Mixed(probabilities, opinions, logits, labels)

    def trust(self, labels: Ids) -> Vector:
        """Return the weight of each expert's opinion on labels, the stacker's last: shape (rows, k)."""
        trust: Vector = grown(
            self._trust, self.experts + 1, int(labels.max(initial=-1)) + 1, fill=self._start
        )[:, labels]
        return trust

    def values(self, mixed: Mixed, positive: Ids, asked: Mask) -> Floats:
        """Return what each part-time expert was worth on a message of complete labels; 0 if not asked.

        `positive` are places among the labels that were mixed, if these are not all.
        """
        own, trust = self._of(mixed.labels, len(mixed.probabilities), 2)
        values, seen = np.zeros(len(self._part_time)), (mixed.opinions, mixed.logits, mixed.probabilities)
        measure(*seen, own, self._shared, trust, self._part_time, asked, positive, values)
        return values

    def learn(self, mixed: Mixed, targets: Targets, times: float = 1.0) -> None:
        """Learn from what `mix` returned for a message and from its labels.

        `targets` are places among the labels that were mixed, if these are not all. Steps of labels' own
        weights are as many `times` as large as usual.
        """
        self._grow(mixed.known)
        labels = mixed.labels
        if labels is not None:
            # By columns, since few of them are read; what follows keeps them so.
            self._own, self._trust, self._own_squares = map(np.asfortranarray, self._of(None, 0))
        chosen = self._of(labels, mixed.opinions.shape[1])
        own, trust, own_squares = chosen
        _learn(
            *(mixed.opinions, mixed.logits, *targets, self.rate * times, self.share),
            *(self._shared, self._covariance, own, own_squares),
            *(trust, self._common_trust),
        )
        if labels is not None:
            put_columns(self._tables(), labels, chosen)

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`."""
        labels = labels[labels < self._labels]
        self._own[:, labels], self._own_squares[:, labels], self._trust[:, labels] = 0.0, 1.0, self._start

    def _grow(self, size: int) -> None:
        if size > self._labels:
            self._own, self._trust, self._own_squares = self._of(None, size)
            self._labels = size

    def _of(self, labels: Ids | None, size: int, most: int = 3) -> Any:
        """Return the first `most` tables: of some labels, copied, or of `size` labels or more."""
        tables = self._tables()[:most]
        if labels is not None:
            return columns(tables, labels, self._starts[:most])
        if size <= self._own.shape[1]:
            return tables
        rows = self.experts + 1
        return tuple(grown(tables[n], rows, size, fill=self._starts[n]) for n in range(most))

    def _tables(self) -> tuple[Vector, ...]:
        return self._own, self._trust, self._own_squares


class Mixed:
    """A mixture's results for one message; kept until the truth is known.

    Parameters
    ----------
    probabilities
        The mixture, shape (L,).
    opinions
        Outputs of the experts and the stacker. Shape (experts + 1, L).
    logits
        What the stacker adds up; the last rows are the bias and the likeliest other label's log-odds, 0 if
        it does not hear of them. Shape (experts + 2, L).
    labels
        Ids, ascending, of the L labels that were mixed; None for all.
    """

    __slots__ = ("labels", "logits", "opinions", "probabilities")

    def __init__(self, probabilities: Vector, opinions: Vector, logits: Vector, labels: Ids | None) -> None:
        self.probabilities = probabilities
        self.opinions = opinions
        self.logits = logits
        self.labels = labels

    @property
    def known(self) -> int:
        """One more than the highest id of a label that was mixed."""
        return len(self.probabilities) if self.labels is None else int(self.labels.max(initial=-1)) + 1

    def places(self, labels: Ids) -> Ids:
        """Return the columns of some of the labels."""
        return labels if self.labels is None else np.searchsorted(self.labels, labels)


@compiled
def _prepare(scores: Vector | tuple[Vector, ...], opinions: Vector, logits: Vector) -> None:
    """Fill in the experts' opinions, clipped, and their odds, and the bias."""
    least, most, one = np.float32(FLOOR), np.float32(1.0 - FLOOR), np.float32(1.0)
    for expert in range(len(scores)):
        row = scores[expert]
        for label in range(len(row)):
            opinion = min(max(row[label], least), most)
            opinions[expert, label] = opinion
            logits[expert, label] = opinion / (one - opinion)
    logits[len(scores)] = -1.0


@compiled
def _mix(
    opinions: Vector,
    logits: Vector,
    part_time: Ids,
    asked: Mask,
    own: Vector,
    shared: Floats,
    trust: Vector,
    rivals: bool,
    probabilities: Vector,
) -> None:
    """Fill in stand-ins, rivals, the stacker's opinions (the last row) and Hedge's mixture of all."""
    stand_in(opinions, logits, part_time, asked)
    # Expert by expert, in memory order, so that several labels are computed per instruction.
    last, z, common = len(opinions) - 1, np.zeros_like(probabilities), shared.astype(np.float32)
    for expert in range(last + 1):
        for label in range(len(z)):
            z[label] += (own[expert, label] + common[expert]) * logits[expert, label]
    if rivals:
        _add_rivals(z, logits[last + 1])
        for label in range(len(z)):
            z[label] += common[last + 1] * logits[last + 1, label]
    for label in range(len(z)):
        opinions[last, label] = min(max(1.0 / (1.0 + math.exp(-np.float64(z[label]))), FLOOR), 1.0 - FLOOR)
        probabilities[label] = 0.0
    for expert in range(last + 1):
        for label in range(len(z)):
            probabilities[label] += opinions[expert, label] * trust[expert, label]
    for label in range(len(z)):
        probabilities[label] = min(probabilities[label], np.float32(1.0))


@compiled
def _add_rivals(z: Vector, rivals: Vector) -> None:
    """Fill in the log-odds of each label's likeliest rival, as far from 0 as opinions."""
    likeliest, best, second = -1, NO_RIVAL, NO_RIVAL
    for label in range(len(z)):
        logit = min(np.float64(z[label]), -NO_RIVAL)
        if logit > best:
            likeliest, second, best = label, best, logit
        elif logit > second:
            second = logit
    rivals[:] = best
    if likeliest >= 0:
        rivals[likeliest] = second


@compiled
def _learn(
    opinions: Vector,
    logits: Vector,
    positive: Ids,
    negative: Ids | None,
    rate: float,
    share: float,
    shared: Floats,
    covariance: Floats,
    own: Vector,
    own_squares: Vector,
    trust: Vector,
    common_trust: Vector,
) -> None:
    truth, unknown = np.zeros((2, opinions.shape[1]), dtype=np.bool_)
    truth[positive] = True
    if negative is not None:
        unknown[:] = ~truth
        unknown[negative] = False
    stacked, errors = opinions[len(opinions) - 1], np.empty(len(truth), dtype=np.float32)
    for label in range(len(errors)):
        error = stacked[label] - np.float32(truth[label])
        errors[label] = np.float32(0.0) if unknown[label] else error
    stack(logits, errors, np.float32(rate), shared, covariance, own, own_squares)
    follow(opinions, truth, unknown, np.float32(share), trust, common_trust)
