"""Brokers that may be killed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stream.broker.brokers import KafkaBroker, NoBrokerError
from stream.broker.processes import free_ports


@contextmanager
def broker_of_our_own(folder: Path, port: int = 0, advertised: int = 0) -> Iterator[KafkaBroker]:
    """Run a broker that may be killed; it comes back on its port with what it had."""
    broker = KafkaBroker(folder, port or free_ports(1)[0])
    broker.advertised = advertised
    try:
        broker.start()
    except NoBrokerError as missing:
        pytest.skip(f"NO BROKER TO TEST WITH: {missing}")
    try:
        yield broker
    finally:
        broker.stop()


def limit_producers(broker: KafkaBroker, bytes_per_second: int) -> None:
    """Slow every producer down with a quota."""
    assert broker.process is not None
    command = Path(f"/proc/{broker.process.pid}/cmdline").read_bytes().decode().split("\0")
    jars = command[command.index("-cp") + 1]
    wanted = ["--alter", "--add-config", f"producer_byte_rate={bytes_per_second}"]
    clients = ["--entity-type", "clients", "--entity-default"]
    tool = [command[0], "-cp", jars, "kafka.admin.ConfigCommand", "--bootstrap-server", broker.address]
    subprocess.run([*tool, *wanted, *clients], check=True, capture_output=True)


def kill(broker: KafkaBroker) -> None:
    """Kill a broker; nothing is written down on the way."""
    assert broker.process is not None
    os.kill(broker.process.pid, signal.SIGKILL)
    broker.stop()
