"""On three brokers: kills with failover and rolls, `pytest -m slow tests/faults/test_three_brokers.py`."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Iterator

import pytest

from stream.broker.processes import free_ports
from stream.records.topics import topic
from tests.faults.cluster import Cluster, cluster
from tests.faults.exactly_once import check_as_if_uninterrupted
from tests.stream.live import LiveStream, readiness, until
from tests.stream.standins import event

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(900)]

PARTITIONS = 4
SILENT_S = 15.0
"""How long nothing may be answered after a broker was killed."""
APART_S = 5.0
"""How much later than another a partition may go on."""


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a cluster for all tests; each leaves it whole."""
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


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


def gaps(live: LiveStream, since: float) -> dict[int, tuple[float, float]]:
    """Return each partition's longest silence after a time: its begin and end, in seconds since then.

    A partition that had nothing left to answer is not silent.
    """
    found = {}
    for partition in range(PARTITIONS):
        at = [record.timestamp / 1000 for record in live.read("predictions") if record.partition == partition]
        pairs = itertools.pairwise([since, *(stamp for stamp in at if stamp > since)])
        begin, end = max(pairs, key=lambda pair: pair[1] - pair[0], default=(since, since))
        found[partition] = begin - since, end - since
    return found


def check_gaps(live: LiveStream, since: float) -> None:
    """Check that the silence after a kill was short, and equal for all partitions."""
    found = gaps(live, since)
    print("silent:", {number: f"{begin:.1f} to {end:.1f} s" for number, (begin, end) in found.items()})
    ends = [end for _, end in found.values()]
    assert max(end - begin for begin, end in found.values()) <= SILENT_S
    assert max(ends) - min(ends) <= APART_S


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
    check_gaps(live, killed)
    check_as_if_uninterrupted(live)
