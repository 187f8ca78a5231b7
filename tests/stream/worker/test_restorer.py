"""Restoring beside the stream: in turn, given up at any moment, tried again where that helps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

import pytest

from stream.kafka import BrokerError, InstanceError, RecoveryError
from stream.worker import restorer as restorer_module
from stream.worker.restorer import Restorer


class Result:
    """What a restoration ends with."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.closed = threading.Event()

    def close(self) -> None:
        """Note it."""
        self.closed.set()


Steps = Generator[None, None, Result]


@contextmanager
def restoring(restore: Callable[[int], Steps]) -> Iterator[Restorer[Result]]:
    """Run a restorer inside the block."""
    restorer = Restorer(restore)
    try:
        yield restorer
    finally:
        restorer.close(10.0)


def wait_for(restorer: Restorer[Result], count: int) -> dict[int, Result]:
    """Return that many results."""
    found: dict[int, Result] = {}
    deadline = time.monotonic() + 30
    while len(found) < count:
        assert time.monotonic() < deadline
        found |= restorer.restored()
        time.sleep(0.001)
    return found


def test_one_that_takes_long_does_not_keep_the_others_waiting() -> None:
    """A step of each in turn: whoever has few is done first, whenever it came."""
    stop = threading.Event()

    def restore(partition: int) -> Steps:
        while partition == 0 and not stop.is_set():
            yield
        yield
        return Result(partition)

    with restoring(restore) as restorer:
        for partition in range(5):
            restorer.begin(partition)
        assert set(wait_for(restorer, 4)) == {1, 2, 3, 4}
        stop.set()
        assert set(wait_for(restorer, 1)) == {0}


def test_steps_are_taken_one_at_a_time_on_one_thread() -> None:
    """Two restorations never run at the same moment, and none on the caller's thread."""
    threads, inside = set(), threading.Lock()

    def restore(partition: int) -> Steps:
        for _ in range(50):
            assert inside.acquire(blocking=False)
            threads.add(threading.get_ident())
            inside.release()
            yield
        return Result(partition)

    with restoring(restore) as restorer:
        for partition in range(3):
            restorer.begin(partition)
        wait_for(restorer, 3)
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_one_that_is_given_up_is_closed_and_never_handed_over() -> None:
    """Between two steps, in the middle of one, and when it is done but not fetched."""
    in_step, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    def restore(partition: int) -> Steps:
        try:
            in_step.set()
            assert go_on.wait(30)
            yield
            yield
        except GeneratorExit:
            closed.set()
            raise
        return Result(partition)

    with restoring(restore) as restorer:
        restorer.begin(0)
        assert in_step.wait(30)
        restorer.cancel(0)
        go_on.set()
        assert closed.wait(30)
        assert restorer.restored() == {}


def test_one_that_is_done_and_then_given_up_is_let_go() -> None:
    """Its outbox must not stay open."""
    results = []

    def restore(partition: int) -> Steps:
        yield
        results.append(Result(partition))
        return results[0]

    with restoring(restore) as restorer:
        restorer.begin(0)
        deadline = time.monotonic() + 30
        while not results:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        restorer.cancel(0)
        assert results[0].closed.wait(30)
        assert restorer.restored() == {}


def test_what_may_pass_is_tried_again_from_the_beginning() -> None:
    """The broker comes back, after a while."""
    attempts: list[int] = []
    begun: list[float] = []

    def restore(partition: int) -> Steps:
        attempts.append(partition)
        begun.append(time.monotonic())
        yield
        if len(attempts) < 2:
            raise BrokerError("gone for a moment")
        return Result(partition)

    with restoring(restore) as restorer:
        restorer.begin(7)
        assert wait_for(restorer, 1)[7].partition == 7
    assert attempts == [7, 7]
    assert begun[1] - begun[0] >= restorer_module.RETRY_S


@pytest.mark.parametrize("error", [RecoveryError("offsets are gone"), InstanceError()])
def test_what_does_not_pass_is_raised_where_results_are_asked_for(error: Exception) -> None:
    """It ends the worker, and not only a thread that nobody looks at."""

    def restore(partition: int) -> Steps:
        yield
        raise error

    with restoring(restore) as restorer:
        restorer.begin(0)
        with pytest.raises(type(error), match=str(error)):
            wait_for(restorer, 1)


def test_a_delayed_one_waits_and_others_do_not() -> None:
    """After fencing there is a pause; it is nobody else's."""

    def restore(partition: int) -> Steps:
        yield
        return Result(partition)

    with restoring(restore) as restorer:
        restorer.begin(0, delay_s=0.5)
        restorer.begin(1)
        assert set(wait_for(restorer, 1)) == {1}
        assert set(wait_for(restorer, 1)) == {0}


def test_it_sleeps_until_the_first_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not longer, not shorter, and without an end where none waits."""
    slept: list[float | None] = []

    class Condition(threading.Condition):
        """Notes how long it is to wait."""

        def wait(self, timeout: float | None = None) -> bool:
            slept.append(timeout)
            return super().wait(timeout)

    def restore(partition: int) -> Steps:
        yield
        return Result(partition)

    class Clock:
        """One that stands still."""

        @staticmethod
        def monotonic() -> float:
            """Return the same at all times."""
            return 100.0

    def until(expected: float | None) -> None:
        deadline = time.monotonic() + 30
        while slept[-1:] != [expected]:
            assert time.monotonic() < deadline
            time.sleep(0.001)

    monkeypatch.setattr(threading, "Condition", Condition)
    monkeypatch.setattr(restorer_module, "time", Clock)
    with restoring(restore) as restorer:
        until(None)
        restorer.begin(0, delay_s=500.0)
        until(500.0)
        restorer.begin(1, delay_s=200.0)
        until(200.0)
        restorer.cancel(1)
        until(500.0)
