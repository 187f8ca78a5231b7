"""Co-occurrence counts of a label with its companions, over the label's latest messages."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TypeVar

from drift.core import Ids

Counted = TypeVar("Counted")

PAIRED_LABELS = 20
"""Most labels of a message whose pairs are counted, oldest labels first: bounds the cost of a message."""
GENERATION_MESSAGES = 250
"""Messages of a label per generation of counts; the last full generation and the current one are kept."""
ADMISSION_MESSAGES = 32
"""First messages of a generation, in which another label must occur to be counted as a companion."""
DISMISSAL_MESSAGES = 64
"""Messages after which companions that occur on less than half of them are no longer counted."""
TIDY_PERIOD = 4
"""Messages of a label between two removals of rare companions, while companions are added."""
CHECK_PERIOD = 8
"""Messages of a label between two tests of its companions."""


@dataclasses.dataclass(slots=True)
class Companion:
    """How often a label's messages carry another one, in the previous generation and in the current one.

    The first `skipped` messages of the current generation, before counting began, are left out. `within`
    says that the label is within the other one, and `follows` that this follows from other relations.
    """

    earlier_of: int = 0
    earlier_met: int = 0
    met: int = 0
    skipped: int = 0
    within: bool = False
    follows: bool = False


@dataclasses.dataclass(slots=True)
class LabelWindow:
    """A label's window: the previous generation (from `since`) and the current one (from `turn`)."""

    since: int
    turn: int
    earlier: int = 0
    count: int = 0
    companions: dict[int, Companion] = dataclasses.field(default_factory=dict)
    within: list[int] = dataclasses.field(default_factory=list)

    def carried(self, other: int) -> tuple[int, int]:
        """Return how many of the counted messages carry another label, and how many are counted."""
        each = self.companions[other]
        return each.earlier_met + each.met, each.earlier_of + self.count - each.skipped

    def restart(self, other: int) -> None:
        """Restart the counts of another label at the present message."""
        self.companions[other] = Companion(skipped=self.count)
        if other in self.within:
            self.within.remove(other)

    @property
    def tidies(self) -> bool:
        """Whether to remove rare companions now.

        Often while companions are added, so that a million rare labels do not keep all their companions; but
        not right after companions were added, whose counts are still empty.
        """
        auditions = self.count <= ADMISSION_MESSAGES + 1 and self.count % TIDY_PERIOD == 1
        return auditions or self.count in (DISMISSAL_MESSAGES, GENERATION_MESSAGES)

    def tidy(self) -> None:
        """Drop companions of less than half of the messages; start a new generation if this one is full."""
        self.companions = {
            other: each
            for other, each in self.companions.items()
            if each.within or 2 * self.carried(other)[0] >= self.carried(other)[1]
        }
        if self.count < GENERATION_MESSAGES:
            return
        for each in self.companions.values():
            each.earlier_of, each.earlier_met = self.count - each.skipped, each.met
            each.met = each.skipped = 0
        self.earlier, self.count = self.count, 0


def without(pairs: Mapping[tuple[int, int], Counted], labels: Ids) -> dict[tuple[int, int], Counted]:
    """Return what is counted by pair, for pairs of other labels only.

    Examples
    --------
    >>> import numpy as np
    >>> without({(0, 1): 2, (0, 2): 3}, np.array([1]))
    {(0, 2): 3}
    """
    gone = set(labels.tolist())
    return {pair: each for pair, each in pairs.items() if gone.isdisjoint(pair)}
