"""What is promised, as checks of what a stream's topics hold; I1 to I6 of the design."""

from __future__ import annotations

from learners.base import digest
from stream import assembly
from stream.config import Settings
from stream.events import Output
from stream.kafka import topic, topic_id
from stream.snapshot import Identity, Snapshot, Store
from stream.task import Task
from tests.stream.live import LiveStream, source


def settings_of(live: LiveStream, **snapshot: object) -> Settings:
    """Return the settings that a live stream's worker processes run with, and some for snapshots."""
    plain = live.settings.model_dump()
    return Settings.model_validate(
        plain
        | {
            "snapshot": plain["snapshot"] | snapshot,
            "worker": {"session_timeout_ms": 6_000},
            "run": "same",
            "learner": {"name": live.environment["ITHACA_LEARNER__NAME"]},
            "encoder": {"parameters": {"dimensions": 64}},
        }
    )


def store_of(live: LiveStream, partition: int = 0) -> Store:
    """Return where the workers' snapshots of a partition are."""
    settings = settings_of(live)
    name = topic(settings.stream, "events")
    identity = Identity(name, topic_id(settings.kafka, name), partition, settings.configuration)
    return Store(settings.snapshot.location, settings.group, identity)


def uninterrupted(live: LiveStream, below: int | None = None) -> tuple[Task, list[Output]]:
    """Return what a task makes of the events, below an offset, in one go."""
    task = assembly.make_task(settings_of(live))
    records = [record for record in live.read("events") if below is None or record.offset < below]
    outputs: list[Output] = []
    for begin in range(0, len(records), 500):
        outputs += task.process(records[begin : begin + 500]).outputs
    return task, outputs


def check_as_if_uninterrupted(live: LiveStream) -> None:
    """I1 to I3 and I5, by bytes: what was written is what one run would have written."""
    expected = uninterrupted(live)[1]
    for kind in ("predictions", "drift", "dlq"):
        written = [Output(kind, each.key, each.value, each.headers) for each in live.read(kind)]
        assert written == [output for output in expected if output.kind == kind]
    for record, prediction in live.predictions():
        assert all(through < source(record)[1] for through in prediction["trained_through"].values())


def newest(live: LiveStream) -> Snapshot:
    """Return the newest usable snapshot."""
    (snapshot, _), *_ = store_of(live).candidates(2**62)
    return snapshot


def check_model(live: LiveStream) -> Snapshot:
    """I4: the newest snapshot holds the model of an uninterrupted run; returns it."""
    snapshot = newest(live)
    assert digest(snapshot.state) == digest(uninterrupted(live, snapshot.offset)[0].state())
    return snapshot
