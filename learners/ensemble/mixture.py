"""Mixing experts' probabilities per label: follow the best experts now, combine what works together.

Two stages. A *stacker* adds the experts' logits with learned weights (evidence from independent experts
adds up); then a fixed-share Hedge follows, per label, the best of the experts and the stacker (on a stream
that repeats itself, persistence alone is right, and no sum should blur it). The weight that Hedge shares out
grows with its loss, and goes to the experts that are trusted on labels in general.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from drift.core import Arrays, Floats, Ids, Mask, Stateful, Vector, check_number, compiled, fields, grown
from learners.core import Targets
from learners.ensemble.hedge import follow, follow_in_general, log_product
from learners.ensemble.shortlist import columns, put_columns
from learners.ensemble.sleeping import FLOOR, measure, stand_in

UNIFORM = np.float32(0.3)
"""Share of the redistributed weight that goes to all experts equally; the rest goes by common trust."""
NOVICE_TRUST = 0.01
"""Initial trust in an expert that knows nothing at first."""


class Mixture(Stateful):
    """A stacker and a fixed-share Hedge over a fixed number of experts and a growing number of labels.

    Parameters
    ----------
    experts
        Number of experts, at least 1.
    rate
        Step size of the stacker's weights, in (0, inf). If too large, the weights follow single messages.
    share
        Weight that Hedge redistributes among all experts after a message that it predicted badly, in [0, 1];
        less otherwise. With 0, old merits are never forgotten; large values trust no expert.
    novices
        Number of experts, the last ones, that know nothing at first: they start outside the sum with little
        trust, and earn both. With too many, little is left to start from.
    part_time
        Rows of the experts that may sleep; see `Sleepers`.

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
    loss too). Mattern, "Mixing strategies in
    data compression" (logistic mixing), DCC 2012.
    """

    state_fields = fields(
        Arrays("_common", "_common_squares", "_common_trust"),
        Arrays("_own", "_own_squares", "_trust", cut="_labels", axis=1),
    )

    def __init__(
        self,
        experts: int,
        rate: float = 0.1,
        share: float = 0.1,
        novices: int = 0,
        part_time: Sequence[int] = (),
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
        self._part_time: Ids = np.array(part_time, dtype=np.intp)
        self._all_asked: Mask = np.ones(len(part_time), dtype=np.bool_)
        self._settings: Vector = np.array((rate, share), dtype=np.float32)
        self._labels = 0
        veterans = experts - novices
        self._start: Vector = np.full(
            (experts + 1, 1), (1 - novices * NOVICE_TRUST) / (veterans + 1), dtype=np.float32
        )
        self._start[veterans:experts] = NOVICE_TRUST
        self._starts = np.zeros_like(self._start), self._start, np.ones_like(self._start)
        # One row per expert, the last one for the bias; common weights serve labels too rare for their own.
        self._common: Vector = np.full(experts + 1, 1.2 / veterans, dtype=np.float32)
        self._common[veterans:] = 0.0
        self._common_squares: Vector = np.ones(experts + 1, dtype=np.float32)
        self._own: Vector = np.zeros((experts + 1, 0), dtype=np.float32)
        self._own_squares: Vector = np.zeros((experts + 1, 0), dtype=np.float32)
        self._trust: Vector = np.zeros((experts + 1, 0), dtype=np.float32)
        self._common_trust: Vector = self._start[:, 0].copy()

    def mix(
        self, scores: Vector | tuple[Vector, ...], asked: Mask | None = None, labels: Ids | None = None
    ) -> Mixed:
        """Return the mixture of the experts' probabilities, a row of shape (L,) for each expert.

        `asked` tells which of the part-time experts have given some; `labels` are the ids, ascending, of the
        labels that they have given them for. None (the default) means all.
        """
        size = len(scores[0])
        opinions, logits = np.empty((2, self.experts + 1, size), dtype=np.float32)
        _prepare(scores, opinions, logits)
        np.log(odds := logits[:-1], odds)
        if asked is None:
            asked = self._all_asked
        own, trust = self._of(labels, size, 2)
        probabilities = np.empty(size, dtype=np.float32)
        _mix(opinions, logits, self._part_time, asked, own, self._common, trust, probabilities)
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
        measure(*seen, own, self._common, trust, self._part_time, asked, positive, values)
        return values

    def learn(self, mixed: Mixed, targets: Targets) -> None:
        """Learn from what `mix` returned for a message and from its labels.

        `targets` are places among the labels that were mixed, if these are not all.
        """
        self._grow(mixed.known)
        labels = mixed.labels
        if labels is not None:
            # By columns, since few of them are read; what follows keeps them so.
            self._own, self._trust, self._own_squares = map(np.asfortranarray, self._of(None, 0))
        chosen = self._of(labels, mixed.opinions.shape[1])
        own, trust, own_squares = chosen
        _learn(
            *(mixed.opinions, mixed.logits, *targets, self._settings),
            *(self._common, self._common_squares, own, own_squares),
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
    opinions, logits
        Outputs of the experts and the stacker, shape (experts + 1, L); the last row of `logits` is the bias.
    labels
        Ids, ascending, of the L labels that were mixed; None for all.
    """

    __slots__ = ("labels", "logits", "opinions", "probabilities")

    def __init__(
        self, probabilities: Vector, opinions: Vector, logits: Vector, labels: Ids | None = None
    ) -> None:
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
    """Fill in the experts' opinions, clipped, and their logits; the last row of the logits is the bias."""
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
    common: Vector,
    trust: Vector,
    probabilities: Vector,
) -> None:
    """Fill in stand-ins, the stacker's opinions (the last row) and Hedge's mixture of all of them."""
    stand_in(opinions, logits, part_time, asked)
    # Expert by expert, in memory order, so that several labels are computed per instruction.
    last, z = len(opinions) - 1, np.zeros_like(probabilities)
    for expert in range(last + 1):
        for label in range(len(z)):
            z[label] += (own[expert, label] + common[expert]) * logits[expert, label]
    for label in range(len(z)):
        opinions[last, label] = min(max(1.0 / (1.0 + math.exp(-np.float64(z[label]))), FLOOR), 1.0 - FLOOR)
        probabilities[label] = 0.0
    for expert in range(last + 1):
        for label in range(len(z)):
            probabilities[label] += opinions[expert, label] * trust[expert, label]
    for label in range(len(z)):
        probabilities[label] = min(probabilities[label], np.float32(1.0))


@compiled
def _learn(
    opinions: Vector,
    logits: Vector,
    positive: Ids,
    negative: Ids | None,
    settings: Vector,
    common: Vector,
    common_squares: Vector,
    own: Vector,
    own_squares: Vector,
    trust: Vector,
    common_trust: Vector,
) -> None:
    one, last, rate, share = np.float32(1.0), len(opinions) - 1, settings[0], settings[1]
    truth, unknown = np.zeros((2, opinions.shape[1]), dtype=np.bool_)
    truth[positive] = True
    if negative is not None:
        unknown[:] = ~truth
        unknown[negative] = False
    # Redistributed weight goes to the experts with high common trust.
    heirs = UNIFORM / np.float32(last + 1) + (one - UNIFORM) * common_trust
    right, errors = np.empty_like(opinions), np.empty_like(opinions[last])
    for label in range(len(errors)):
        error = opinions[last, label] - (one if truth[label] else np.float32(0.0))
        errors[label] = np.float32(0.0) if unknown[label] else error
    for expert in range(last + 1):
        for label in range(len(errors)):
            believed = opinions[expert, label] if truth[label] else one - opinions[expert, label]
            right[expert, label] = one if unknown[label] else believed
    _teach_stacker(logits, errors, rate, common, common_squares, own, own_squares)
    follow(right, unknown, share, heirs, trust)
    gained = np.empty(last + 1)
    for expert in range(last + 1):
        gained[expert] = log_product(right[expert])
    follow_in_general(gained, common_trust)


@compiled
def _teach_stacker(
    logits: Vector,
    errors: Vector,
    rate: np.float32,
    common: Vector,
    common_squares: Vector,
    own: Vector,
    own_squares: Vector,
) -> None:
    for expert in range(len(logits)):
        for label in range(len(errors)):
            gradient = logits[expert, label] * errors[label]
            own_squares[expert, label] += gradient * gradient
            own[expert, label] -= rate * gradient / np.sqrt(own_squares[expert, label])
        total = np.float32(0.0)
        for label in range(len(errors)):
            total += logits[expert, label] * errors[label]
        common_squares[expert] += total * total
        common[expert] -= rate * total / np.sqrt(common_squares[expert])
