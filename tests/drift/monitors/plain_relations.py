"""`RelationMonitor` written plainly: whole histories, every count taken anew from them."""

from __future__ import annotations

import numpy as np
from scipy.special import rel_entr

from drift.statistics.companions import (
    ADMISSION_MESSAGES,
    CHECK_PERIOD,
    DISMISSAL_MESSAGES,
    GENERATION_MESSAGES,
    PAIRED_LABELS,
    TIDY_PERIOD,
)

Pair = tuple[int, int]


def chance(missed: int, of: int, missing: float) -> float:
    """Return the Chernoff bound of a binomial count."""
    counts = np.array([missed, of - missed]) / of
    return float(np.exp(-of * rel_entr(counts, [missing, 1 - missing]).sum()))


class PlainRelations:
    """Keeps every message; for labels without a taxonomy."""

    def __init__(self, budget: float, share: float) -> None:
        self.budget, self.share = budget, share
        self.messages: list[list[int]] = []
        self.own: dict[int, list[int]] = {}
        self.rolled: dict[int, bool] = {}
        self.begun: dict[Pair, int] = {}
        self.within: dict[Pair, None] = {}
        self.followed: set[Pair] = set()
        self.open: dict[Pair, bool] = {}
        self.tests = 0

    def first(self, label: int) -> int:
        """Return where, among a label's own messages, its window begins."""
        many = len(self.own[label])
        generation = many // GENERATION_MESSAGES if self.rolled[label] else (many - 1) // GENERATION_MESSAGES
        return max(0, generation - 1) * GENERATION_MESSAGES

    def count(self, label: int) -> int:
        """Return how many messages of its present generation a label has."""
        return (len(self.own[label]) - 1) % GENERATION_MESSAGES + 1

    def carried(self, label: int, other: int) -> tuple[int, int]:
        """Return how many of the messages that count lack the other label, and how many count."""
        counted = self.own[label][max(self.begun[label, other], self.first(label)) :]
        return sum(other not in self.messages[n] for n in counted), len(counted)

    def update(self, labels: list[int]) -> list[tuple[str, Pair, bool]]:
        """Take in a message; return what is proposed and withdrawn: lower, upper, whether identical."""
        self.messages.append(labels)
        touched: list[Pair] = []
        for label in labels:
            self.own.setdefault(label, []).append(len(self.messages) - 1)
            self.rolled[label] = False
            if self.count(label) <= ADMISSION_MESSAGES:
                for other in labels[:PAIRED_LABELS]:
                    if other != label:
                        self.begun.setdefault((label, other), len(self.own[label]))
            touched += [(min(label, other), max(label, other)) for other in self.examine(label, labels)]
        said = [told for pair in dict.fromkeys(touched) for told in self.settle(*pair)]
        for label in labels:
            count = self.count(label)
            if count in (DISMISSAL_MESSAGES, GENERATION_MESSAGES) or (
                count <= ADMISSION_MESSAGES + 1 and count % TIDY_PERIOD == 1
            ):
                self.drop(label)
            self.rolled[label] = self.count(label) == GENERATION_MESSAGES
        return said

    def examine(self, label: int, labels: list[int]) -> list[int]:
        """Test a label's companions; return those with which something may be new."""
        held = [other for one, other in self.within if one == label]
        broken = [other for other in held if other not in labels and self.fails(label, other)]
        for other in broken:
            del self.within[label, other]
        if self.count(label) % CHECK_PERIOD:
            return broken
        for other in [other for one, other in self.begun if one == label]:
            if (label, other) not in self.within and other in labels and self.holds(label, other):
                self.within[label, other] = None
        return broken + [other for one, other in self.within if one == label]

    def holds(self, label: int, other: int) -> bool:
        """Test whether the other label surely comes along."""
        if other not in self.own:
            return False
        first = self.first(other)
        since = self.own[other][first - 1] + 1 if first else self.own[other][0]
        usual = (len(self.own[other]) - first) / (len(self.messages) - since)
        return self.sure(label, other, min(1 - self.share, (1 - usual) / 4), below=True)

    def fails(self, label: int, other: int) -> bool:
        """Test whether the other label surely does not come along."""
        if (label, other) not in self.begun:
            return len(self.own[label]) - self.first(label) >= DISMISSAL_MESSAGES
        return self.sure(label, other, 1 - self.share, below=False)

    def sure(self, label: int, other: int, missing: float, *, below: bool) -> bool:
        """Compare the bound with what the budget allows."""
        missed, of = self.carried(label, other)
        if not of or missing <= 0 or (missed < missing * of) != below:
            return False
        self.tests += 1
        return chance(missed, of, missing) <= self.budget / 1e5 / max(1.0, self.tests / len(self.messages))

    def drop(self, label: int) -> None:
        """Forget companions of less than half the messages."""
        for other in [other for one, other in self.begun if one == label]:
            missed, of = self.carried(label, other)
            if (label, other) not in self.within and 2 * missed > of:
                del self.begun[label, other]
                self.followed.discard((label, other))

    def restart(self, label: int, other: int) -> None:
        """Count a label with another one from here on."""
        self.begun[label, other] = len(self.own[label])
        self.within.pop((label, other), None)
        self.followed.discard((label, other))

    def settle(self, first: int, second: int) -> list[tuple[str, Pair, bool]]:
        """Propose or withdraw what is new between two labels."""
        one, two = (first, second) in self.within, (second, first) in self.within
        for pair, identical in list(self.open.items()):
            if set(pair) == {first, second}:
                if pair in self.within and (pair[::-1] in self.within) == identical:
                    return []
                del self.open[pair]
                if identical:
                    self.restart(first, second)
                    self.restart(second, first)
                return [("withdrawn", pair, identical), *self.settle(first, second)]
        if one and two:
            found = (second, first)
        elif one and self.fails(second, first):
            found = (first, second)
        elif two and self.fails(first, second):
            found = (second, first)
        else:
            return []
        if self.follows(found, one and two):
            self.followed.add(found)
            return []
        if found in self.followed:
            self.restart(*found)
            return []
        self.open[found] = one and two
        return [("proposed", found, one and two)]

    def follows(self, pair: Pair, identical: bool) -> bool:
        """Return whether a third label makes a proposal needless."""
        lower, upper = pair
        for other in [other for one, other in self.begun if one == lower and other != upper]:
            missed, of = self.carried(lower, other)
            if of - missed < self.share * of:
                continue
            same = {(lower, other), (other, lower)} <= set(self.within)
            if same and other < (upper if identical else lower):
                return True
            tied = (upper, other) in self.within and upper < other
            if not identical and (other, upper) in self.within and not tied:
                return True
        return False
