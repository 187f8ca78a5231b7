"""A stream on a real broker for tests: fill it, run workers as processes, read back what they wrote."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from stream.config.settings import Settings
from stream.kafka import BrokerError, GroupWatch, History, Writer, ensure_topics
from stream.records.schema import Output, Record
from stream.records.topics import topic
from stream.worker.worker import Worker

log = logging.getLogger(__name__)

Found = TypeVar("Found")

PATIENCE_S = 180.0
"""How long a worker may take for what it is given; nothing is measured with it."""


class LiveStream:
    """A stream's topics on a broker.

    Parameters
    ----------
    address
        The broker's.
    name
        The stream's.
    partitions
        How many.
    environment
        Settings for the workers, as environment variables.
    """

    def __init__(
        self, address: str, name: str, partitions: int = 1, environment: Mapping[str, str] | None = None
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ithaca-snapshots-")
        self.settings = Settings.model_validate(
            {
                "stream": name,
                "kafka": {"bootstrap_servers": address, "partitions": partitions},
                "snapshot": {"location": self._folder.name},
            }
        )
        self.environment = {
            "ITHACA_STREAM": name,
            "ITHACA_KAFKA__BOOTSTRAP_SERVERS": address,
            "ITHACA_LEARNER__NAME": "priors",
            "ITHACA_ENCODER__PARAMETERS": '{"dimensions": 64}',
            "ITHACA_WORKER__SESSION_TIMEOUT_MS": "6000",
            "ITHACA_HTTP__PORT": "0",
            "ITHACA_SNAPSHOT__LOCATION": self._folder.name,
            "OMP_NUM_THREADS": "1",
            **(environment or {}),
        }
        ensure_topics(self.settings.kafka, name)

    def limit(self, kind: str, largest: int) -> None:
        """Make one of the topics refuse records above a size, in bytes."""
        name = topic(self.settings.stream, kind)
        with self._admin() as client:
            client.alter_configs(
                [ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": str(largest)})]
            )

    def extend(self, partitions: int, kind: str = "events") -> None:
        """Give one of the topics more partitions."""
        with self._admin() as client:
            client.create_partitions({topic(self.settings.stream, kind): partitions})
        if kind == "events":
            broker = self.settings.kafka.model_copy(update={"partitions": partitions})
            self.settings = self.settings.model_copy(update={"kafka": broker})

    def expire(self, kind: str, offset: int, partition: int = 0) -> None:
        """Delete the records of one of the topics below an offset, as retention does."""
        with self._admin() as client:
            client.delete_records({TopicPartition(topic(self.settings.stream, kind), partition): offset})

    def make_anew(self, kind: str, partitions: int = 1) -> None:
        """Delete one of the topics, and make it again."""
        name = topic(self.settings.stream, kind)
        with self._admin() as client:
            client.delete_topics([name])
            client.create_topics({name: {"num_partitions": partitions}})

    def _admin(self) -> contextlib.closing[KafkaAdminClient]:
        return contextlib.closing(KafkaAdminClient(bootstrap_servers=self.settings.kafka.bootstrap_servers))

    def fill(
        self, values: Sequence[bytes | None], partition: int | None = None, kind: str = "events"
    ) -> None:
        """Write values to the events, or another topic; keys count up, and each record has a header."""
        with Writer(self.settings.kafka, topic(self.settings.stream, kind)) as writer:
            for number, value in enumerate(values):
                writer.send(value, f"k{number}".encode(), (("origin", b"\x00\xff"),), partition)

    def read(self, kind: str) -> list[Record]:
        """Return the committed records of one of the topics, partition by partition."""
        history = History(self.settings.kafka, topic(self.settings.stream, kind))
        try:
            return list(history.records())
        finally:
            history.close()

    def predictions(self) -> list[tuple[Record, dict[str, Any]]]:
        """Return the predictions with their contents."""
        return [(record, json.loads(record.value or b"")) for record in self.read("predictions")]

    def wait_for(self, outcomes: int, patience: float = PATIENCE_S) -> None:
        """Wait until that many predictions and dead letters are there; `patience` is in seconds."""
        deadline = time.monotonic() + patience
        while not self._there(outcomes):
            assert time.monotonic() < deadline, f"fewer than {outcomes} outcomes after {patience} s"
            time.sleep(0.1)

    def members(self) -> int:
        """Return how many workers are members of the group that answers."""
        events = topic(self.settings.stream, "events")
        with contextlib.closing(GroupWatch(self.settings.kafka, self.settings.group, events)) as watch:
            return watch.state().members

    def _there(self, outcomes: int) -> bool:
        # Offsets first, for they cost little; but they count the transactions' markers too.
        try:
            return (
                self._offsets() >= outcomes
                and len(self.read("predictions")) + len(self.read("dlq")) >= outcomes
            )
        except BrokerError:  # It stood still for a moment, and is asked again.
            return False

    def _offsets(self) -> int:
        taken = 0
        for kind in ("predictions", "dlq"):
            history = History(self.settings.kafka, topic(self.settings.stream, kind))
            taken += len(history)
            history.close()
        return taken

    @contextmanager
    def worker(self, **environment: str) -> Iterator[WorkerProcess]:
        """Run `ithaca run` inside the block; whatever happens, it is gone afterwards."""
        process = WorkerProcess({**self.environment, **environment}, Path(self._folder.name))
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            print(process.said())  # Shown where the test fails.


class WorkerProcess(subprocess.Popen[str]):
    """`ithaca run`; it writes to a file, for who writes into a pipe that nobody reads stands still."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        with tempfile.NamedTemporaryFile("w", prefix="worker-", dir=folder, delete=False) as file:
            self._log = Path(file.name)
            super().__init__(
                [sys.executable, "-m", "stream.cli", "run"],
                env={**os.environ, **environment},
                cwd=Path(__file__).parents[2],
                stderr=file,
                text=True,
            )

    def said(self) -> str:
        """Return everything it has said so far."""
        return self._log.read_text()


def stop(process: WorkerProcess, number: signal.Signals = signal.SIGTERM) -> tuple[int, float, str]:
    """Signal a worker and return its exit status, the seconds it took, and what it said."""
    began = time.monotonic()
    process.send_signal(number)
    status = process.wait(timeout=30)
    return status, time.monotonic() - began, process.said()


def until(condition: Callable[[], Found], patience_s: float = PATIENCE_S) -> Found:
    """Wait until something is so, and return it."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not so after {patience_s} s"
        time.sleep(0.05)
    return found


def readiness(port: int) -> str:
    """Return what a worker says of itself; nothing where it does not answer yet."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as reply:
            return str(reply.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()
    except OSError:
        return ""


def source(record: Record | Output) -> tuple[int, int]:
    """Return partition and offset of the event that an output comes from."""
    _, partition, offset, _ = dict(record.headers)["ce_id"].split(b"/")
    return int(partition), int(offset)


@contextmanager
def on_a_thread(worker: Worker) -> Iterator[Worker]:
    """Run a worker on a thread inside the block; what ended it too early is raised at the end."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            worker.run()
        except BaseException as error:
            log.exception("the worker ended")
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join()
    if failures:
        raise failures[0]
