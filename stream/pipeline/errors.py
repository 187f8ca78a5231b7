"""Errors that stop a task: the caller starts it again from the newest snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stream.records import BadEventError


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
