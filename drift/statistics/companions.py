"""What labels a label's own messages carry beside it: counts over its latest messages."""

from __future__ import annotations

import dataclasses

PAIRED_LABELS = 20
"""Most labels of one message whose pairs are counted, those known longest: bounds the cost of a message."""
GENERATION_MESSAGES = 250
"""Messages of a label after which its counts become the earlier ones, and those before them are forgotten."""
ADMISSION_MESSAGES = 32
"""First messages of a generation, among which a label must meet another one to be counted with it."""
DISMISSAL_MESSAGES = 64
"""Messages after which companions of less than half of them are not counted any more."""
TIDY_PERIOD = 4
"""Messages of a label between two tidyings, while companions are taken on."""
CHECK_PERIOD = 8
"""Messages of a label between two looks at its companions."""


@dataclasses.dataclass(slots=True)
class Companion:
    """How often a label's messages carry another one, in its earlier generation and in this one.

    Of this one, the first `skipped` do not count: up to the one where they met. It is `within` the other
    one, and that `follows`.
    """

    earlier_of: int = 0
    earlier_met: int = 0
    met: int = 0
    skipped: int = 0
    within: bool = False
    follows: bool = False


@dataclasses.dataclass(slots=True)
class LabelWindow:
    """A label's own window: a generation and what there is of the next; `since` when it began."""

    since: int
    turn: int
    earlier: int = 0
    count: int = 0
    companions: dict[int, Companion] = dataclasses.field(default_factory=dict)
    within: list[int] = dataclasses.field(default_factory=list)

    def carried(self, other: int) -> tuple[int, int]:
        """Return how many of the messages that count carry another label, and how many count."""
        each = self.companions[other]
        return each.earlier_met + each.met, each.earlier_of + self.count - each.skipped

    def restart(self, other: int) -> None:
        """Count another label from here on, as if it had not been seen yet."""
        self.companions[other] = Companion(skipped=self.count)
        if other in self.within:
            self.within.remove(other)

    @property
    def tidies(self) -> bool:
        """Whether now is a time to tidy.

        Soon while companions are taken on: of a million rare labels none may hold all that it ever met. Not
        right after it met some, of which there is nothing to say yet.
        """
        auditions = self.count <= ADMISSION_MESSAGES + 1 and self.count % TIDY_PERIOD == 1
        return auditions or self.count in (DISMISSAL_MESSAGES, GENERATION_MESSAGES)

    def tidy(self) -> None:
        """Forget what comes along with less than half of the messages; begin a generation in time."""
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
