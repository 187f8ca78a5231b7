"""A model is worth months: what a changed setting costs is the part that it determines, and nothing else."""

from __future__ import annotations

import logging
import uuid
from pathlib import Path
from typing import Any

import pytest

from drift.core import digest
from stream.config import Settings
from stream.kafka import RecoveryError
from stream.pipeline import make_task
from stream.pipeline.task import Task
from stream.snapshot import Identity, Store, recover, take
from stream.snapshot.recovery import Gap, Recovered
from tests.stream.standins import event, records

RECORDS = records([event(number) for number in range(60)])


def store(location: str, settings: Settings) -> Store:
    """Return the store of a worker with some settings."""
    return Store(location, "group", Identity("s.events", "id", 0, settings.configuration, settings.parts))


def settings(**sections: Any) -> Settings:
    """Return settings of quick parts."""
    return Settings.model_validate({"learner": {"name": "priors"}, **sections})


CHANGES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "nothing": ({}, set()),
    "budget": ({"drift": {"budget": 2.0}}, {"monitors"}),
    "monitors": ({"drift": {"monitors": ["cardinality"]}}, {"monitors"}),
    "detector": ({"drift": {"detector": "ddm"}}, {"monitors"}),
    "coverage": ({"confidence": {"coverage": 0.8}}, {"confidence"}),
    "no confidence": ({"confidence": {"enabled": False}}, {"confidence"}),
    "feedback": ({"feedback": {"events": 5_000}}, set()),
    "limits": ({"limits": {"levels": 3}}, set()),
    "both": ({"drift": {"budget": 2.0}, "confidence": {"coverage": 0.8}}, {"monitors", "confidence"}),
}


@pytest.mark.parametrize("changed", CHANGES)
@pytest.mark.parametrize("back", [False, True])
def test_a_changed_setting_costs_the_part_that_it_determines(
    changed: str, back: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Changed or put back: the learner goes on where it was, and what begins anew is named."""
    sections, left = CHANGES[changed]
    before, after = (settings(**sections), settings()) if back else (settings(), settings(**sections))
    location = f"memory://{uuid.uuid4().hex}"
    task = make_task(before)
    task.process(RECORDS[:50])
    kept = store(location, before)
    kept.write(take(task, kept.identity))
    with caplog.at_level(logging.WARNING):
        recovered = recover(
            lambda live_from: make_task(after, live_from), store(location, after), committed=50, beginning=0
        )
    assert recovered.kept is not None
    assert recovered.task.next_offset == 50
    state, fresh, old = recovered.task.state(), make_task(after).state(), task.state()
    for part in state:
        expected = fresh if part in left else old
        assert digest({"": state[part]}) == digest({"": expected[part]}), part
        assert (part in caplog.text) is (part in left) or part not in {"monitors", "confidence"}
    recovered.task.process(RECORDS[50:])


def test_where_it_is_computed_does_not_matter() -> None:
    """The device is no arithmetic; the learner's name and its other parameters are."""
    parameters = [{"half_life": 5.0}, {"half_life": 5.0, "device": "cpu"}, {"half_life": 6.0}]
    digests = [settings(learner={"name": "priors", "parameters": each}).configuration for each in parameters]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("committed", "beginning", "rebuild", "starts", "gap"),
    [
        (None, 7, False, 7, None),
        (50, 0, False, 50, None),
        (55, 50, False, 50, None),
        (55, 51, True, 51, Gap(50, 51)),
        (50, 60, True, 60, Gap(50, 60)),
    ],
)
def test_a_model_is_relearned_from_its_snapshot_on(
    committed: int | None, beginning: int, rebuild: bool, starts: int, gap: Gap | None
) -> None:
    """Also from the first record that the broker holds; one later, a record is missing."""
    kept = store(f"memory://{uuid.uuid4().hex}", settings())
    task = make_task(settings())
    task.process(RECORDS[:50])
    kept.write(take(task, kept.identity))
    kept._files.pipe_file(f"{kept.path(50)}.x.tmp", b"half")
    lives: list[int] = []

    def make(live_from: int) -> Task:
        lives.append(live_from)
        return make_task(settings(), live_from)

    if gap is not None:
        with pytest.raises(RecoveryError, match=rf"from offset 50 on .* first offset is {beginning}"):
            recover(make, kept, committed=committed, beginning=beginning)
    recovered = recover(make, kept, committed=committed, beginning=beginning, rebuild=rebuild)
    assert (recovered.task.next_offset, recovered.gap) == (starts, gap)
    assert set(lives) == {max(committed or 0, beginning)}
    assert [name for name in kept.names() if name.endswith("tmp")] == []


@pytest.mark.parametrize(
    ("offset", "kept", "gap", "unsaved"),
    [
        (0, False, False, False),
        (0, True, False, False),
        (9, True, False, False),
        (9, False, False, True),
        (9, True, True, True),
    ],
)
def test_what_lacks_earlier_offsets_is_saved_at_once(
    tmp_path: Path, offset: int, kept: bool, gap: bool, unsaved: bool
) -> None:
    """Else the next start would take them for lost: after a gap, or where it began without a snapshot."""
    task = make_task(settings())
    task.next_offset = offset
    snapshot = None
    if kept:
        place = store(str(tmp_path), settings())
        place.write(take(task, place.identity))
        snapshot = recover(lambda _: make_task(settings()), place, committed=offset, beginning=0).kept
    recovered = Recovered(task, snapshot, Gap(2, 5) if gap else None)
    assert recovered.unsaved is unsaved
