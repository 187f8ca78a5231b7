"""Nearest neighbours in a short-term memory of adjusted size and in a compressed long-term one: MLSAMkNN."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drift.core import Arrays, Floats, Ids, Mask, Parts, State, Vector, check_number, compiled, fields, grown
from learners.core import MAX_LABELS, Learner, Prediction, Targets, filled, packed
from learners.neighbors.compression import compressed
from learners.neighbors.messages import Messages
from learners.neighbors.ranges import ranges

SMALLEST = 50
"""Fewest messages that the short-term memory is cut to."""
LONG_TERM = 0.4
"""Share of the messages kept that the long-term memory may hold before it is compressed."""


class _Vote(NamedTuple):
    """What some neighbours say: the labels that at least half of them have, and each label's share."""

    labels: Ids
    share: Vector


class SelfAdjustingNeighbours(Learner):
    """The k nearest messages vote, in the one of three memories that has erred least of late.

    The *short-term* memory holds recent messages. Whenever it would have erred less without its older half,
    three quarters and so on, down to 50, each of its messages predicted from those before it, it is cut to
    that size. What is cut off moves to the *long-term* memory, unless it contradicts what stays; and
    each new message removes what contradicts it from there. A message contradicts another of whose k nearest
    it is if some label differs although a neighbour of the other's that is as far away has it right. When
    both are full, the messages of each label-set in the long-term memory are replaced by half as many cluster
    centres. The third memory is both together. Errors are wrong labels a message.

    Distances are Euclidean, with features scaled to the range they have in the short-term memory, 0
    included; a missing value counts as 0, one beyond the range as its end. A value that alone is more than a
    thousand times as large as all others there widens no range.

    A baseline: on emotions, yeast and scene every score is below that of `ihomer`.

    Parameters
    ----------
    k
        Neighbours that vote, at least 1. With 1 the vote is noisy; with too many, rare labels are outvoted.
    window
        Most messages kept in both memories, at least 2; at least 100 for the size to be adjusted at all.
        Time grows faster than it: each message is judged by up to twice as many predictions.
    max_labels
        Most labels held, at least 1; the least useful leaves, see `LabelSpace`. Too few, and labels are
        forgotten before they come again.

    Examples
    --------
    >>> learner = SelfAdjustingNeighbours(k=1)
    >>> learner.learn_one({"wind": 9.0, "sun": 0.0}, {"storm": True, "beach": False})
    >>> learner.learn_one({"wind": 1.0, "sun": 8.0}, {"storm": False, "beach": True})
    >>> learner.predict_one({"wind": 7.0, "sun": 1.0})
    {'storm': True, 'beach': False}

    References
    ----------
    Roseberry and Cano, "Multi-label kNN classifier with self adjusting memory for drifting data streams",
    LIDTA 2018; Losing, Hammer and Wersing, "KNN classifier with self adjusting memory for heterogeneous
    concept drift", ICDM 2016. Sizes and the kind of error are those of the authors' program, ranges are not.
    Where label-sets are too many to be compressed it exceeds its bound; here the first of them leave.
    """

    state_fields = fields(
        Parts("_short", "_long"),
        Arrays("_apart", cut="_recent"),
        Arrays("_errors"),
    )

    def __init__(self, k: int = 5, window: int = 1000, max_labels: int = MAX_LABELS) -> None:
        check_number(self, "k", k, int, 1)
        check_number(self, "window", window, int, 2)
        self.k = k
        self.window = window
        super().__init__(max_labels)
        self._short, self._long = Messages(), Messages()
        self._ranges = ranges(self._short.vectors)
        # Of each message in the short-term memory: the squared distances to those before it, and the errors
        # that the three memories made at it; NaN where the long-term one was empty.
        self._apart: Vector = np.zeros((0, 0), dtype=np.float32)
        self._recent = 0
        self._errors: Floats = np.zeros((3, 0))

    def score(self, x: Vector) -> Vector:
        """Return each label's share of the vote, among the neighbours that know it; shape (L,)."""
        return self.predict(x).scores

    def predict(self, x: Vector) -> Prediction:
        """Return the labels with at least half of the vote in the memory that has erred least."""
        votes = self._votes(filled(x))
        usable = ~np.isnan(self._errors)
        totals = np.where(usable, self._errors, 0.0).sum(axis=1)
        counts = usable.sum(axis=1)
        means = np.where(counts > 0, totals / np.maximum(counts, 1), np.inf)
        # Of equally good ones the first: short-term, long-term, both.
        best = votes[int(means.argmin())] if votes[1] is not None else None
        labels, share = best or votes[0]
        return Prediction(labels, share, computed=self._computed(votes))

    def _votes(self, x: Vector) -> tuple[_Vote, _Vote | None, _Vote]:
        """Return the votes of the short-term memory, of the long-term one unless empty, and of both."""
        short, long = (kept.distances(x, self._ranges) for kept in (self._short, self._long))
        recent, past = self._short.targets, self._long.targets
        first = self._vote(short, recent)
        if not past:
            return first, None, first
        return first, self._vote(long, past), self._vote(np.concatenate([short, long]), recent + past)

    def _vote(self, distances: Vector, targets: list[Targets]) -> _Vote:
        yes, known = (np.zeros(len(self.label_space)) for _ in range(2))
        for row in _nearest(distances, self.k).tolist():
            said = targets[row]
            yes[said.positive] += 1.0
            if said.negative is None:
                known += 1.0
            else:
                known[said.positive] += 1.0
                known[said.negative] += 1.0
        share = (yes / np.maximum(known, 1.0)).astype(np.float32)
        return _Vote(np.flatnonzero(share >= 0.5), share)

    def learn(self, x: Vector, targets: Targets) -> None:
        """See `learn_predicted`."""
        self.learn_predicted(x, targets, None)

    def learn_predicted(self, x: Vector, targets: Targets, prediction: Prediction | None) -> None:
        """Judge the three memories, keep this message, and adjust them."""
        x = filled(x)
        votes = self._reusable(prediction) or self._votes(x)
        errors = [np.nan if vote is None else float(_wrong(vote.labels, targets)) for vote in votes]
        self._errors = np.concatenate([self._errors, np.array(errors)[:, None]], axis=1)
        self._count(x)
        self._short.add(x[:, None], [targets])
        self._recent += 1
        self._apart = grown(self._apart, self._recent, self._recent)
        self._measure()
        self._apart[self._recent - 1, : self._recent] = self._short.distances(x, self._ranges)
        self._bound()
        self._clean(self._long, self._recent - 1)
        size = self._best_size()
        if size < self._recent:
            past = Messages()
            past.add(*self._cut(self._recent - size))
            for row in range(size):
                self._clean(past, row)
            self._long.add(past.vectors, past.targets)
        self._measure()

    def _measure(self) -> None:
        self._ranges = ranges(self._short.vectors)

    def _bound(self) -> None:
        """Where there are too many, move the oldest recent messages, and compress the long-term memory."""
        if self._recent + len(self._long) <= self.window:
            return
        most = int(LONG_TERM * self.window)
        self._long.add(*self._cut(max(1, most - len(self._long) + 1)))
        low, high = (ends[: len(self._long.vectors)] for ends in self._ranges)
        within = np.clip(self._long.vectors, low[:, None], high[:, None])
        vectors, targets = compressed(within, self._long.targets, high - low, self._messages)
        self._long = Messages()
        kept = max(0, len(targets) - most)
        self._long.add(vectors[:, kept:], targets[kept:])

    def _cut(self, count: int) -> tuple[Vector, list[Targets]]:
        """Remove the oldest messages of the short-term memory, and return them."""
        stay = slice(count, self._recent)
        self._recent -= count
        self._apart[: self._recent, : self._recent] = self._apart[stay, stay].copy()
        self._errors = self._errors[:, count:].copy()
        return self._short.take(count)

    def _clean(self, messages: Messages, row: int) -> None:
        """Remove those of a recent message's k nearest that contradict it."""
        if self._recent <= self.k or not len(messages):
            return
        x, own = self._short.vectors[:, row], self._short.targets[row]
        apart = self._short.distances(x, self._ranges)
        apart[row] = np.inf
        peers = _nearest(apart, self.k)
        distances = messages.distances(x, self._ranges)
        near = _nearest(distances, self.k)
        named = [own.positive, *(messages.targets[each].positive for each in near.tolist())]
        labels = np.unique(np.concatenate(named))
        truth = _status(own, labels)
        agreed = np.stack(
            [_status(self._short.targets[peer], labels) * truth == 1 for peer in peers.tolist()]
        )
        reach = np.where(agreed, apart[peers][:, None], -np.inf).max(axis=0)
        wrong = [
            each
            for each in near.tolist()
            if ((_status(messages.targets[each], labels) * truth == -1) & (distances[each] <= reach)).any()
        ]
        if wrong:
            messages.keep(np.delete(np.arange(len(messages)), wrong))

    def _best_size(self) -> int:
        """Return how many recent messages, all or the newest half, quarter and so on, err least."""
        size = best = self._recent
        if size < 2 * SMALLEST:
            return size
        said = packed(self._short.targets)
        positive, negative = (said[name]["ids"] for name in ("positive", "negative"))
        ends = np.stack([said[name]["ends"] for name in ("positive", "negative")])
        least = np.inf
        while size >= SMALLEST:
            wrong = _wrong_in_turn(
                *(self._apart, self._recent - size, self.k, len(self.label_space)),
                *(positive, negative, ends, said["complete"]),
            )
            if wrong / size < least:
                best, least = size, wrong / size
            size //= 2
        return best

    def forget(self, labels: Ids) -> None:
        """See `Learner.forget`; the messages stay, without the labels that leave."""
        super().forget(labels)
        self._short.forget(labels)
        self._long.forget(labels)

    def load_state(self, state: State) -> None:
        """See `Learner.load_state`."""
        super().load_state(state)
        self._measure()


def _nearest(distances: Vector, k: int) -> Ids:
    """Return the places of the least distances, ascending; of equal ones the first."""
    return np.argsort(distances, kind="stable")[:k]


def _status(targets: Targets, labels: Ids) -> Ids:
    """Return 1 for labels that a message has, -1 for ones it lacks, and 0 for ones not known."""
    if targets.negative is None:
        return np.where(np.isin(labels, targets.positive), 1, -1)
    return np.isin(labels, targets.positive).astype(np.intp) - np.isin(labels, targets.negative)


def _wrong(labels: Ids, targets: Targets) -> int:
    """Return how many labels were predicted wrongly, of those that are known."""
    right = int(np.isin(targets.positive, labels).sum())
    if targets.negative is None:
        return len(labels) + len(targets.positive) - 2 * right
    return len(targets.positive) - right + int(np.isin(targets.negative, labels).sum())


@compiled
def _wrong_in_turn(
    apart: Vector, start: int, k: int, labels: int, positive: Ids, negative: Ids, ends: Ids, complete: Mask
) -> int:
    """Return how many labels are wrong if each message from `start` on is predicted from those before it."""
    near = np.empty(k, dtype=np.intp)
    # Neighbours that have a label, and of those with partial labels how many know it.
    yes, knowing = np.zeros(labels, dtype=np.intp), np.zeros(labels, dtype=np.intp)
    wrong = 0
    for row in range(start, len(complete)):
        found = 0
        for other in range(start, row):
            distance = apart[row, other]
            if found == k and distance >= apart[row, near[k - 1]]:
                continue
            place = min(found, k - 1)
            while place > 0 and apart[row, near[place - 1]] > distance:
                near[place] = near[place - 1]
                place -= 1
            near[place] = other
            found = min(found + 1, k)
        knowing_all = 0
        for other in near[:found]:
            knowing_all += complete[other]
            for label in _of(other, positive, ends[0]):
                yes[label] += 1
                knowing[label] += 1 - complete[other]
            for label in _of(other, negative, ends[1]):
                knowing[label] += 1
        # What is predicted and true does not count as predicted any more below.
        for label in _of(row, positive, ends[0]):
            wrong += yes[label] == 0 or 2 * yes[label] < knowing_all + knowing[label]
            yes[label] = 0
        for label in _of(row, negative, ends[1]):
            wrong += yes[label] > 0 and 2 * yes[label] >= knowing_all + knowing[label]
        for other in near[:found]:
            for label in _of(other, positive, ends[0]):
                wrong += complete[row] and yes[label] > 0 and 2 * yes[label] >= knowing_all + knowing[label]
                yes[label] = 0
        for other in near[:found]:
            knowing[_of(other, positive, ends[0])] = 0
            knowing[_of(other, negative, ends[1])] = 0
    return wrong


@compiled
def _of(row: int, ids: Ids, ends: Ids) -> Ids:
    return ids[ends[row - 1] if row else 0 : ends[row]]
