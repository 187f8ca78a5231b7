"""F1, F2: a worker killed at random moments, and one that is asked to stop."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Sequence

import pytest

from tests.faults.exactly_once import Progress, check_as_if_uninterrupted, check_model, store_of
from tests.stream.live import LiveStream, stop
from tests.stream.standins import POISON, event

pytestmark = pytest.mark.kafka

ENVIRONMENT = {
    "ITHACA_RUN": "same",
    "ITHACA_WORKER__INSTANCE": "one",
    "ITHACA_WORKER__LARGEST_BATCH": "200",
    "ITHACA_SNAPSHOT__EVERY_S": "0.2",
}


def values(count: int) -> list[bytes | None]:
    """Return that many events, with poison among them."""
    made: list[bytes | None] = [event(number) for number in range(count)]
    for position, value in enumerate(POISON.values()):
        made[position * count // len(POISON)] = value
    return made


def survive(live: LiveStream, events: int, kills: int, seed: int) -> list[int]:
    """Kill a worker that many times on its way through the events; return the commits seen on the way."""
    rng = random.Random(seed)
    progress = Progress(live)
    seen = [progress.committed()]
    for kill in range(kills):
        with live.worker() as process:
            # Wherever it is by then: starting, relearning, in a batch, in a transaction, in a snapshot.
            progress.wait_for(events * (kill + 1) // (kills + 2), process)
            time.sleep(rng.random() * 0.3)
            stop(process, signal.SIGKILL)
        seen.append(progress.committed())
    with live.worker() as process:
        progress.wait_for(events, process)
        status, seconds, said = stop(process)
    assert (status, seconds < 10) == (0, True), said
    seen.append(progress.committed())
    return seen


def check_survived(live: LiveStream, events: int, seen: Sequence[int]) -> None:
    """I1 to I6."""
    assert list(seen) == sorted(seen)
    assert seen[-1] == events
    check_as_if_uninterrupted(live)
    assert check_model(live).offset == events


def test_f1_killed_at_random_moments(kafka: str, stream_name: str) -> None:
    """Two kills: as if nothing had been, bytes and model."""
    live = LiveStream(kafka, stream_name, environment=ENVIRONMENT)
    live.fill(values(6_000))
    check_survived(live, 6_000, survive(live, 6_000, kills=2, seed=1))


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("seed", range(3))
def test_f1_killed_three_times_in_forty_thousand(kafka: str, stream_name: str, seed: int) -> None:
    """The full measure, with the default learner."""
    live = LiveStream(kafka, stream_name, environment=ENVIRONMENT | {"ITHACA_LEARNER__NAME": "ihomer"})
    live.fill(values(40_000))
    check_survived(live, 40_000, survive(live, 40_000, kills=3, seed=seed))


def test_f2_asked_to_stop_in_the_middle(kafka: str, stream_name: str) -> None:
    """Status 0 within ten seconds, and committed = processed = snapshot."""
    live = LiveStream(kafka, stream_name, environment=ENVIRONMENT | {"ITHACA_SNAPSHOT__EVERY_S": "3600"})
    live.fill([event(number) for number in range(30_000)])
    with live.worker() as process:
        live.wait_for(500)
        status, seconds, said = stop(process)
    assert status == 0, said
    assert seconds < 10
    written = len(live.read("predictions"))
    assert 500 <= written < 30_000
    assert Progress(live).committed() == written
    assert store_of(live).offsets() == [written]
    assert check_model(live).offset == written
