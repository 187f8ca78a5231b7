"""Brokers and devices for every test that asks for one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import hypothesis
import pytest
import torch

from stream.broker.brokers import (
    ADDRESS_VARIABLE,
    Broker,
    EmbeddedBroker,
    GivenBroker,
    KafkaBroker,
    NoBrokerError,
)
from stream.worker.threads import limit_threads

# A busy machine is no reason to fail, and what is checked before a landing must not depend on luck.
hypothesis.settings.register_profile("ithaca", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("ithaca")


def _running(broker: Broker) -> Iterator[str]:
    # It ends with this block, with the process that runs the tests, or with the kernel's signal when
    # that process is killed: see `stream.broker.spawn`.
    try:
        broker.start()
    except NoBrokerError as unavailable:
        pytest.skip(f"NO BROKER TO TEST WITH: {unavailable}; or set {ADDRESS_VARIABLE}")
    try:
        yield broker.address
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Address of a real broker: the one the environment names, else Apache Kafka on a fresh folder."""
    given = os.environ.get(ADDRESS_VARIABLE)
    yield from _running(GivenBroker(given) if given else KafkaBroker())


@pytest.fixture(scope="session")
def embedded_kafka() -> Iterator[str]:
    """Address of the embedded broker that the demo falls back to."""
    yield from _running(EmbeddedBroker())


@pytest.fixture
def stream_name() -> str:
    """Return a name for topics and groups that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Compute as the command does; see `stream.worker.threads`."""
    limit_threads()


def pytest_xdist_auto_num_workers() -> int:
    """Run one process more than there are cores: much of what tests do is to wait for a broker."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files that wait for a broker: they take longest, and what computes runs beside them."""
    waiting = {item.path for item in items if item.get_closest_marker("kafka")}
    items.sort(key=lambda item: item.path not in waiting)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a CUDA device where there is none, with one line that says so."""
    if item.get_closest_marker("device") and not torch.cuda.is_available():
        pytest.skip(f"NO CUDA DEVICE TO TEST WITH: PyTorch {torch.__version__} sees none")
