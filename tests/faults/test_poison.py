"""F7: one record in a hundred is poison, of every kind; the stream goes on as if it had never come."""

from __future__ import annotations

import random

import pytest

from drift.core import digest
from stream.kafka import topic_id
from stream.records.topics import topic
from stream.snapshot import Identity, Store
from stream.worker.worker import Worker
from tests.stream.live import LiveStream, on_a_thread, source
from tests.stream.standins import CRASHING, POISON, event, learned, make_fragile_task, make_task
from tests.stream.worker.test_worker import check_exactly_once

pytestmark = pytest.mark.kafka

KINDS: dict[str, bytes | None] = {**POISON, "learner throws": CRASHING}
EACH = 3


def test_f7_every_kind_of_poison_is_a_dead_letter_once_with_its_bytes(kafka: str, stream_name: str) -> None:
    """Ids in are predictions and dead letters; the model is that of the stream without poison."""
    live = LiveStream(kafka, stream_name)
    poison = [value for value in KINDS.values() for _ in range(EACH)]
    values: list[bytes | None] = [event(number) for number in range(100 * len(poison) - len(poison))]
    rng = random.Random(7)
    for value in poison:
        values.insert(rng.randrange(len(values) + 1), value)
    live.fill(values)
    with on_a_thread(Worker(live.settings, make_fragile_task)):
        live.wait_for(len(values))
    check_exactly_once(live)
    letters = live.read("dlq")
    assert sorted(map(repr, (letter.value for letter in letters))) == sorted(map(repr, poison))
    assert {dict(letter.headers)["ithaca_reason"] for letter in letters} == {
        b"tombstone",
        b"json",
        b"schema",
        b"value",
        b"size",
        b"limit",
        b"encoder",
        b"learner",
    }
    refused = {source(letter)[1] for letter in letters}
    spared = make_task()
    spared.process([record for record in live.read("events") if record.offset not in refused])
    name = topic(stream_name, "events")
    identity = Identity(name, topic_id(live.settings.kafka, name), 0, live.settings.configuration)
    store = Store(live.settings.snapshot.location, live.settings.group, identity)
    (snapshot, _), *_ = store.candidates()
    assert snapshot.offset == len(values)
    expected = learned(spared.model.learner.state())
    assert digest(learned(snapshot.state["learner"])) == digest(expected)
