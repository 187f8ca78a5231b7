"""The service before it joins its group, and what it says of itself."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from unittest.mock import Mock, PropertyMock

import pytest

from stream.broker.processes import free_ports
from stream.config import Settings
from stream.kafka import BrokerError, InstanceError
from stream.worker import service
from tests.stream.live import LiveStream, until
from tests.stream.standins import event

PROGRAM = """
from stream.config import load
from stream.telemetry import configure_logs
from stream.worker import service

def joined(*arguments):
    raise AssertionError("the group was joined")

service.ensure_topics = lambda *arguments: 1
service.Worker = joined
configure_logs("INFO", "text")
service.serve(load(http={"port": 0}))
"""


def test_compiles_before_it_joins_and_can_be_asked_and_stopped(tmp_path: Path) -> None:
    """While it compiles `/livez` answers, and SIGTERM ends it in order, without the group having seen it."""
    # Code for another processor than this one, so that none is found.
    environment = os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-u", "-W", "ignore", "-c", PROGRAM]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        url = ""
        for line in process.stderr:
            if "metrics and health at" in line:
                url = line.split()[-1]
            if "compiling kernels" in line:
                break
        with urllib.request.urlopen(f"{url}/livez", timeout=30) as answer:
            assert answer.status == 200
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait() == 0, rest
        assert time.monotonic() - asked < 30
    assert "stopped before the group was joined" in rest
    assert "Traceback" not in rest


SWALLOWED = """
import os, signal, time
from stream.config import load
from stream.telemetry import configure_logs
from stream.worker import service

def swallow(*arguments):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    except KeyboardInterrupt:
        os.write(2, b"swallowed\\n")

class Stub:
    stopped, ending = False, None
    def __init__(self, *arguments): pass
    def stop(self): self.stopped = True
    def run(self):
        while not self.stopped:
            time.sleep(0.1)

service.ensure_topics = lambda *arguments: 1
service.warm_up, service.Worker = swallow, Stub
service.forwarding = lambda *arguments, **names: __import__("contextlib").nullcontext()
configure_logs("INFO", "text")
service.serve(load(http={"port": 0}))
"""


def test_a_signal_that_a_callback_swallows_is_not_lost() -> None:
    """An exception that is raised in a callback of the compiler goes no further."""
    command = [sys.executable, "-u", "-W", "ignore", "-c", SWALLOWED]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "swallowed" in done.stderr
    assert "stopped in order" in done.stderr


@pytest.mark.parametrize("waits", [0, 3])
def test_who_stands_by_learns_and_shows_that_it_is_alive(
    waits: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In turns, until nobody with other settings answers; said once, and only where it waits."""
    lessons, telemetry, slept = Mock(), Mock(), list[float]()
    answers = [waits > 0, *[True] * waits, False]
    monkeypatch.setattr(type(lessons), "standing_by", PropertyMock(side_effect=answers), raising=False)
    monkeypatch.setattr(time, "sleep", slept.append)
    service._stand_by(lessons, telemetry)
    assert (lessons.turn.call_count, telemetry.beat.call_count) == (waits, waits)
    assert slept == [service.STANDING_BY_S] * waits
    assert len(caplog.messages) == (waits > 0)


@pytest.mark.parametrize("stopped", [False, True])
def test_who_was_thrown_out_waits_until_its_name_is_free_or_it_is_stopped(
    stopped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not ready, alive, and asking again where the broker does not answer."""
    settings = Settings.model_validate({"stream": "s", "worker": {"instance": "a"}})
    states = [Mock(instances={"a", "b"}), BrokerError("away"), Mock(instances={"a"}), Mock(instances={"b"})]
    watch, telemetry, asked = Mock(), Mock(), list[int]()
    watch.state.side_effect = states
    monkeypatch.setattr(service, "GroupWatch", Mock(return_value=watch))
    monkeypatch.setattr(time, "sleep", lambda seconds: asked.append(15) if stopped else None)
    error = InstanceError()
    service._wait_for_name(settings, error, telemetry, asked)
    assert watch.state.call_count == telemetry.beat.call_count == (1 if stopped else len(states))
    telemetry.joined.assert_called_once_with(False, str(error))
    watch.close.assert_called_once_with()


@pytest.mark.kafka
def test_readiness_tells_the_truth_from_the_start_to_the_end(kafka: str, stream_name: str) -> None:
    """Not ready until its partitions are at work, ready until it is to stop, and not ready from then on."""
    live, (port,) = LiveStream(kafka, stream_name), free_ports(1)
    codes: list[int] = []
    live.fill([event(number) for number in range(50)])

    def watch() -> None:
        while process.poll() is None:
            codes.append(status(port))
            time.sleep(0.005)

    with live.worker(ITHACA_HTTP__PORT=str(port)) as process:
        watching = threading.Thread(target=watch)
        watching.start()
        live.wait_for(50)
        until(lambda: status(port) == 200)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        watching.join()
    assert [code for code, _ in itertools.groupby(filter(None, codes))] == [503, 200, 503]


def status(port: int) -> int:
    """Return the status of `/readyz`; 0 where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
