"""F5, F6: a broker that is killed and comes back, and replies to a commit that never arrive."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stream.broker.brokers import KafkaBroker
from stream.broker.processes import free_ports
from stream.kafka import outbox
from stream.pipeline import factory as assembly
from stream.telemetry.collector import Telemetry
from stream.worker.batch_size import BatchSize
from stream.worker.worker import Worker
from tests.faults.exactly_once import (
    HEALED_S,
    Progress,
    check_as_if_uninterrupted,
    check_model,
    settings_of,
)
from tests.faults.outages import broker_of_our_own, kill, limit_producers
from tests.faults.proxy import Api, Fault, Proxy
from tests.stream.live import LiveStream, on_a_thread, until
from tests.stream.standins import event

pytestmark = pytest.mark.kafka


def survive_outages(live: LiveStream, broker: KafkaBroker, outages: list[float], rng: random.Random) -> float:
    """Kill the broker for so many seconds at a time, in the middle of the worker's work.

    Return how long it took at most until all was done after the broker was back, in seconds.
    """
    settings = settings_of(live, every_s=0.5)
    settings = settings.model_copy(
        update={"worker": settings.worker.model_copy(update={"largest_batch": 50})}
    )
    filled, each, worst, telemetry = 0, 3_000, 0.0, Telemetry()
    with on_a_thread(Worker(settings, functools.partial(assembly.make_task, settings), telemetry)):
        for seconds in outages:
            live.fill([event(number) for number in range(filled, filled + each)])
            filled += each
            with Progress(live) as progress:
                progress.wait_for(filled - each + rng.randrange(1, each // 2))
            kill(broker)
            time.sleep(seconds)
            broker.start()
            with Progress(live) as progress:
                worst = max(worst, progress.wait_until_healed())
    assert telemetry.status().failures > 0
    check_as_if_uninterrupted(live)
    assert check_model(live).offset == filled
    return worst


def test_f5_the_broker_is_killed_and_comes_back(tmp_path: Path, stream_name: str) -> None:
    """The worker neither ends nor repeats nor loses anything."""
    with broker_of_our_own(tmp_path) as broker:
        live = LiveStream(broker.address, stream_name)
        survive_outages(live, broker, [1.0], random.Random(5))


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_f5_the_broker_is_gone_for_longer_than_a_delivery_may_take(tmp_path: Path, stream_name: str) -> None:
    """Also longer than the session: the group has forgotten the worker when the broker is back."""
    with broker_of_our_own(tmp_path) as broker:
        live = LiveStream(broker.address, stream_name)
        outages = [outbox.DELIVERY_S + 10.0, 2.0, 12.0]
        assert survive_outages(live, broker, outages, random.Random(6)) < HEALED_S


@pytest.mark.slow
def test_a_batch_that_does_not_fit_the_time_is_divided(
    tmp_path: Path, stream_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota makes transactions longer than they may take: each try is of fewer records, until one fits."""
    with broker_of_our_own(tmp_path) as broker:
        live = LiveStream(broker.address, stream_name)
        settings = settings_of(live)
        worker = settings.worker.model_copy(update={"commit_timeout_s": 2.0})
        settings = settings.model_copy(update={"worker": worker})
        live.fill([event(number) for number in range(2_000)])
        limit_producers(broker, 20_000)
        monkeypatch.setattr(BatchSize, "records", 2_000)
        telemetry = Telemetry()
        with on_a_thread(Worker(settings, functools.partial(assembly.make_task, settings), telemetry)):
            until(lambda: telemetry.status().failures >= 3, 120.0)
            until(lambda: telemetry.status().predictions, 60.0)
            limit_producers(broker, 10**9)
            live.wait_for(2_000, 60.0)
        check_as_if_uninterrupted(live)


def lose_replies(address: str, name: str, proxy: Proxy, times: int, rng: random.Random) -> None:
    """Lose that many replies of transactions, of every kind, while a worker answers events."""
    live = LiveStream(address, name)
    settings = settings_of(live)
    settings = settings.model_copy(
        update={"worker": settings.worker.model_copy(update={"commit_timeout_s": 1.0, "largest_batch": 20})}
    )
    telemetry, progress = Telemetry(), Progress(live)
    faults = [Fault(api, how) for api in reversed(Api) for how in ("swallow", "reset")]
    with on_a_thread(Worker(settings, functools.partial(assembly.make_task, settings), telemetry)):
        for round_ in range(times):
            fault = faults[round_ % len(faults)]
            struck = proxy.struck[fault]
            proxy.arm(fault)
            live.fill([event(number) for number in range(round_ * 100, round_ * 100 + 100)])
            progress.wait_until_healed()
            assert proxy.struck[fault] == struck + 1
            time.sleep(rng.random() * 0.05)
    check_as_if_uninterrupted(live)
    assert telemetry.status().failures >= times / 2


@contextmanager
def behind_a_proxy(folder: Path) -> Iterator[Proxy]:
    """Run a broker that can only be reached through a proxy."""
    listener, target = free_ports(2)
    with Proxy(listener, target).running() as proxy, broker_of_our_own(folder, target, listener):
        yield proxy


def test_f6_the_reply_to_a_commit_is_lost(tmp_path: Path, stream_name: str) -> None:
    """Committed or not: the broker is asked, nothing is guessed."""
    with behind_a_proxy(tmp_path) as proxy:
        lose_replies(f"127.0.0.1:{proxy.port}", stream_name, proxy, 4, random.Random(7))


@pytest.mark.slow
def test_f6_twenty_replies_are_lost(tmp_path: Path, stream_name: str) -> None:
    """Of each step of a transaction, swallowed and reset."""
    with behind_a_proxy(tmp_path) as proxy:
        lose_replies(f"127.0.0.1:{proxy.port}", stream_name, proxy, 20, random.Random(8))
