"""Events at a steady rate, and how long each partition was silent meanwhile."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from stream.kafka import Writer
from stream.records.topics import topic
from tests.faults.exactly_once import check_as_if_uninterrupted
from tests.stream.live import LiveStream
from tests.stream.standins import POISON, event

POISONED = [value for name, value in POISON.items() if name not in ("too large", "encoder throws")]
SILENT_S = 15.0
"""How long nothing may be answered after anything was killed."""
APART_S = 5.0
"""How much later than another a partition may go on."""


class Source(threading.Thread):
    """Writes events at a steady rate, one in a hundred of them poison; can be told to pause."""

    def __init__(self, live: LiveStream, rate: float) -> None:
        super().__init__(name="source", daemon=True)
        self.written = 0
        self.flowing = threading.Event()
        self.flowing.set()
        self.ended = threading.Event()
        self._live = live
        self._rate = rate

    def run(self) -> None:
        """Write until told to end; a broker that is away is waited for."""
        rng = random.Random(1)
        with Writer(self._live.settings.kafka, topic(self._live.settings.stream, "events")) as writer:
            while not self.ended.wait(0.2):
                if self.flowing.is_set():
                    for _ in range(round(self._rate * 0.2)):
                        value = rng.choice(POISONED) if rng.random() < 0.01 else event(self.written)
                        writer.send(value, f"k{self.written}".encode())
                        self.written += 1
                    writer.settle()


@contextmanager
def steady(live: LiveStream, rate: float = 60.0) -> Iterator[Source]:
    """Write events inside the block; at its end, wait until all of them are answered, each once, in order."""
    source = Source(live, rate)
    source.start()
    try:
        yield source
    finally:
        source.ended.set()
        source.join()
    live.wait_for(source.written)
    check_as_if_uninterrupted(live)


def silences(live: LiveStream, since: float) -> dict[int, tuple[float, float]]:
    """Return each partition's longest silence after a time: its begin and end, in seconds since then.

    A partition that had nothing left to answer is not silent.
    """
    found = {}
    for partition in range(live.settings.kafka.partitions):
        at = [record.timestamp / 1000 for record in live.read("predictions") if record.partition == partition]
        pairs = itertools.pairwise([since, *(stamp for stamp in at if stamp > since)])
        begin, end = max(pairs, key=lambda pair: pair[1] - pair[0], default=(since, since))
        found[partition] = begin - since, end - since
    return found


def check_silence(live: LiveStream, since: float) -> list[float]:
    """Check that no partition was silent for long; return when they went on, in seconds since then."""
    found = silences(live, since)
    print("silent:", {number: f"{begin:.1f} to {end:.1f} s" for number, (begin, end) in found.items()})
    assert max(end - begin for begin, end in found.values()) <= SILENT_S
    return [end for _, end in found.values()]
