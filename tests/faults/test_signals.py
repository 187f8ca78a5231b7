"""SIGTERM at random moments, on a busy machine: `pytest -m slow tests/faults/test_signals.py`."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.stream.live import LiveStream
from tests.stream.standins import event

pytestmark = [pytest.mark.slow, pytest.mark.kafka]

RUNS = 10


@pytest.fixture
def load() -> Iterator[None]:
    """Keep all cores busy."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    yield
    for process in busy:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("load")
@pytest.mark.parametrize("command", ["run", "dashboard"])
def test_it_ends_in_order_without_a_warning(kafka: str, stream_name: str, command: str) -> None:
    """Whatever it was doing; before it listens to signals, it ends at once and says nothing either."""
    live, rng = LiveStream(kafka, stream_name), random.Random(16)
    environment = os.environ | live.environment | {"ITHACA_DASHBOARD__PORT": "0"}
    environment["ITHACA_WORKER__SESSION_TIMEOUT_MS"] = "45000"
    for _ in range(RUNS):
        live.fill([event(number) for number in range(2_000)])
        process = subprocess.Popen(
            [sys.executable, "-m", "stream.cli", command], env=environment, stderr=subprocess.PIPE, text=True
        )
        time.sleep(rng.uniform(2.0, 12.0))
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        assert process.returncode in (0, -signal.SIGTERM), said
        assert all(" INFO " in line for line in said.splitlines()), said
