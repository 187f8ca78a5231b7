"""A week with 10,000 labels on an open page: `pytest -m slow -s tests/stream/dashboard/test_week.py`.

The days are simulated: their records are read one after the other, and each view is drawn after each day's.
"""

from __future__ import annotations

import gc
import itertools
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, CDPSession, expect

from stream.dashboard.access import Guard
from stream.dashboard.web import application
from stream.monitoring.output_records import InputRecord, OutputRecord
from stream.monitoring.stream_state import StreamState
from stream.records import Event, LabelRecord, encode
from stream.telemetry.serving import serving
from tests.stream.dashboard.test_page import VIEWS, browser
from tests.stream.monitoring.streams import drift, prediction

pytestmark = pytest.mark.slow
__all__ = ["browser"]

DAYS, LABELS, EVENTS, DAY_S = 7, 10_000, 15_000, 86_400.0
"""Days, labels, events a day, and seconds of a day."""
FULL = 3
"""Days after which everything that is kept has been filled: 20,000 predictions, 40,000 contents."""
GROWTH = 1.1
"""Most that anything may grow by from then on."""


def day(number: int, chance: random.Random) -> Iterator[OutputRecord | InputRecord]:
    """Yield a day's records: events with texts, predictions, statistics of labels, drift and dead letters."""
    began = time.time() - (DAYS - number) * DAY_S
    for offset in range(number * EVENTS, (number + 1) * EVENTS):
        at = began + (offset - number * EVENTS) * DAY_S / EVENTS
        carried = [f"topic-{n}" for n in chance.sample(range(LABELS), 3)]
        text = " ".join(f"word{chance.randrange(50_000):x}" for _ in range(30))
        yield InputRecord(0, offset, at, Event(id=f"e{offset}", ts=at, text=text))
        yield prediction(offset, carried[:2], carried, at=at)
        if offset % 500 == 0:
            for label in chance.sample(range(LABELS), 500):
                yield statistics(label, offset, at)
        if offset % 300 == 0:
            rose = drift(offset, "label-rise/rates", carried[0], threshold=5.0, window=900, since=200)
            yield rose._replace(time=at, event_time=at)
        if offset % 100 == 0:
            yield OutputRecord("dead-letter", 0, offset, at, at, None, "json", "no JSON", at=offset)


def portions(records: Iterator[OutputRecord | InputRecord]) -> Iterator[list[OutputRecord | InputRecord]]:
    """Yield records as the page's server takes them in."""
    while portion := list(itertools.islice(records, 500)):
        yield portion


def statistics(label: int, offset: int, at: float) -> OutputRecord:
    """Return the statistics of a label."""
    record = LabelRecord(
        label=f"topic-{label}",
        count=offset // 1_000,
        predicted=offset // 1_100,
        hits=offset // 1_300,
        f1=0.8,
        first_seen=label,
        last_seen=offset,
        rate=0.001,
        usual=0.001,
        cluster=label // 10,
        updates=offset,
    )
    return OutputRecord("label-stats", 0, offset, at, at, encode(record))


def resident() -> float:
    """Return the memory of this process, the page's server among others, in MB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def heap(client: CDPSession) -> float:
    """Return the memory of the page's JavaScript in MB, after a collection."""
    client.send("HeapProfiler.collectGarbage")
    found = {each["name"]: each["value"] for each in client.send("Performance.getMetrics")["metrics"]}
    return float(found["JSHeapUsedSize"]) / 2**20


def test_neither_the_page_nor_its_server_grows_over_a_week(browser: Browser) -> None:
    """From the day on by which all that is kept is full."""
    chance = random.Random(0)
    state = StreamState("week")
    state.ready = True
    sizes: list[tuple[float, float]] = []
    with serving(application([state], Guard("127.0.0.1")), "127.0.0.1", 0, "dashboard") as base:
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(base)
        client = page.context.new_cdp_session(page)
        client.send("Performance.enable")
        for number in range(DAYS):
            for portion in portions(day(number, chance)):
                with state.lock:
                    for each in portion:
                        state.take(each)
            for view in VIEWS:
                page.evaluate(f"location.hash = '#/{view}'")
                expect(page.locator(f"main [data-view={view}]")).to_be_visible(timeout=120_000)
            sizes.append((resident(), heap(client)))
            server, script = sizes[-1]
            print(f"day {number + 1}: server {server:6.0f} MB, page {script:5.1f} MB")
        page.close()
    assert sizes[-1][0] < GROWTH * sizes[FULL][0]
    assert sizes[-1][1] < GROWTH * sizes[FULL][1] + 1
