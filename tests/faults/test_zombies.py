"""F3: a worker that stands still for so long that others take over, and then goes on as if nothing were.

`python -m tests.faults.standstill` says what that costs whoever took over.
"""

from __future__ import annotations

import functools
import random
import re
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack

import pytest

from stream.broker.processes import free_ports
from tests.faults.exactly_once import Progress, check_as_if_uninterrupted
from tests.faults.standstill import fencings
from tests.stream.live import LiveStream, WorkerProcess, readiness, until
from tests.stream.standins import event

pytestmark = pytest.mark.kafka

ENVIRONMENT = {
    "ITHACA_RUN": "same",
    "ITHACA_WORKER__LARGEST_BATCH": "50",
    "ITHACA_SNAPSHOT__EVERY_S": "0.5",
}
EVENTS = 3_000


def stand_still_and_go_on(live: LiveStream, rounds: int, rng: random.Random) -> None:
    """Two workers and one partition: whoever has it is stopped, and goes on when the other one is at work."""
    progress, filled = Progress(live), 0
    with ExitStack() as cleanup:
        ports = free_ports(2)
        workers = {port: cleanup.enter_context(live.worker(ITHACA_HTTP__PORT=str(port))) for port in ports}
        for _ in range(rounds):
            live.fill([event(number) for number in range(filled, filled + EVENTS)])
            filled += EVENTS
            progress.wait_for(progress.committed() + rng.randrange(1, EVENTS // 2))
            # Nobody is while the partition changes hands once more.
            (stopped,) = until(lambda: _at_work(ports), 60.0)
            (owner,) = set(ports) - {stopped}
            zombie = workers[stopped]
            time.sleep(rng.random() * 0.1)
            zombie.send_signal(signal.SIGSTOP)
            try:
                progress.wait_until_healed()
                fenced, lost = fencings(owner), _losses(zombie)
            finally:
                zombie.send_signal(signal.SIGCONT)
            live.fill([event(number) for number in range(filled, filled + 200)])
            filled += 200
            progress.wait_until_healed()
            # It learns that it lost the partition, and takes nothing from who has it now.
            until(functools.partial(_lost_again, zombie, lost), 60.0)
            until(lambda: len(_at_work(ports)) == 1, 60.0)
            assert (_at_work(ports), fencings(owner)) == ([owner], fenced)
            assert [worker.poll() for worker in workers.values()] == [None, None]
    check_as_if_uninterrupted(live)


def _losses(worker: WorkerProcess) -> int:
    return len(re.findall(r"events, generation .* lost \[0\]", worker.said()))


def _lost_again(worker: WorkerProcess, before: int) -> bool:
    return _losses(worker) > before


def _at_work(ports: Sequence[int]) -> list[int]:
    """Return the ports of the workers that have a partition and work on it."""
    return [port for port in ports if "at work" in readiness(port)]


def test_f3_a_zombie_writes_nothing(kafka: str, stream_name: str) -> None:
    """Stopped beyond the session timeout in the middle of its work, each worker once."""
    live = LiveStream(kafka, stream_name, environment=ENVIRONMENT)
    stand_still_and_go_on(live, 2, random.Random(3))


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_f3_many_zombies(kafka: str, stream_name: str) -> None:
    """Often enough to be stopped in a batch, in a transaction, in a snapshot and in between."""
    live = LiveStream(kafka, stream_name, environment=ENVIRONMENT)
    stand_still_and_go_on(live, 12, random.Random(4))
