"""Certificates and passwords that change: `pytest -m slow tests/faults/test_credentials.py`."""

from __future__ import annotations

import contextlib
import time

import pytest

from stream.broker.processes import free_ports
from tests.faults.cluster import NODES, Cluster
from tests.faults.secured import PASSWORD, USER, add_users
from tests.faults.steady import check_silence, steady
from tests.stream.live import LiveStream, readiness, stop, until

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(1_800)]

PARTITIONS = 4
NEW = "tr0ub4dor-and-3"


@pytest.fixture
def port() -> int:
    """Give a port for a worker's readiness."""
    (port,) = free_ports(1)
    return port


@pytest.fixture
def live(brokers: Cluster, stream_name: str, port: int) -> LiveStream:
    """Give a stream whose workers use the secured addresses."""
    add_users(brokers.address)
    environment = {
        "ITHACA_RUN": "same",
        "ITHACA_HTTP__PORT": str(port),
        "ITHACA_KAFKA__BOOTSTRAP_SERVERS": brokers.secured,
        "ITHACA_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "ITHACA_KAFKA__SSL_CAFILE": str(brokers.authority.certificate),
        "ITHACA_KAFKA__SASL_MECHANISM": "SCRAM-SHA-256",
        "ITHACA_KAFKA__SASL_USERNAME": USER,
        "ITHACA_KAFKA__SASL_PASSWORD": PASSWORD,
    }
    return LiveStream(brokers.address, stream_name, PARTITIONS, environment)


def test_certificates_are_rotated(brokers: Cluster, live: LiveStream) -> None:
    """One broker after another gets a new one of the same authority."""
    with live.worker(), steady(live):
        live.wait_for(100)
        began = time.time()
        for node in NODES:
            brokers.certify(node)
            brokers.restart(node)
    check_silence(live, began)


def test_a_certificate_has_expired(brokers: Cluster, live: LiveStream, port: int) -> None:
    """Of one broker: the worker says so, and goes on with the others, which lead by then."""
    with live.worker() as worker, steady(live):
        live.wait_for(100)
        began = time.time()
        try:
            brokers.certify(NODES[0], expired=True)
            brokers.restart(NODES[0])
            until(lambda: "certificate has expired" in worker.said(), 120.0)
        finally:
            brokers.certify(NODES[0])
            brokers.restart(NODES[0])
        until(lambda: readiness(port).startswith("ok: at work"))
    check_silence(live, began)


def test_the_password_is_changed(brokers: Cluster, live: LiveStream, port: int) -> None:
    """A worker with the old one says so when it has to connect anew; one with the new one goes on."""
    with contextlib.ExitStack() as workers, steady(live):
        worker = workers.enter_context(live.worker())
        live.wait_for(100)
        add_users(brokers.address, NEW)
        for node in NODES:
            brokers.restart(node)
        until(lambda: readiness(port) and not readiness(port).startswith("ok"), 60.0)
        print("with the old one:", readiness(port))
        until(lambda: "uthentication" in worker.said(), 60.0)
        print(stop(worker)[:2])
        workers.enter_context(live.worker(ITHACA_KAFKA__SASL_PASSWORD=NEW))
        until(lambda: readiness(port).startswith("ok: at work"))
