"""Brokers and devices for every test that asks for one."""

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

# A busy machine is no reason to fail, and what is checked before a landing must not depend on luck.
hypothesis.settings.register_profile("ithaca", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("ithaca")

SHARED = pytest.StashKey[str]()
"""Address of the broker that all processes which run the tests share; empty where there is none."""


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
def kafka(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a real broker: the one given, or Apache Kafka on a fresh folder, one for all processes."""
    shared: str = getattr(request.config, "workerinput", {}).get("kafka", "")
    given = os.environ.get(ADDRESS_VARIABLE) or shared
    yield from _running(GivenBroker(given) if given else KafkaBroker())


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of xdist's the address of the broker, started before the first of them."""
    if SHARED not in node.config.stash:
        node.config.stash[SHARED] = "" if ADDRESS_VARIABLE in os.environ else _shared(node.config)
    node.workerinput["kafka"] = node.config.stash[SHARED]


def _shared(config: pytest.Config) -> str:
    broker = KafkaBroker()
    try:
        broker.start()
    except NoBrokerError:
        return ""  # The fixture finds out too, and says why.
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
    """Compute as the command does; see `stream.encoders.threads`."""
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
