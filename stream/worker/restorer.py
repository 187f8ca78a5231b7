"""Restores partitions on a thread of its own, so that live partitions go on meanwhile."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Generator
from typing import Generic, Protocol, TypeVar

from stream.encoders import EncoderError
from stream.kafka import BrokerError, FencedError, InstanceError, UnwrittenError

RETRY_S = 1.0
"""Pause in seconds before a failed restoration is tried again."""


class AgainError(RuntimeError):
    """A restoration that must start again, because a record is now to be left out."""


log = logging.getLogger(__name__)


class Closable(Protocol):
    """The result of a restoration."""

    def close(self) -> None:
        """Release its resources."""


Restored = TypeVar("Restored", bound=Closable)


@dataclasses.dataclass
class _Job(Generic[Restored]):
    partition: int
    steps: Generator[None, None, Restored] | None = None
    due: float = 0.0


class Restorer(Generic[Restored]):
    """Takes steps of all partitions' restorations in turn, until each is done, and hands over the results.

    There is one thread, so a partition that relearns for hours does not delay one that needs a moment, and
    all of them together take at most half of the processor from the stream.

    An error that may pass (of the broker or the disk) restarts the restoration after a second; any other is
    raised by `restored`.

    Parameters
    ----------
    restore
        Returns a partition's restoration: a generator that pauses between its steps and returns the result.
        It is closed early when the partition has been revoked.
    """

    def __init__(self, restore: Callable[[int], Generator[None, None, Restored]]) -> None:
        self._restore = restore
        self._changed = threading.Condition()
        self._jobs: dict[int, _Job[Restored]] = {}
        self._cancelled: list[_Job[Restored]] = []
        self._done: dict[int, Restored] = {}
        self._failure: BaseException | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="restorer", daemon=True)
        self._thread.start()

    def begin(self, partition: int, delay_s: float = 0.0) -> None:
        """Start to restore a partition after `delay_s` seconds."""
        self.cancel(partition)
        with self._changed:
            self._jobs[partition] = _Job(partition, due=time.monotonic() + delay_s)
            self._changed.notify()

    def cancel(self, partition: int) -> None:
        """Cancel a partition's restoration at any stage; no effect if there is none."""
        with self._changed:
            job, done = self._jobs.pop(partition, None), self._done.pop(partition, None)
            if job is not None:
                self._cancelled.append(job)
                self._changed.notify()
        if done is not None:
            done.close()

    def restored(self) -> dict[int, Restored]:
        """Return the restorations that were completed since the last call, by partition.

        Raises
        ------
        Exception
            The error that ended a restoration.
        """
        with self._changed:
            if self._failure is not None:
                raise self._failure
            done, self._done = self._done, {}
            return done

    def close(self, patience_s: float) -> None:
        """Cancel everything; wait at most `patience_s` seconds for the current step."""
        with self._changed:
            partitions = [*self._jobs, *self._done]
        for partition in partitions:
            self.cancel(partition)
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(patience_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                while (job := self._next()) is None and not self._cancelled:
                    if self._closing:
                        return
                    self._changed.wait(self._patience())
                cancelled, self._cancelled = self._cancelled, []
            for each in cancelled:
                if each.steps is not None:
                    each.steps.close()
            if job is not None:
                self._step(job)

    def _next(self) -> _Job[Restored] | None:
        """Return a job that is due, after moving it to the end of the queue."""
        now = time.monotonic()
        for partition, job in self._jobs.items():
            if job.due <= now:
                self._jobs[partition] = self._jobs.pop(partition)
                return job
        return None

    def _patience(self) -> float | None:
        dues = [job.due for job in self._jobs.values()]
        return max(0.0, min(dues) - time.monotonic()) if dues else None

    def _step(self, job: _Job[Restored]) -> None:
        try:
            if job.steps is None:
                job.steps = self._restore(job.partition)
            next(job.steps)
        except StopIteration as end:
            self._hand_over(job, end.value)
        except InstanceError as error:
            self._fail(job, error)
        except (AgainError, EncoderError, UnwrittenError, BrokerError, FencedError, OSError) as error:
            log.warning("partition %d is not back yet: %s; trying again", job.partition, error)
            job.steps, job.due = None, time.monotonic() + RETRY_S
        except BaseException as error:
            self._fail(job, error)

    def _fail(self, job: _Job[Restored], error: BaseException) -> None:
        with self._changed:
            self._jobs.pop(job.partition, None)
            self._failure = error

    def _hand_over(self, job: _Job[Restored], result: Restored) -> None:
        with self._changed:
            if wanted := self._jobs.get(job.partition) is job:
                del self._jobs[job.partition]
                self._done[job.partition] = result
        if not wanted:
            result.close()
