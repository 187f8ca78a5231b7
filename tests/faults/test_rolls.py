"""Workers that are exchanged and killed, on three brokers: `pytest -m slow tests/faults/test_rolls.py`."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stream.broker.processes import free_ports
from tests.faults.cluster import Cluster
from tests.faults.steady import check_silence, steady
from tests.stream.live import LiveStream, WorkerProcess, readiness, stop, until

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(1_800)]

PARTITIONS = 4
PATIENCE_S = 600.0
NAMED = pytest.mark.parametrize("named", [False, True], ids=["without a name", "with a name"])


@pytest.fixture
def live(brokers: Cluster, stream_name: str) -> LiveStream:
    """Give a stream whose workers have the default session timeout."""
    environment = {"ITHACA_RUN": "same", "ITHACA_WORKER__SESSION_TIMEOUT_MS": "10000"}
    return LiveStream(brokers.address, stream_name, PARTITIONS, environment)


class Crew:
    """Workers that are started and ended by number; the name of each, if it has one, stays.

    Parameters
    ----------
    live
        Their stream.
    named
        Whether they have an instance name.
    size
        How many work at a time.
    """

    def __init__(self, live: LiveStream, named: bool, size: int) -> None:
        self._live, self._named = live, named
        self.ports = free_ports(size)
        self._stack = contextlib.ExitStack()
        self.workers: dict[int, WorkerProcess] = {}

    def start(self, number: int) -> None:
        """Start one, without waiting for it."""
        environment = {"ITHACA_HTTP__PORT": str(self.ports[number])}
        if self._named:
            environment["ITHACA_WORKER__INSTANCE"] = f"worker-{number}"
        self.workers[number] = self._stack.enter_context(self._live.worker(**environment))

    def wait(self) -> None:
        """Wait until all of them are at work."""
        until(
            lambda: all(readiness(self.ports[number]).startswith("ok: at work") for number in self.workers),
            PATIENCE_S,
        )

    def end(self, number: int, signal_: signal.Signals) -> str:
        """End one, and return what it has said."""
        worker = self.workers.pop(number)
        status, seconds, said = stop(worker, signal_)
        print(f"worker {number} ended after {seconds:.1f} s")
        assert status == (0 if signal_ == signal.SIGTERM else -signal_)
        return said

    def close(self) -> None:
        """End all."""
        self._stack.close()


@contextmanager
def crew(live: LiveStream, named: bool, size: int = 2) -> Iterator[Crew]:
    """Let workers work inside the block."""
    made = Crew(live, named, size)
    try:
        for number in range(size):
            made.start(number)
        made.wait()
        yield made
    finally:
        made.close()


@NAMED
def test_workers_are_exchanged_one_after_another(live: LiveStream, named: bool) -> None:
    """The others have its partitions at once; the new one has some soon after."""
    with crew(live, named) as workers, steady(live):
        live.wait_for(100)
        began = time.time()
        for number in list(workers.workers):
            workers.end(number, signal.SIGTERM)
            workers.start(number)
            workers.wait()
    check_silence(live, began)


@NAMED
def test_a_worker_is_killed(live: LiveStream, named: bool) -> None:
    """Its partitions go on after the session timeout, or as soon as one of its name is there."""
    with crew(live, named) as workers, steady(live):
        live.wait_for(100)
        began = time.time()
        workers.end(0, signal.SIGKILL)
        workers.start(0)
        workers.wait()
    check_silence(live, began)


def test_three_workers_become_one(live: LiveStream) -> None:
    """Two stop at the same time."""
    with crew(live, named=False, size=3) as workers, steady(live):
        live.wait_for(100)
        began = time.time()
        for number in (0, 1):
            workers.workers[number].send_signal(signal.SIGTERM)
        for number in (0, 1):
            workers.end(number, signal.SIGTERM)
        until(lambda: readiness(workers.ports[2]) == "ok: at work on partitions [0, 1, 2, 3]\n")
    check_silence(live, began)


def test_of_two_workers_of_one_name_one_waits(live: LiveStream) -> None:
    """The later takes the place; the earlier says so, and ends when the name is free, to be started anew."""
    ports = free_ports(2)
    names = [{"ITHACA_WORKER__INSTANCE": "one", "ITHACA_HTTP__PORT": str(port)} for port in ports]
    with contextlib.ExitStack() as workers, steady(live):
        earlier = workers.enter_context(live.worker(**names[0]))
        until(lambda: readiness(ports[0]).startswith("ok: at work"))
        later = workers.enter_context(live.worker(**names[1]))
        until(lambda: "same worker.instance" in readiness(ports[0]))
        until(lambda: readiness(ports[1]).startswith("ok: at work"))
        for _ in range(100):
            time.sleep(0.1)
            assert earlier.poll() is None, earlier.said()
            assert readiness(ports[1]).startswith("ok: at work"), later.said()
        status, _, said = stop(later)
        assert status == 0, said
        assert earlier.wait(60) == 1
        assert "worker.instance" in earlier.said()
        again = workers.enter_context(live.worker(**names[0]))
        until(lambda: readiness(ports[0]).startswith("ok: at work"))
        live.wait_for(300)
        assert stop(again)[0] == 0
        workers.enter_context(live.worker(**names[1]))
        until(lambda: readiness(ports[1]).startswith("ok: at work"))
