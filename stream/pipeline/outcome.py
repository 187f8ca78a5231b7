"""The outcome of processed records: what to write, and what to commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from drift.alarms import Alarm
from stream.records import Output


class Outcome(NamedTuple):
    """The outcome of a batch of records.

    Parameters
    ----------
    outputs
        Records to write, in order.
    next_offset
        The offset to commit: one past the last record processed.
    alarms, dead_letters
        The alarms among the outputs, and the reason of each dead letter, in order.
    steps
        The outcomes that it was joined from; none for that of one record.
    """

    outputs: list[Output]
    next_offset: int
    alarms: Sequence[Alarm] = ()
    dead_letters: Sequence[str] = ()
    steps: Sequence[Outcome] = ()

    def written(self, outputs: Sequence[Output]) -> Outcome:
        """Return this with the outputs that were written: some may have been too large for their topics."""
        letters = [sum(output.kind == "dlq" for output in each) for each in (outputs, self.outputs)]
        cut = ["size"] * (letters[0] - letters[1])
        return self._replace(outputs=list(outputs), dead_letters=[*self.dead_letters, *cut])

    def split(self, most: int) -> tuple[Outcome, Outcome | None]:
        """Return the outcome of at most so many first steps, and that of the others, if there are any."""
        if len(self.steps) <= most:
            return self, None
        first, rest = self.steps[:most], self.steps[most:]
        return joined(first, first[-1].next_offset), joined(rest, self.next_offset)


def joined(steps: Sequence[Outcome], next_offset: int) -> Outcome:
    """Return the outcomes of consecutive records as one."""
    return Outcome(
        [output for step in steps for output in step.outputs],
        next_offset,
        [alarm for step in steps for alarm in step.alarms],
        [reason for step in steps for reason in step.dead_letters],
        steps,
    )
