"""Small parts for pipelines under test: an encoder that is quick and sometimes throws, and event values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drift.alarms.alarm import Alarm, Observation
from drift.core import State, Vector
from drift.monitors.monitors import Monitors
from learners.core.labels import Targets
from learners.dummy.priors import LabelPriors
from learners.uncertainty.conformal import Conformal
from stream.pipeline.task import Task
from stream.records.schema import BadEventError, Event, Record

LABELS = ("grain", "wheat", "corn", "oil", "trade", "ship", "money")


class Letters:
    """Counts letters, and the events before this one: a row depends on what came before, as it may."""

    name = "letters"

    def __init__(self) -> None:
        self.seen = 0

    def check(self, event: Event) -> None:
        """Refuse an event without text."""
        if event.text is None:
            raise BadEventError("value", "text is missing; this encoder reads text")

    def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
        """Encode all or, where one text says boom, nothing."""
        if any("boom" in (event.text or "") for event in events):
            raise RuntimeError("boom")
        rows = []
        for event in events:
            self.seen += 1
            rows.append(
                np.array([(event.text or "").count(letter) for letter in "aeiou"] + [self.seen], np.float32)
            )
        return rows

    def state(self) -> dict[str, Any]:
        """Return the count."""
        return {"seen": self.seen}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over a count."""
        self.seen = state["seen"]


class EverySeventh(Monitors):
    """Raises an alarm at every seventh message."""

    def __init__(self) -> None:
        self.messages = 0

    def update(self, observation: Observation) -> list[Alarm]:
        """Count, and cry out now and then."""
        self.messages += 1
        if self.messages % 7:
            return []
        return [Alarm("seven", "error", "stream", float(len(observation.actual)), 1.0, 7, "none")]

    def watched(self) -> dict[str, tuple[float, float]]:
        """Return how far the count is from the next alarm."""
        return {"seven": (float(self.messages % 7), 7.0)}

    def state(self) -> dict[str, Any]:
        """Return the count."""
        return {"messages": self.messages}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over a count."""
        self.messages = state["messages"]


class Fragile(LabelPriors):
    """Throws at a text with many a u, when it has already learned from it."""

    def learn(self, x: Vector, targets: Targets) -> None:
        """Learn, and then throw."""
        super().learn(x, targets)
        if x[4] > 20:
            raise ZeroDivisionError("too many u")


def learned(state: State) -> State:
    """Return the state of a learner without what it was made with: the fragile one has a class of its own."""
    return {key: value for key, value in state.items() if key != "parameters"}


def make_fragile_task(live_from: int = 0) -> Task:
    """Return a task whose learner throws at some records, `CRASHING` among them."""
    return Task(Letters(), Fragile(50.0), EverySeventh(), run="test", source="/test", live_from=live_from)


def make_task(live_from: int = 0, half_life: float = 50.0) -> Task:
    """Return a task of quick parts, each of which has state."""
    return Task(
        Letters(),
        LabelPriors(half_life),
        EverySeventh(),
        run="test",
        source="/test",
        live_from=live_from,
        confidence=Conformal(coverage=0.7, error=0.4),
    )


def event(number: int, **fields: Any) -> bytes:
    """Return the value of a well-formed event; labels follow from the number."""
    labels = [LABELS[number % 7], LABELS[number * number % 5]]
    plain = {
        "id": f"e{number}",
        "ts": number,
        "text": f"event {number} on {labels[0]}",
        "labels": sorted(set(labels)),
    }
    return json.dumps(plain | fields).encode()


CRASHING = event(0, id="crash", text="u" * 21)
"""An event that is well-formed, and at which a fragile learner throws."""


def records(values: Sequence[bytes | None], topic: str = "s.events", partition: int = 0) -> list[Record]:
    """Return values as the records of one partition."""
    return [
        Record(topic, partition, offset, 1_700_000_000_000 + offset, f"k{offset}".encode(), value)
        for offset, value in enumerate(values)
    ]


POISON: dict[str, bytes | None] = {
    "tombstone": None,
    "empty": b"",
    "broken json": b'{"id": "p", "ts": 0, "text": "wheat',
    "not utf-8": b'{"id": "p", "ts": 0, "text": "\xff\xfe"}',
    "not an object": b"[1, 2, 3]",
    "wrong type": b'{"id": 7, "ts": 0, "text": "wheat"}',
    "missing field": b'{"text": "wheat"}',
    "not a number": b'{"id": "p", "ts": 0, "text": "wheat", "features": {"a": NaN}}',
    "bad time": b'{"id": "p", "ts": "yesterday", "text": "wheat"}',
    "empty label": b'{"id": "p", "ts": 0, "text": "wheat", "labels": [""]}',
    "too many labels": json.dumps(
        {"id": "p", "ts": 0, "text": "w", "labels": [f"l{i}" for i in range(2000)]}
    ).encode(),
    "too many levels": b'{"id": "p", "ts": 0, "text": "wheat", "labels": ["' + b"a/" * 40 + b'b"]}',
    "too large": b'{"id": "p", "ts": 0, "text": "' + b"x" * 1_000_100 + b'"}',
    "too large a number": b'{"id": "p", "ts": 0, "text": "w", "vector": [1e39]}',
    "encoder throws": b'{"id": "p", "ts": 0, "text": "boom"}',
}
"""Values that are dead letters, by what is wrong with them."""


def feedback(number: int, **fields: Any) -> bytes:
    """Return the value of feedback on an event, by default with the labels that `event` would have."""
    value = {"id": f"e{number}", "ts": number, "labels": json.loads(event(number))["labels"]}
    return json.dumps(value | fields).encode()


def disorder(events: int, seed: int) -> list[bytes]:
    """Return events whose labels come as feedback: soon, late, early, twice, in parts, corrected, or never.

    And feedback on events that never come.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    placed: list[tuple[float, bytes]] = []
    for number in range(events):
        labelled = {} if rng.random() < 0.1 else {"labels": None}
        placed.append((float(number), event(number, **labelled)))
        delay = [rng.exponential(10), 60 + rng.exponential(30), -rng.exponential(10)]
        when = number + float(rng.choice(delay, p=[0.7, 0.15, 0.15]))
        late = [feedback(number, ts=when)] * int(rng.integers(0, 3))
        if rng.random() < 0.2:
            late.insert(0, feedback(number, ts=when, labels=[LABELS[number % 7]], labels_complete=False))
        if rng.random() < 0.2:
            late.append(feedback(number, ts=when, labels=[LABELS[-1]]))
        if rng.random() < 0.05:
            late.append(feedback(number + 100_000, ts=when))
        placed += [(when + float(rng.exponential(3)), value) for value in late]
    return [value for _, value in sorted(placed, key=lambda pair: pair[0])]
