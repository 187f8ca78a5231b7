"""What stops a task: whoever drives it begins anew from the newest snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stream.records import BadEventError


class LearnerError(RuntimeError):
    """A learner that threw, and may have half-learned: the task is of no use any more.

    Whoever drives it makes the task anew, from a snapshot or from the beginning, with this record
    refused: it becomes a dead letter, and the model is as if it had never come.

    Parameters
    ----------
    offset
        The record's.
    detail
        What was thrown.
    """

    def __init__(self, offset: int, detail: str) -> None:
        super().__init__(f"the learner threw at offset {offset}: {detail}")
        self.offset = offset
        self.detail = detail


class DivergedError(RuntimeError):
    """A replica whose model is not the one that the others have; it must not answer any more."""


@contextmanager
def learner_errors(offset: int) -> Iterator[None]:
    """Turn what the learner throws at the record of an offset into a LearnerError.

    So also when memory runs out: that record asked for more than there is, and would again at each start.
    """
    try:
        yield
    except BadEventError:
        raise  # No fault of the learner's.
    except Exception as error:
        raise LearnerError(offset, f"{type(error).__name__}: {error}") from error
