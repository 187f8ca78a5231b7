"""A rehearsal memory of past messages, balanced over labels; silent labels are rehearsed from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drift.core import Floats, Ids, Mask, State, Vector, check_number, compiled, grown
from learners.core import Features, Sparse, Targets, given_part, in_both, packed, unpacked
from learners.memory.reservoir import BalancedReservoir

NOTHING = Sparse(np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32))
"""Stands for a sparse part that was not given."""
SILENCE = 200
"""Messages without a label after which it counts as silent: on streams of few labels hardly any ever does."""
USUAL = 2
"""An occurrence of a label stands for so many times the messages that usually lie between two."""
RETURN = 4
"""Occurrences in quick succession after which a label that was silent is not any more."""
OFTEN = 2
"""Most rehearsals of a silent label, as a multiple of its share of the memory: where few labels are silent,
those that go on would be learned the worse for more."""
HORIZON = 5
"""Horizon of the remembered messages of a label, as a multiple of the capacity: see `BalancedReservoir`."""
AGES = (1_000, 10_000)
"""Messages since a label occurred last that divide what is rehearsed, for `Rehearsal.f1`."""
LATELY = 0.99
"""Decay, a message of the same ages, of how rehearsed messages were predicted."""


class Rehearsal:
    """Keeps the vectors and targets of at most `capacity` messages, and says which to rehearse.

    What the stream does not show any more is rehearsed, at most twice as often as its share of the memory: of
    the labels that are silent, the one with the most remembered messages and the longest time since it was
    last taught, and of its messages the one rehearsed longest ago. A label that goes on occurring is not
    rehearsed, so a stream in which all do is learned as without a memory. Where all are rehearsed (`silence`
    0), as often as is asked, one that is told less than half as often as before falls silent all the same,
    since wrong labels go on to name it. Which messages stay: see `BalancedReservoir`; of a label's messages
    as many are wrong as in the stream, and what it meant before a drift is forgotten as it occurs again.

    Parameters
    ----------
    capacity
        Messages kept, at least 1. With too few, silent labels overfit the ones that are left; memory and
        snapshots grow with it.
    silence
        Messages without a label after which it is rehearsed, at least 0. If too small, rare labels are
        predicted too often; if too large, forgetting is ahead of the rehearsal.

    References
    ----------
    Chaudhry et al., "On Tiny Episodic Memories in Continual Learning", 2019: experience replay. Prabhu, Torr
    and Dokania, "GDumb", ECCV 2020: a memory balanced over classes.
    """

    def __init__(self, capacity: int = 1000, silence: int = 0) -> None:
        check_number(self, "capacity", capacity, int, 1)
        check_number(self, "silence", silence, int, 0)
        self.capacity = capacity
        self.silence = silence
        self._slots = BalancedReservoir(capacity, HORIZON * capacity)
        self._vectors: Vector = np.zeros((0, 0), dtype=np.float32)
        self._sparse: list[Sparse] = []
        self._targets: list[Targets] = []
        self._filed: list[Ids] = []
        self._now = 0
        # When each message was last learned; by label, until when its occurrences suffice (see `_occur`) and
        # when it was last taught.
        self._turns: Ids = np.zeros(capacity, dtype=np.intp)
        self._occurred: Ids = np.zeros(0, dtype=np.intp)
        self._taught: Ids = np.zeros(0, dtype=np.intp)
        # By age: twice the hits, and predicted and true labels, decayed.
        self._judged: Floats = np.zeros((len(AGES) + 1, 2))

    def __len__(self) -> int:
        """Return how many messages are kept."""
        return len(self._slots)

    def add(self, x: Vector, targets: Targets, labels: Ids, occurring: Ids | None = None) -> None:
        """Keep one message.

        Parameters
        ----------
        x
            The message's vector, shape (d,).
        targets
            Its targets.
        labels
            The labels that it is kept for, usually its positives.
        occurring
            The labels that are not silent any more; None (the default) for those that it is kept for.
        """
        self._now += 1
        slot = self._slots.place(labels)
        self._vectors = grown(self._vectors, min(self.capacity, max(len(self), 16)), len(x))
        row = self._vectors[slot]
        row[: len(x)] = x
        row[len(x) :] = 0.0
        sparse = given_part(x) or NOTHING
        if slot < len(self._targets):
            self._sparse[slot], self._targets[slot], self._filed[slot] = sparse, targets, labels
        else:
            self._sparse.append(sparse)
            self._targets.append(targets)
            self._filed.append(labels)
        self._turns[slot] = self._now
        self._note(labels)
        if occurring is None:
            occurring = labels
        else:
            self._grow(occurring)
        # Labels come in bursts: where those that go on are not rehearsed, their absence has to teach.
        if self.silence:
            self._occurred[occurring] = self._now
        else:
            _occur(self._occurred, self._slots.came, occurring, self._now)

    def without_silent(self, targets: Targets, size: int, labels: Ids | None = None) -> Targets:
        """Return the targets of the next message, with silent labels as unknown where they are absent.

        `targets` are places among some labels (ids), of which there are `size`; None (the default) for all.
        A label is silent after `SILENCE` messages without it, or with few of it: see `Rehearsal`. That its
        absence goes on shows which expert follows the present stream best, not which one will recognise the
        label when it comes back.
        """
        at = self._occurred, self._now + 1, size, labels, targets.positive
        if not _any_silent(*at):
            return targets
        silent = _silent(*at)
        known = ~(silent | targets.unknown(size))
        known[targets.positive] = False
        return Targets(targets.positive, np.flatnonzero(known))

    def draw(self) -> int | None:
        """Return the slot of the message to rehearse now, which then counts as taught; None for none."""
        counts = self._slots.counts(len(self._taught))
        due = max(1, len(self) // OFTEN) if self.silence else 1
        label = _most_overdue(counts, self._occurred, self._taught, self._now, self.silence, due)
        if label < 0:
            return None
        slot = self._slots.next_of(label, self._turns)
        self._turns[slot] = self._now
        self._taught[self._filed[slot]] = self._now
        return slot

    def is_silent(self, slot: int) -> bool:
        """Return whether a message is kept for a label that has been silent for `SILENCE` messages."""
        return bool(self._now - self._occurred[self._filed[slot]].min(initial=self._now) >= SILENCE)

    def judge(self, slot: int, predicted: Ids) -> None:
        """Count how the message just drawn was predicted, before it is learned again."""
        age = self._now - self._occurred[self._filed[slot]].min()
        of_age = self._judged[int(np.searchsorted(AGES, age, side="right"))]
        true = self._targets[slot].positive
        of_age *= LATELY
        of_age += 2 * in_both(predicted, true), len(predicted) + len(true)

    def f1(self) -> list[float]:
        """Return the F1 of rehearsed messages lately, by how long their most silent label has been silent.

        One figure for each range that `AGES` divides; 1 where nothing was rehearsed: nothing is forgotten.
        """
        return [float(hits / count) if count else 1.0 for hits, count in self._judged]

    def vector(self, slot: int) -> Vector:
        """Return a message's vector, padded to the longest one kept: a copy, as others take its place."""
        row: Vector = self._vectors[slot].copy()
        sparse = self._sparse[slot]
        return Features(row, sparse) if len(sparse.indices) else row

    def targets(self, slot: int) -> Targets:
        """Return a message's targets."""
        return self._targets[slot]

    def refile(self, slot: int, labels: Ids) -> None:
        """Set the labels that a message is kept for."""
        self._note(labels)
        self._filed[slot] = labels
        self._slots.refile(slot, labels)

    def forget(self, labels: Ids) -> None:
        """Take some labels off the messages, and forget when they occurred; see `Learner.forget`."""
        # Of many messages few name them, and labels may leave with each message.
        for slot in _naming(self._filed, labels):
            self._filed[slot] = _without(self._filed[slot], labels)
        said = [each for targets in self._targets for each in (targets.positive, targets.negative)]
        for slot in dict.fromkeys(place // 2 for place in _naming(said, labels)):
            positive, negative = self._targets[slot]
            negative = None if negative is None else _without(negative, labels)
            self._targets[slot] = Targets(_without(positive, labels), negative)
        self._slots.forget(labels)
        known = labels[labels < len(self._taught)]
        self._occurred[known] = self._taught[known] = 0

    def _note(self, labels: Ids) -> None:
        """Note that labels are taught by this message."""
        self._grow(labels)
        self._taught[labels] = self._now

    def _grow(self, labels: Ids) -> None:
        size = max(labels.tolist(), default=-1) + 1
        if size > len(self._taught):
            self._occurred, self._taught = grown(self._occurred, size), grown(self._taught, size)

    def state(self) -> State:
        """Return the messages and when they were learned; see `Learner.state`."""
        ends = np.cumsum([len(sparse.indices) for sparse in self._sparse], dtype=np.intp)
        indices, values = zip(*self._sparse, NOTHING, strict=True)
        return {
            "now": self._now,
            "vectors": self._vectors[: len(self)],
            "sparse": {"ends": ends, "indices": np.concatenate(indices), "values": np.concatenate(values)},
            "targets": packed(self._targets),
            "labels": packed([Targets(labels) for labels in self._filed]),
            "numbers": self._slots.numbers,
            "keys": self._slots.keys[: len(self)],
            "came": self._slots.came,
            "turns": self._turns[: len(self)],
            "occurred": self._occurred,
            "taught": self._taught,
            "judged": self._judged,
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self._now = state["now"]
        self._vectors = np.array(state["vectors"], dtype=np.float32)
        parts = state["sparse"]
        cuts = [np.split(np.array(parts[name]), parts["ends"]) for name in ("indices", "values")]
        self._sparse = [Sparse(*part) for part in zip(*cuts, strict=True)][: len(parts["ends"])]
        self._targets = unpacked(state["targets"])
        self._filed = [labels.positive for labels in unpacked(state["labels"])]
        self._slots.take(state["keys"], state["came"], state["numbers"], self._filed, self._now)
        self._turns[: len(self)] = state["turns"]
        self._occurred, self._taught = np.array(state["occurred"]), np.array(state["taught"])
        self._judged = np.array(state["judged"])


def _naming(sets: Sequence[Ids | None], labels: Ids) -> list[int]:
    """Return which of some label-sets hold any of some labels, ascending."""
    sizes = np.array([0 if each is None else len(each) for each in sets], dtype=np.intp)
    every = np.concatenate([labels[:0], *(each for each in sets if each is not None)])
    places = np.repeat(np.arange(len(sets)), sizes)
    return [*dict.fromkeys(places[np.isin(every, labels)].tolist())]


def _without(labels: Ids, gone: Ids) -> Ids:
    return labels[~np.isin(labels, gone)]


@compiled
def _occur(occurred: Ids, came: Ids, labels: Ids, now: int) -> None:
    """Note that labels occur now: each moves on by `USUAL` times its usual distance, at most to now.

    So a label that goes on at half its usual rate or more stays near the present, and one that is told less
    often than that, as by mistake, falls behind until it counts as silent. How far it fell is forgotten, so
    that it takes some occurrences until it is not, however long it was silent.
    """
    for label in labels:
        messages = came[label + 1] if label + 1 < len(came) else 0
        step = USUAL * now // messages if messages else now
        last = max(occurred[label], now - SILENCE - RETURN * step) if occurred[label] else now
        occurred[label] = min(now, last + step)


@compiled
def _any_silent(occurred: Ids, now: int, size: int, labels: Ids | None, positive: Ids) -> bool:
    """Return whether a label may be silent at all; see `_silent`."""
    some = False
    if labels is None:
        for label in range(min(size, len(occurred))):
            some |= occurred[label] > 0 and now - occurred[label] >= SILENCE
        return some and bool(_silent(occurred, now, size, labels, positive).any())
    return True


@compiled
def _silent(occurred: Ids, now: int, size: int, labels: Ids | None, positive: Ids) -> Mask:
    """Return which labels have occurred before, but not in the last `SILENCE` messages.

    The positive ones occur now. Shape (size,).
    """
    silent = np.zeros(size, dtype=np.bool_)
    if labels is None:
        for label in range(min(size, len(occurred))):
            silent[label] = occurred[label] > 0 and now - occurred[label] >= SILENCE
    else:
        for place in range(size):
            if labels[place] < len(occurred):
                last = occurred[labels[place]]
                silent[place] = last > 0 and now - last >= SILENCE
    for label in positive:
        silent[label] = False
    return silent


@compiled
def _most_overdue(counts: Ids, occurred: Ids, taught: Ids, now: int, silence: int, due: int) -> int:
    """Return the silent label that misses most teaching, at least so much; -1 for none, of equals the first.

    A label misses its messages in the memory, times how many messages ago it was taught.
    """
    label, most = -1, due - 1
    for each in range(len(counts)):
        overdue = counts[each] * (now - taught[each])
        if overdue > most and now - occurred[each] >= silence:
            label, most = each, overdue
    return label
