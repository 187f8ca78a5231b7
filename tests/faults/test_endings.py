"""The end of a worker whose broker does not answer: prompt, and nothing is emitted twice or lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stream.broker.brokers import KafkaBroker
from stream.config.sections import WorkerSettings
from stream.kafka.group import LEAVING_S
from stream.worker.ending import LAST_SNAPSHOT_S
from stream.worker.lessons import COMMIT_S
from tests.faults.exactly_once import check_as_if_uninterrupted, check_model
from tests.faults.outages import broker_of_our_own
from tests.stream.live import LiveStream, source, stop
from tests.stream.standins import event

pytestmark = pytest.mark.kafka

EXIT_S = 3.0
"""Seconds that a turn and the end of an interpreter may take, on a busy machine."""
FEW, MANY = 200, 20_000


def stream_of(broker: KafkaBroker, name: str, scope: str) -> LiveStream:
    """Return a stream with few events."""
    environment = {"ITHACA_RUN": "same", "ITHACA_MODEL__SCOPE": scope}
    live = LiveStream(broker.address, name, environment=environment)
    live.fill([event(number) for number in range(FEW)])
    return live


@contextmanager
def hanging(broker: KafkaBroker) -> Iterator[None]:
    """Let a broker stand still inside the block: its connections stay, and nothing is answered."""
    assert broker.process is not None
    os.kill(broker.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(broker.process.pid, signal.SIGCONT)


@pytest.mark.parametrize("scope", ["partition", "stream"])
def test_a_worker_at_rest_ends_when_its_groups_cannot_be_left(
    tmp_path: Path, stream_name: str, scope: str
) -> None:
    """It has nothing to commit: it keeps its model and takes leave of all its groups at once."""
    with broker_of_our_own(tmp_path / "broker") as broker:
        live = stream_of(broker, stream_name, scope)
        with live.worker() as worker:
            live.wait_for(FEW)
            time.sleep(2 * COMMIT_S)
            with hanging(broker):
                status, took, said = stop(worker)
        assert status == 0, said
        assert took < LEAVING_S + EXIT_S, said
        if scope == "partition":
            assert check_model(live).offset == FEW


@pytest.mark.parametrize("scope", ["partition", "stream"])
def test_a_worker_in_the_middle_of_a_commit_ends_in_its_time(
    tmp_path: Path, stream_name: str, scope: str
) -> None:
    """The commit has its time, as the broker may be back; the next start does what was left."""
    within = WorkerSettings().commit_timeout_s + LAST_SNAPSHOT_S + LEAVING_S
    with broker_of_our_own(tmp_path / "broker") as broker:
        live = stream_of(broker, stream_name, scope)
        with live.worker() as worker:
            live.wait_for(FEW)
            live.fill([event(number) for number in range(FEW, MANY)])
            live.wait_for(FEW + 1)
            with hanging(broker):
                status, took, said = stop(worker)
        # With a shared model it may have waited for the lessons' commit, with no batch of events in hand.
        assert status == 1 or scope == "stream", said
        assert status == 0 or "nothing of it was emitted" in said
        assert took < within + EXIT_S, said
        with live.worker() as worker:
            live.wait_for(MANY)
        assert sorted(source(record)[1] for record in live.read("predictions")) == list(range(MANY))
        if scope == "partition":
            check_as_if_uninterrupted(live)
