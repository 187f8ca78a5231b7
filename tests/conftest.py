"""Fixtures for brokers and devices, and the order of tests."""

from __future__ import annotations

import functools
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

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
from stream.encoders.threads import limit_threads
from stream.pipeline import Answerer, Outcome, Pipeline, Replica
from stream.records import Record
from tests.schemas import check

# A busy machine must not fail a test, and in CI examples are the same in each run.
hypothesis.settings.register_profile("ithaca", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("ithaca")

SHARED = pytest.StashKey[str]()
"""Address of the broker that all test processes share; empty if there is none."""


def _running(broker: Broker) -> Iterator[str]:
    # It ends with this block, with the process that runs the tests, or by a signal of the kernel when that
    # process is killed: see `stream.broker.spawn`.
    try:
        broker.start()
    except NoBrokerError as unavailable:
        pytest.skip(f"NO BROKER TO TEST WITH: {unavailable}; or set {ADDRESS_VARIABLE}")
    try:
        yield broker.address
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a real broker: the configured one, or Apache Kafka in a new folder, for all processes."""
    shared: str = getattr(request.config, "workerinput", {}).get("kafka", "")
    given = os.environ.get(ADDRESS_VARIABLE) or shared
    yield from _running(GivenBroker(given) if given else KafkaBroker())


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass the address of the broker, started before the first worker process, to each of xdist's."""
    if SHARED not in node.config.stash:
        node.config.stash[SHARED] = "" if ADDRESS_VARIABLE in os.environ else _shared(node.config)
    node.workerinput["kafka"] = node.config.stash[SHARED]


def _shared(config: pytest.Config) -> str:
    broker = KafkaBroker()
    try:
        broker.start()
    except NoBrokerError:
        return ""  # The fixture finds the reason again, and reports it.
    config.add_cleanup(broker.stop)
    return broker.address


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
    """Compute with one thread, as the command line does; see `stream.encoders.threads`."""
    limit_threads()


@pytest.fixture(scope="session", autouse=True)
def records_are_as_published() -> None:
    """Check all that a pipeline writes in any test against the schemas of `stream/records/schemas`."""
    for pipeline in (Answerer, Replica):
        pipeline.process = _checked(pipeline.process)  # type: ignore[method-assign]


def _checked(process: Callable[..., Outcome]) -> Callable[..., Outcome]:
    @functools.wraps(process)
    def checked(pipeline: Pipeline, records: Sequence[Record]) -> Outcome:
        outcome = process(pipeline, records)
        check(outcome.outputs)
        return outcome

    return checked


def pytest_xdist_auto_num_workers() -> int:
    """Run one process more than there are cores, as many tests wait for a broker."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with files that wait for a broker: they take longest, and others compute meanwhile."""
    waiting = {item.path for item in items if item.get_closest_marker("kafka")}
    items.sort(key=lambda item: item.path not in waiting)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests that need a CUDA device, with a one-line reason, if there is none."""
    if item.get_closest_marker("device") and not torch.cuda.is_available():
        pytest.skip(f"NO CUDA DEVICE TO TEST WITH: PyTorch {torch.__version__} sees none")
