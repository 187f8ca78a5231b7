"""The outcome of processed records: what to write and commit; or an error that stops a task.

After such an error the caller starts the task again from the newest snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from drift.alarms import Alarm
from stream.records import BadEventError, Output


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


class LearnerError(RuntimeError):
    """The learner raised an error and may have learned half of a record, so the task cannot be used any more.

    The caller restores the task, from a snapshot or from the beginning, with this record refused: it becomes
    a dead letter, and the model is as if the record had not existed.

    Parameters
    ----------
    offset
        Offset of the record.
    detail
        The error that the learner raised.
    """

    def __init__(self, offset: int, detail: str) -> None:
        super().__init__(f"the learner threw at offset {offset}: {detail}")
        self.offset = offset
        self.detail = detail


class DivergedError(RuntimeError):
    """A replica whose model differs from that of the others and must stop answering."""


@contextmanager
def learner_errors(offset: int) -> Iterator[None]:
    """Turn an exception of the learner into a `LearnerError` at the record's offset.

    This includes `MemoryError`: the same record would need as much memory again after every restart.
    """
    try:
        yield
    except BadEventError:
        raise  # No fault of the learner's.
    except Exception as error:
        raise LearnerError(offset, f"{type(error).__name__}: {error}") from error
