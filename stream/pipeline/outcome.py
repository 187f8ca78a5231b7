"""What comes of records that were taken in: what to write, and what to commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from drift.alarms import Alarm
from stream.records import Output


class Outcome(NamedTuple):
    """What a batch of records led to.

    Parameters
    ----------
    outputs
        Records to write, in order.
    next_offset
        The offset to commit: one past the last record taken in.
    alarms, dead_letters
        The alarms among the outputs, and why each dead letter is one, in order.
    """

    outputs: list[Output]
    next_offset: int
    alarms: Sequence[Alarm] = ()
    dead_letters: Sequence[str] = ()


def joined(steps: Sequence[Outcome], next_offset: int) -> Outcome:
    """Return what several records, one after another, led to together."""
    return Outcome(
        [output for step in steps for output in step.outputs],
        next_offset,
        [alarm for step in steps for alarm in step.alarms],
        [reason for step in steps for reason in step.dead_letters],
    )
