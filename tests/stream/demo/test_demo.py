"""The demo, as a person runs it: it ends by itself or on Ctrl-C, says what it did, leaves nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from kafka import KafkaAdminClient

from stream.broker.brokers import ADDRESS_VARIABLE
from tests.stream.broker.test_brokers import closed

ENVIRONMENT = {
    # A learner that starts at once; what is tried out here is the demo.
    "ITHACA_LEARNER__NAME": "priors",
    "JAVA_HOME": "/nowhere",
    "OMP_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",
}


@contextmanager
def demo(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run the demo inside the block; whatever happens, it is gone afterwards."""
    clean = {name: value for name, value in os.environ.items() if name != ADDRESS_VARIABLE}
    process = subprocess.Popen(
        [sys.executable, "-m", "stream.cli", "demo", *arguments],
        env={**clean, **ENVIRONMENT, **environment},
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_until(words: str, output: IO[str]) -> str:
    """Return what is said up to the line with some words, or all there is."""
    said = ""
    for line in output:
        said += line
        if words in line:
            break
    return said


def found(pattern: str, text: str) -> str:
    """Return what a pattern's group matches; skip where there was no broker to be had."""
    if "no broker here" in text:
        pytest.skip(f"NO BROKER TO TEST WITH: {text.strip().splitlines()[-1]}")
    match = re.search(pattern, text)
    assert match, text
    return match.group(1)


def number(name: str, text: str) -> int:
    """Return a figure of the summary."""
    return int(found(rf"(?m)^{name}: ([\d,]+)", text).replace(",", ""))


def test_it_ends_by_itself_and_says_what_it_did() -> None:
    """Every event is a prediction or a dead letter; nothing of it is left running."""
    with demo("--events", "1500") as process:
        said, _ = process.communicate(timeout=120)
    assert closed(found(r"broker: embedded at (\S+)", said))
    assert process.returncode == 0
    assert number("events", said) == 1500
    dead = number("dead letters", said)
    assert dead > 0
    assert number("predictions", said) + dead == 1500
    assert number("messages a second", said) > 0
    for name in ("priors", "persistence", "majority"):
        assert re.search(rf"(?m)^{name} +0\.\d+ ", said)
    assert "metrics were at: http://127.0.0.1:" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("number_of_signal", [signal.SIGINT, signal.SIGTERM])
def test_it_goes_on_until_it_is_stopped_and_stops_cleanly(number_of_signal: signal.Signals) -> None:
    """It serves metrics meanwhile, and sums up all the same."""
    with demo() as process:
        assert process.stdout is not None
        said = read_until("metrics: ", process.stdout)
        url = found(r"metrics: (\S+)", said)
        page = found(r"dashboard: (\S+)", said)
        deadline = time.monotonic() + 60
        while not re.search(r"(?m)^ithaca_predictions_total\{[^}]*\} [1-9]", read(url)):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert read(url.replace("/metrics", "/livez")) == "ok\n"
        while not (overview(page) or {}).get("predictions"):
            assert time.monotonic() < deadline + 60
            time.sleep(0.2)
        process.send_signal(number_of_signal)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert number("events", rest) > 0
    assert "Traceback" not in rest
    assert overview(page) is None
    assert closed(found(r"broker: embedded at (\S+)", said))


def test_it_says_so_when_its_broker_dies() -> None:
    """It ends by itself, soon, and blames the broker."""
    with demo() as process:
        assert process.stdout is not None
        said = read_until("metrics: ", process.stdout)
        found(r"broker: embedded at (\S+)", said)
        (broker,) = [pid for pid in children(process.pid) if "dashboard" not in command_of(pid)]
        os.kill(broker, signal.SIGKILL)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the embedded broker has ended" in rest
    assert "Traceback" not in rest


def children(pid: int) -> list[int]:
    """Return the processes that a process started."""
    listed = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for line in listed for child in line.split()]


def command_of(pid: int) -> str:
    """Return how a process was started."""
    return Path(f"/proc/{pid}/cmdline").read_text()


def read(url: str) -> str:
    """Return what is there."""
    with urllib.request.urlopen(url, timeout=10) as reply:
        return str(reply.read().decode())


def overview(page: str) -> dict[str, Any] | None:
    """Return what the dashboard knows, if it is up."""
    try:
        found: dict[str, Any] = json.loads(read(f"{page}/api/overview"))
    except OSError:
        return None
    return found


@pytest.mark.kafka
def test_on_a_given_broker_it_cleans_up_after_itself(kafka: str) -> None:
    """The broker goes on, without the demo's topics."""
    with demo("--events", "300", **{ADDRESS_VARIABLE: kafka}) as process:
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert f"broker: given at {kafka}" in said
    assert number("events", said) == 300
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    try:
        assert not [name for name in admin.list_topics() if name.startswith("ithaca-demo")]
    finally:
        admin.close()
