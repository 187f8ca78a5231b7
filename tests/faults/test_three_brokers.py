"""On three brokers: kills with failover and rolls, `pytest -m slow tests/faults/test_three_brokers.py`."""

from __future__ import annotations

import signal
import time

import pytest

from stream.broker.processes import free_ports
from stream.records.topics import topic
from tests.faults.cluster import NODES, Cluster
from tests.faults.exactly_once import check_as_if_uninterrupted
from tests.faults.steady import APART_S, check_silence, steady
from tests.stream.live import LiveStream, readiness, until
from tests.stream.standins import event

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(900)]

PARTITIONS = 4


def backlog(brokers: Cluster, name: str, events: int) -> LiveStream:
    """Return a stream whose workers have much to do on every partition, in small batches."""
    environment = {
        "ITHACA_RUN": "same",
        "ITHACA_WORKER__LARGEST_BATCH": "40",
        "ITHACA_WORKER__SESSION_TIMEOUT_MS": "45000",
    }
    live = LiveStream(brokers.address, name, PARTITIONS, environment)
    for partition in range(PARTITIONS):
        begin = partition * events
        live.fill([event(number) for number in range(begin, begin + events)], partition)
    return live


@pytest.mark.parametrize("leads", ["a partition", "the group", "the transactions"])
def test_a_broker_is_killed_while_all_partitions_have_a_backlog(
    brokers: Cluster, stream_name: str, leads: str
) -> None:
    """Whatever it leads; it comes back while the worker is at work."""
    live = backlog(brokers, stream_name, 6_000)
    names = {
        "a partition": topic(stream_name, "events"),
        "the group": "__consumer_offsets",
        "the transactions": "__transaction_state",
    }
    (port,) = free_ports(1)
    with live.worker(ITHACA_HTTP__PORT=str(port)) as worker:
        live.wait_for(1_000)
        node = brokers.leader(names[leads])
        killed = time.time()
        brokers.end(node)
        time.sleep(20.0)
        brokers.start(node)
        brokers.wait(node)
        live.wait_for(4 * 6_000, 240.0)
        until(lambda: readiness(port).startswith("ok: at work"), 30.0)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0, worker.said()
    ends = check_silence(live, killed)
    assert max(ends) - min(ends) <= APART_S
    check_as_if_uninterrupted(live)


def test_brokers_are_rolled_one_after_another(brokers: Cluster, stream_name: str) -> None:
    """Each is stopped in order and is back before the next: nothing waits for the one that is away."""
    live = LiveStream(brokers.address, stream_name, PARTITIONS, {"ITHACA_RUN": "same"})
    with live.worker(), steady(live):
        live.wait_for(100)
        began = time.time()
        for node in NODES:
            brokers.end(node, signal.SIGTERM)
            brokers.start(node)
            brokers.wait(node)
    check_silence(live, began)
