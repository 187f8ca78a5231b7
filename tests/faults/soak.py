"""Everything that breaks, again and again, for as long as asked: `python -m tests.faults.soak --minutes 20`.

Events flow at a steady rate through two workers and one more that comes and goes. Workers are killed, the
broker is killed and comes back, the group never rests, partitions are added, up to eight, and settings are
changed and put back. The first partition goes on from a snapshot that the first 0.2.0 wrote. After every
fault all is well again for a while: the lag must go back to nothing. With `--scope stream` partitions share a
model; in place of other settings and the old snapshot, a worker is stopped without notice and goes on later.
At the end every invariant is checked, counts are printed, and the exit status says whether all of them held.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from stream.broker.processes import free_ports, spawn
from stream.pipeline import factory as assembly
from stream.records.topics import topic
from stream.worker.worker import Worker
from tests import released
from tests.faults.exactly_once import (
    HEALED_S,
    Progress,
    Span,
    check_as_if_uninterrupted,
    check_model,
    settings_of,
    store_of,
)
from tests.faults.one_model import check_observed_once, check_shared, observed, shared, taught
from tests.faults.outages import broker_of_our_own, kill
from tests.faults.steady import Source
from tests.stream.live import LiveStream, on_a_thread, readiness, source, until
from tests.stream.standins import event

PARTITIONS = 3
MOST_PARTITIONS = 8


class Process:
    """A worker as a process, with its log and its port; started again whenever it is killed."""

    def __init__(self, live: LiveStream, log: Path) -> None:
        (self.port,) = free_ports(1)
        self._live = live
        self._log = log
        self._process = self._start()

    def _start(self, changed: Mapping[str, str] = MappingProxyType({})) -> subprocess.Popen[bytes]:
        environment = {**self._live.environment, "ITHACA_HTTP__PORT": str(self.port), **changed}
        settings = [f"{name}={value}" for name, value in environment.items()]
        command = ["env", *settings, sys.executable, "-m", "stream.cli", "run"]
        return spawn(command, self._log, outlives_us=False)

    def kill(self) -> None:
        """Kill it and start it again."""
        self._process.kill()
        self._process.wait()
        self._process = self._start()

    def restart(self, **changed: str) -> None:
        """Stop it in order, and start it with some settings changed."""
        self.stop()
        self._process = self._start(changed)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def check(self) -> None:
        """Make sure that it has not ended."""
        assert self._process.poll() is None, f"a worker ended by itself: see {self._log}"

    @property
    def rss(self) -> float:
        """What it keeps in memory, in MiB."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def stop(self) -> None:
        """Ask it to stop, and make sure that it does so in order."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(60)
        assert status == 0, f"a worker ended with {status}: see {self._log}"
        assert time.monotonic() - began < 10

    def close(self) -> None:
        """Whatever happens, it is gone afterwards."""
        self._process.kill()
        self._process.wait()


class Soak:
    """One soak.

    Parameters
    ----------
    minutes
        How long faults happen.
    rate
        Events a second.
    folder
        For logs and the broker's data.
    seed
        What happens when.
    scope
        Whose the models are: each partition's, or the stream's.
    """

    def __init__(self, minutes: float, rate: float, folder: Path, seed: int, scope: str) -> None:
        self._until = time.monotonic() + 60 * minutes
        self._rate = rate
        self._folder = folder
        self._shared = scope == "stream"
        self._rng = random.Random(seed)
        self.counts = dict.fromkeys(
            ("kills", "guests", "broker restarts", "freezes", "partitions added", "settings changed"), 0
        )
        self._apart: list[Span] = []
        self.worst = {"recovery_s": 0.0, "lag_heal_s": 0.0}
        self.rss: list[float] = []

    def run(self) -> None:
        """Break things until the time is over, then check and print."""
        with contextlib.ExitStack() as cleanup:
            self._broker = cleanup.enter_context(broker_of_our_own(self._folder / "broker"))
            often = {"ITHACA_SNAPSHOT__EVERY_S": "2"}
            if self._shared:
                self._live = shared(self._broker.address, "soak", PARTITIONS, **often)
            else:
                environment = {"ITHACA_RUN": "same"} | often
                self._live = LiveStream(self._broker.address, released.STREAM, PARTITIONS, environment)
                self._upgrade()
            self._progress = Progress(self._live)
            self._source = Source(self._live, self._rate)
            self._workers = [self._worker(cleanup, name) for name in ("stays", "dies")]
            self._source.start()
            self._wait_until_ready()
            faults: tuple[Callable[[], None], ...]
            faults = (self._kill_a_worker, self._kill_the_broker, self._add_a_partition)
            faults += (self._freeze_a_worker,) if self._shared else (self._guests, self._change_settings)
            while time.monotonic() < self._until:
                for fault in self._rng.sample(faults, len(faults)):
                    time.sleep(self._rng.uniform(1.0, 5.0))
                    fault()
                    self._heal()
            self._end()

    def _worker(self, cleanup: contextlib.ExitStack, name: str) -> Process:
        worker = Process(self._live, self._folder / f"{name}.log")
        cleanup.callback(worker.close)
        return worker

    def _upgrade(self) -> None:
        """Let the first partition begin with the snapshot that the first 0.2.0 wrote, at its offset."""
        self._live.fill(list(map(event, range(released.EVENTS))), 0)
        path = Path(store_of(self._live).path(released.EVENTS))
        path.parent.mkdir(parents=True)
        path.write_bytes(released.written("priors", released.FIRST))
        place = TopicPartition(topic(released.STREAM, "events"), 0)
        group = self._live.settings.group
        client = KafkaConsumer(bootstrap_servers=self._broker.address, group_id=group)
        with contextlib.closing(client):
            client.commit({place: OffsetAndMetadata(released.EVENTS, "", -1)})
        self._apart.append((0, 0, released.EVENTS))

    def _change_settings(self) -> None:
        """Go on with another learner for some seconds, and put the settings back."""
        self._source.flowing.clear()
        self._progress.wait_until_healed(HEALED_S)
        before = self._progress.ends()
        for worker in self._workers:
            worker.restart(ITHACA_LEARNER__NAME="persistence")
        self._wait_until_ready()
        self._source.flowing.set()
        time.sleep(5.0)
        self._source.flowing.clear()
        self._progress.wait_until_healed(HEALED_S)
        self._apart += [(number, before[number], end) for number, end in self._progress.ends().items()]
        for worker in self._workers:
            worker.restart()
        self.counts["settings changed"] += 1

    def _kill_a_worker(self) -> None:
        for _ in range(self._rng.randrange(1, 4)):
            self._workers[1].kill()
            self.counts["kills"] += 1
            time.sleep(self._rng.uniform(0.0, 6.0))

    def _kill_the_broker(self) -> None:
        # Shorter and longer than the session timeout, and longer than a delivery may take.
        seconds = self._rng.choice([0.5, 3.0, 10.0, 40.0])
        kill(self._broker)
        time.sleep(seconds)
        self._broker.start()
        self.counts["broker restarts"] += 1

    def _freeze_a_worker(self) -> None:
        """Stop one without notice, in an open transaction as likely as not; another may take its place."""
        self._workers[1].signal(signal.SIGSTOP)
        time.sleep(self._rng.choice([2.0, 10.0]))
        self._workers[1].signal(signal.SIGCONT)
        self.counts["freezes"] += 1

    def _add_a_partition(self) -> None:
        if (partitions := self._live.settings.kafka.partitions) < MOST_PARTITIONS:
            self._live.extend(partitions + 1)
            self._progress.watch(partitions)
            self.counts["partitions added"] += 1

    def _guests(self) -> None:
        settings = settings_of(self._live)
        settings = settings.model_copy(
            update={
                "snapshot": settings.snapshot.model_copy(update={"location": str(self._folder / "guest")})
            }
        )

        for _ in range(5):
            worker = Worker(settings, lambda live_from: assembly.make_task(settings, live_from))
            with on_a_thread(worker):
                time.sleep(2.0)
            self.counts["guests"] += 1
            time.sleep(2.0)

    def _heal(self) -> None:
        self._source.flowing.clear()
        self.worst["lag_heal_s"] = max(self.worst["lag_heal_s"], self._progress.wait_until_healed(HEALED_S))
        self.worst["recovery_s"] = max(self.worst["recovery_s"], self._wait_until_ready())
        self._source.flowing.set()
        self.rss.append(self._workers[0].rss)
        print(
            f"{self._source.written:9,} events  {self.counts}  "
            f"{ {name: round(value, 1) for name, value in self.worst.items()} }  {self.rss[-1]:.0f} MiB",
            flush=True,
        )

    def _wait_until_ready(self) -> float:
        began = time.monotonic()
        while not all(readiness(worker.port).startswith("ok") for worker in self._workers):
            for worker in self._workers:
                worker.check()
            assert time.monotonic() - began < 4 * HEALED_S, "a worker is not ready"
            time.sleep(0.1)
        return time.monotonic() - began

    def _end(self) -> None:
        self._source.ended.set()
        self._source.join()
        self._progress.wait_until_healed(HEALED_S)
        if self._shared:
            until(lambda: observed(self._live), HEALED_S)
        self.rss.append(self._workers[0].rss)
        for worker in self._workers:
            worker.stop()
        self._count()
        if self._shared:
            assert len(check_shared(self._live)) == taught(self._live)
            check_observed_once(self._live)
            return
        check_as_if_uninterrupted(self._live, self._apart)
        for partition in range(self._live.settings.kafka.partitions):
            check_model(self._live, partition)

    def _count(self) -> None:
        said = "".join(path.read_text() for path in self._folder.glob("*.log"))
        answered = [source(record) for kind in ("predictions", "dlq") for record in self._live.read(kind)]
        events = {(record.partition, record.offset) for record in self._live.read("events")}
        events -= {(0, offset) for offset in range(released.EVENTS)} if self._apart else set()
        counts = {
            "events in": len(events),
            "predictions": len(self._live.read("predictions")),
            "dead letters": len(self._live.read("dlq")),
            "duplicates": len(answered) - len(set(answered)),
            "missing": len(events - set(answered)),
            **self.counts,
            "rebalances": max(map(int, re.findall(r"generation (\d+)", said)), default=0),
            "fencings": said.count("was fenced"),
            "recoveries": said.count("relearning silently"),
            "failed transactions": said.count("; trying again"),
            **{name: round(value, 1) for name, value in self.worst.items()},
            "RSS first, last (MiB)": f"{self.rss[0]:.0f}, {self.rss[-1]:.0f}",
        }
        for name, value in counts.items():
            print(f"{name:30} {value}")
        assert (counts["duplicates"], counts["missing"]) == (0, 0)


@contextlib.contextmanager
def logged(path: Path) -> Iterator[None]:
    """Write this process's own log to a file inside the block."""
    handler = logging.FileHandler(path)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("kafka").setLevel(logging.WARNING)
    try:
        yield
    finally:
        handler.close()


def main() -> int:
    """Run a soak; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=100.0, help="events a second")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scope", choices=["partition", "stream"], default="partition")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ithaca-soak-"))
    soak = Soak(given.minutes, given.rate, folder, given.seed, given.scope)
    with logged(folder / "guests.log"):
        try:
            soak.run()
        except Exception:
            traceback.print_exc()
            print(f"BROKEN; logs are in {folder}")
            return 1
    print("every invariant held")
    return 0


if __name__ == "__main__":
    sys.exit(main())
