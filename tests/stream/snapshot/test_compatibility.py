"""What is said of snapshots that were made with other settings."""

from __future__ import annotations

from pathlib import Path

from stream.config import Settings
from stream.pipeline import make_replica, make_task
from stream.records import topic
from stream.snapshot import Identity, Store, costs, take


def settings_of(scope: str, place: Path) -> Settings:
    """Return the settings of a stream whose models have a scope."""
    given = {"stream": "s", "learner": {"name": "priors"}, "model": {"scope": scope}}
    return Settings.model_validate(given | {"snapshot": {"location": str(place)}})


def kept(settings: Settings, kind: str = "events", *, answers: bool = False) -> Store:
    """Write a snapshot of a stream, and return where."""
    identity = Identity(topic("s", kind), "id", 0, settings.configuration)
    store = Store(settings.snapshot.location, settings.group, identity, answers=answers)
    task = make_replica(settings) if kind == "lessons" else make_task(settings)
    task.next_offset = 7 if answers else 3
    store.write(take(task, identity))
    return store


def test_a_shared_model_that_would_begin_with_nothing_is_said(tmp_path: Path) -> None:
    """Until it has a snapshot of its own; its partitions' are no other settings of a model."""
    own, shared = (settings_of(scope, tmp_path) for scope in ("partition", "stream"))
    assert costs(shared) == []
    kept(own)
    assert costs(own) == []
    (sentence,) = costs(shared)
    assert "model.scope is 'stream', and was 'partition'. The shared model begins with nothing" in sentence
    kept(shared, "lessons")
    kept(shared, answers=True)
    assert costs(shared) == []


def test_partitions_that_shared_a_model_relearn_what_came_since(tmp_path: Path) -> None:
    """They go on from their own snapshots, which are still there."""
    own, shared = (settings_of(scope, tmp_path) for scope in ("partition", "stream"))
    kept(own)
    kept(shared, answers=True)
    (sentence,) = costs(own)
    assert (
        "partition 0 (offset 7). model.scope is 'partition', and was 'stream'. It relearns about 4"
        in sentence
    )
