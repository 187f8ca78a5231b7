"""What one that stood still costs who took over: `python -m tests.faults.standstill --rounds 12`.

Events come at a steady rate, and the worker that has the only partition is stopped, again and again, until
the other one has caught up. After it goes on: how often the present owner was fenced, and the longest time
without a prediction.
"""

from __future__ import annotations

import argparse
import functools
import random
import re
import signal
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import NamedTuple

from stream.broker.brokers import KafkaBroker
from stream.broker.processes import free_ports
from tests.faults.exactly_once import Progress, check_as_if_uninterrupted
from tests.stream.live import LiveStream, readiness, until
from tests.stream.standins import event

RATE = 200
"""Events a second."""
AFTER_S = 12.0
"""Seconds that are looked at after a worker goes on: heartbeats, retries and rebalances are over by then."""
ENVIRONMENT = {"ITHACA_RUN": "same", "ITHACA_SNAPSHOT__EVERY_S": "1"}


class Round(NamedTuple):
    """What happened after a worker went on: fencings of the other one, and the longest gap in seconds."""

    fencings: int
    gap_s: float


@contextmanager
def flowing(live: LiveStream) -> Iterator[None]:
    """Let events flow inside the block."""
    ended = threading.Event()

    def flow() -> None:
        number = 0
        while not ended.wait(0.1):
            live.fill([event(number + each) for each in range(RATE // 10)])
            number += RATE // 10

    thread = threading.Thread(target=flow)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def fencings(port: int) -> int:
    """Return how often a worker was fenced."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as reply:
        found = re.search(r"(?m)^ithaca_fencings_total\S* (\S+)", reply.read().decode())
    return int(float(found[1])) if found else 0


def rounds(live: LiveStream, number: int, rng: random.Random) -> Iterator[Round]:
    """Stop one of two workers and let it go on, so many times; check at the end that all is exactly once."""
    with Progress(live) as progress, ExitStack() as cleanup:
        ports = free_ports(2)
        workers = {port: cleanup.enter_context(live.worker(ITHACA_HTTP__PORT=str(port))) for port in ports}
        with flowing(live):
            for _ in range(number):
                (owner,) = until(lambda: [port for port in ports if "at work" in readiness(port)])
                (other,) = set(ports) - {owner}
                progress.wait_for(progress.committed() + RATE)
                time.sleep(rng.random())
                workers[owner].send_signal(signal.SIGSTOP)
                try:
                    until(functools.partial(_caught_up, progress, other))
                    before = fencings(other)
                finally:
                    workers[owner].send_signal(signal.SIGCONT)
                yield _round(live, other, before)
        progress.wait_until_healed()
    check_as_if_uninterrupted(live)


def _caught_up(progress: Progress, port: int) -> bool:
    return "at work" in readiness(port) and progress.lag() < 2 * RATE


def _round(live: LiveStream, owner: int, before: int) -> Round:
    began = time.time()
    time.sleep(AFTER_S)
    ended = time.time()
    times = [record.timestamp / 1000 for record in live.read("predictions")]
    within = [began, *(at for at in sorted(times) if began < at < ended), ended]
    return Round(fencings(owner) - before, max(end - begin for begin, end in pairwise(within)))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    seen = []
    with KafkaBroker() as broker:
        live = LiveStream(broker.address, f"standstill-{uuid.uuid4().hex[:8]}", environment=ENVIRONMENT)
        for each in rounds(live, arguments.rounds, random.Random(arguments.seed)):
            seen.append(each)
            print(f"fencings of the owner {each.fencings}, longest gap {each.gap_s:.1f} s", flush=True)
    fenced = sum(each.fencings > 0 for each in seen)
    print(f"the owner was fenced in {fenced} of {len(seen)} rounds; every event has one prediction")
    print(f"longest gap: mean {sum(each.gap_s for each in seen) / len(seen):.1f} s", end="")
    print(f", worst {max(each.gap_s for each in seen):.1f} s")


if __name__ == "__main__":
    main()
