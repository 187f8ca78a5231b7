"""Labels that are identical to or subsumed by another: detected online, proposed for the taxonomy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter

import numpy as np

from drift.alarms import Alarm, Observation
from drift.core import Ids, Parametrised, State
from drift.statistics import (
    ADMISSION_MESSAGES,
    CHECK_PERIOD,
    DISMISSAL_MESSAGES,
    GENERATION_MESSAGES,
    PAIRED_LABELS,
    Companion,
    LabelWindow,
    allowed_p,
    without,
)

COMPANION_FIELDS = attrgetter("earlier_of", "earlier_met", "met", "skipped", "within", "follows")
"""Reads the counts of a `Companion`, in the order of its fields."""


class RelationMonitor(Parametrised):
    """Proposes to merge labels that always occur together, and to move a label below one that subsumes it.

    A label is *within* another if at least `share` of its messages surely carry the other as well. Surely
    means that the Chernoff bound on so few exceptions, if `share` were not reached, is below what the budget
    of false proposals allows. Labels within each other are *identical*; where the other direction surely
    does not hold, the second *subsumes* the first. A relation that the taxonomy contains already, or that
    follows from another relation, is not proposed; if its basis ends, it needs new evidence. Each proposal
    is made once (action "proposed"), and withdrawn when it surely no longer holds ("withdrawn"). Scope
    *structure*, detectors ``identical/chernoff`` and ``subsumes/chernoff``; the statistic is the (smaller)
    share, the threshold `share`.

    Counts cover a label's latest 250 to 500 own messages, so that rare labels get as much evidence as
    frequent ones; about ln(1 / p) / (1 - share) messages are needed, 110 at the default. A label that most
    messages carry subsumes another one only if it is surely missing at most a quarter as often from that
    label's messages as from all. A message with k labels costs O(k²). A label that is unknown for a message
    counts as absent, so relations of labels that are often unknown are rarely proposed.

    Parameters
    ----------
    budget
        False proposals (or withdrawals) per 100,000 messages for all pairs, positive. More is quicker.
    share
        Required share, in (0.5, 1). Lower proposes merely correlated labels; higher needs more evidence.

    Examples
    --------
    >>> monitor = RelationMonitor()
    >>> for n in range(600):
    ...     labels = np.array([[0, 1], [0], [2], [2, 3]][n % 4])
    ...     seen = Observation(labels, labels, name=["grain", "wheat", "oil", "gas"].__getitem__)
    ...     for alarm in monitor.update(seen):
    ...         print(n, alarm.subject, alarm.operation)
    444 wheat in grain ('move', 'wheat', ('grain',))
    447 gas in oil ('move', 'gas', ('oil',))
    """

    def __init__(self, budget: float = 1.0, share: float = 0.9) -> None:
        if not budget > 0:
            raise ValueError(f"RelationMonitor needs budget in (0, inf). Got {budget!r} instead.")
        if not 0.5 < share < 1:
            raise ValueError(f"RelationMonitor needs share in (0.5, 1). Got {share!r} instead.")
        self.budget = budget
        self.share = share
        self._messages = 0
        self._tests = 0
        self._labels: dict[int, LabelWindow] = {}
        self._open: dict[tuple[int, int], bool] = {}
        """Open proposals: (first, second), and whether the two are identical; if not, first is in second."""

    def update(self, observation: Observation) -> list[Alarm]:
        """See `Monitor`."""
        self._messages += 1
        labels = observation.actual.tolist()
        doubtful: dict[tuple[int, int], None] = {}
        carried = set(labels)
        for label in labels:
            for other in self._count(label, labels, carried, observation):
                doubtful.setdefault((min(label, other), max(label, other)))
        alarms = [alarm for pair in doubtful for alarm in self._settle(*pair, observation)]
        for own in map(self._labels.__getitem__, labels):
            if own.count == GENERATION_MESSAGES:
                own.since, own.turn = own.turn, self._messages + 1
            if own.tidies:
                own.tidy()
        return alarms

    def forget(self, labels: Ids) -> None:
        """See `Monitors.forget`."""
        gone = set(labels.tolist())
        self._labels = {label: own for label, own in self._labels.items() if label not in gone}
        for own in self._labels.values():
            if not gone.isdisjoint(own.companions):
                own.companions = {other: each for other, each in own.companions.items() if other not in gone}
                own.within = [other for other in own.within if other not in gone]
        self._open = without(self._open, labels)

    # Counting and testing -----------------------------------------------------------------------------

    def _count(
        self, label: int, labels: Sequence[int], carried: set[int], observation: Observation
    ) -> list[int]:
        """Count a label's message; return the companions whose relation to it may have changed."""
        own = self._labels.get(label)
        if own is None:
            own = self._labels[label] = LabelWindow(self._messages, self._messages)
        own.count += 1
        # Of two collections, an intersection goes through the smaller one.
        for other in own.companions.keys() & carried:
            own.companions[other].met += 1
        if own.count <= ADMISSION_MESSAGES:
            for other in labels[:PAIRED_LABELS]:
                if other != label and other not in own.companions and not _implied(label, other, observation):
                    own.companions[other] = Companion(skipped=own.count)
        return self._test(own, carried)

    def _test(self, own: LabelWindow, labels: set[int]) -> list[int]:
        broken = [other for other in own.within if other not in labels and self._fails(own, other)]
        for other in broken:
            own.companions[other].within = False
            own.within.remove(other)
        if own.count % CHECK_PERIOD:
            return broken
        for other, companion in own.companions.items():
            if not companion.within and other in labels and self._holds(own, other):
                companion.within = True
                own.within.append(other)
        return broken + own.within

    def _holds(self, own: LabelWindow, other: int) -> bool:
        """Whether surely enough of a label's messages carry another one, and more than of all messages."""
        theirs = self._labels.get(other)
        if theirs is None:
            return False
        usual = (theirs.earlier + theirs.count) / (self._messages - theirs.since + 1)
        return self._sure(own, other, min(1 - self.share, (1 - usual) / 4), below=True)

    def _fails(self, own: LabelWindow, other: int) -> bool:
        """Whether surely too few of a label's messages carry another one."""
        if other not in own.companions:
            return own.earlier + own.count >= DISMISSAL_MESSAGES
        return self._sure(own, other, 1 - self.share, below=False)

    def _sure(self, own: LabelWindow, other: int, missing: float, *, below: bool) -> bool:
        met, of = own.carried(other)
        missed = of - met
        if not of or missing <= 0 or (missed < missing * of) != below:
            return False
        self._tests += 1
        return chernoff(missed, of, missing) <= allowed_p(self.budget, self._tests, self._messages)

    # Proposals ----------------------------------------------------------------------------------------

    def _settle(self, first: int, second: int, observation: Observation) -> list[Alarm]:
        """Propose or withdraw the relation between two labels, depending on what holds now."""
        is_open = (first, second) in self._open or (second, first) in self._open
        if _implied(first, second, observation):
            # The taxonomy contains the relation by now: the proposal was accepted.
            self._open.pop((first, second), None)
            self._open.pop((second, first), None)
            return []
        if is_open:
            return self._reconsider(first, second, observation)
        found = self._found(first, second)
        if found is None:
            return []
        lower, upper, identical = found
        own = self._labels[lower]
        if self._follows(*found, observation):
            own.companions[upper].follows = True
            return []
        if own.companions[upper].follows:
            # The relation's basis has just ended; older messages are no evidence for what holds without it.
            own.restart(upper)
            return []
        self._open[lower, upper] = identical
        return [self._told(lower, upper, identical, "proposed", observation)]

    def _reconsider(self, first: int, second: int, observation: Observation) -> list[Alarm]:
        lower, upper = (first, second) if (first, second) in self._open else (second, first)
        identical = self._open[lower, upper]
        if self._within(lower, upper) and self._within(upper, lower) == identical:
            return []
        del self._open[lower, upper]
        alarm = self._told(lower, upper, identical, "withdrawn", observation)
        if identical:
            # Older messages do not show whether one of the two directions still holds.
            self._labels[lower].restart(upper)
            self._labels[upper].restart(lower)
        return [alarm, *self._settle(first, second, observation)]

    def _found(self, first: int, second: int) -> tuple[int, int, bool] | None:
        """Return the lower label, the upper one, and whether they are identical (the newer one is lower)."""
        if self._within(first, second) and self._within(second, first):
            return second, first, True
        for lower, upper in ((first, second), (second, first)):
            if self._within(lower, upper) and self._fails(self._labels[upper], lower):
                return lower, upper, False
        return None

    def _within(self, label: int, other: int) -> bool:
        own = self._labels.get(label)
        return own is not None and other in own.within

    def _follows(self, lower: int, upper: int, identical: bool, observation: Observation) -> bool:
        """Whether a relation follows from others, through a label in between or an identical one."""
        own = self._labels[lower]
        between = [
            *observation.above(lower),
            *(other for other in own.companions if self._likely(own, other)),
        ]
        for other in between:
            if other == upper:
                continue
            same = self._within(other, lower) and self._within(lower, other)
            if same and other < (upper if identical else lower):
                return True
            if identical:
                continue
            up = self._within(other, upper) or upper in observation.above(other)
            if up and not (self._within(upper, other) and upper < other):
                return True
        return False

    def _likely(self, own: LabelWindow, other: int) -> bool:
        met, of = own.carried(other)
        return met >= self.share * of

    def _told(self, lower: int, upper: int, identical: bool, action: str, observation: Observation) -> Alarm:
        pairs = [(lower, upper), (upper, lower)] if identical else [(lower, upper)]
        shares, p, window = [], 0.0, 0
        for label, other in pairs:
            met, of = self._labels[label].carried(other)
            shares.append(met / of)
            p, window = max(p, chernoff(of - met, of, 1 - self.share)), max(window, of)
        name, into = observation.name(lower), observation.name(upper)
        return Alarm(
            "identical/chernoff" if identical else "subsumes/chernoff",
            "relation",
            f"{name} {'=' if identical else 'in'} {into}",
            min(shares),
            self.share,
            window,
            action,
            p=p,
            operation=("merge" if identical else "move", name, (into,)),
        )

    # State --------------------------------------------------------------------------------------------

    def state(self) -> State:
        """See `Monitor`."""
        labels = [(key, own.since, own.turn, own.earlier, own.count) for key, own in self._labels.items()]
        companions = [
            (key, other, *COMPANION_FIELDS(each))
            for key, own in self._labels.items()
            for other, each in own.companions.items()
        ]
        within = [(key, other) for key, own in self._labels.items() for other in own.within]
        proposed = [(*pair, identical) for pair, identical in self._open.items()]
        return super().state() | {
            "messages": self._messages,
            "tests": self._tests,
            "labels": np.array(labels, dtype=np.int64).reshape(-1, 5),
            # `fromiter`, because ten thousand rows are common and the stream waits for the snapshot.
            "companions": np.fromiter(chain.from_iterable(companions), dtype=np.int64).reshape(-1, 8),
            "within": np.array(within, dtype=np.int64).reshape(-1, 2),
            "open": np.array(proposed, dtype=np.int64).reshape(-1, 3),
        }

    def load_state(self, state: State) -> None:
        """See `Monitor`."""
        super().load_state(state)
        self._messages, self._tests = state["messages"], state["tests"]
        self._labels = {key: LabelWindow(*rest) for key, *rest in np.asarray(state["labels"]).tolist()}
        for key, other, earlier_of, earlier_met, met, skipped, within, follows in np.asarray(
            state["companions"]
        ).tolist():
            self._labels[key].companions[other] = Companion(
                earlier_of, earlier_met, met, skipped, bool(within), bool(follows)
            )
        for key, other in np.asarray(state["within"]).tolist():
            self._labels[key].within.append(other)
        self._open = {
            (lower, upper): bool(identical) for lower, upper, identical in np.asarray(state["open"]).tolist()
        }


def chernoff(missed: int, of: int, missing: float) -> float:
    """Bound the tail probability of a binomial count, on the side of its expectation on which it lies.

    Examples
    --------
    >>> round(chernoff(0, 100, 0.1), 7) == round(0.9**100, 7)
    True
    >>> chernoff(10, 100, 0.1)
    1.0
    """
    share = missed / of
    nats = 0.0
    for p, q in ((share, missing), (1 - share, 1 - missing)):
        nats += p * math.log(p / q) if p else 0.0
    return math.exp(-of * nats)


def _implied(first: int, second: int, observation: Observation) -> bool:
    return first in observation.above(second) or second in observation.above(first)
