"""`ithaca taxonomy`: the tree that is drawn, proposals into a file, operations checked and written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from stream.cli.main import app
from stream.config.settings import Settings
from stream.pipeline.factory import make_task
from stream.records.schema import Control, encode
from stream.records.topics import topic
from stream.snapshot import Identity, Store, take
from tests.stream.live import LiveStream
from tests.stream.records.test_control import change, labelled
from tests.stream.standins import records


def ithaca(environment: dict[str, str], *arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, ["taxonomy", *arguments], env=environment)


def keep_snapshot(environment: dict[str, str]) -> None:
    """Write a partition's snapshot with some labels and one that was renamed."""
    learner, location = environment["ITHACA_LEARNER__NAME"], environment["ITHACA_SNAPSHOT__LOCATION"]
    settings = Settings.model_validate(
        {
            "stream": environment["ITHACA_STREAM"],
            "learner": {"name": learner},
            "encoder": {"parameters": {"dimensions": 64}},
            "snapshot": {"location": location},
        }
    )
    task = make_task(settings)
    task.process(records([*map(labelled, range(20)), change("rename", "t/energy", "fuel")]))
    identity = Identity(topic(settings.stream, "events"), "id", 0, settings.configuration)
    Store(location, settings.group, identity).write(take(task, identity))


def environment_of(location: Path, learner: str = "expansion") -> dict[str, str]:
    """Return settings as an environment."""
    return {
        "ITHACA_STREAM": "s",
        "ITHACA_LEARNER__NAME": learner,
        "ITHACA_ENCODER__PARAMETERS": '{"dimensions": 64}',
        "ITHACA_SNAPSHOT__LOCATION": str(location),
    }


def test_show_draws_the_newest_snapshot(tmp_path: Path) -> None:
    """The tree as operations left it, with counts and offsets; a damaged snapshot is passed over."""
    environment = environment_of(tmp_path)
    keep_snapshot(environment)
    (kept,) = tmp_path.rglob("*.snapshot")
    kept.with_name(kept.name.replace("21-", "99-")).write_bytes(kept.read_bytes()[:-9])
    result = ithaca(environment, "show")
    assert result.exit_code == 0, result.output
    assert "s: partition 0 at offset 21" in result.output
    assert "fuel  " in result.output
    assert "energy" not in result.output
    crude = sum("t/energy/crude" in json.loads(labelled(number))["labels"] for number in range(20))
    assert f"crude  {crude}" in result.output


def test_show_says_what_is_missing(tmp_path: Path) -> None:
    """No snapshot yet, or a learner whose labels are in no taxonomy."""
    result = ithaca(environment_of(tmp_path), "show")
    assert result.exit_code == 1
    assert "There is no snapshot of group ithaca-s" in result.output
    keep_snapshot(environment_of(tmp_path, "priors"))
    result = ithaca(environment_of(tmp_path, "priors"), "show")
    assert result.exit_code == 1
    assert "The learner 'priors' keeps its labels in no taxonomy" in result.output


@pytest.mark.kafka
def test_apply_writes_all_operations_or_none(kafka: str, stream_name: str, tmp_path: Path) -> None:
    """What is allowed goes to the control topic in its order; a dry run and a refusal write nothing."""
    live = LiveStream(kafka, stream_name)
    environment = live.environment | {
        "ITHACA_LEARNER__NAME": "expansion",
        "ITHACA_SNAPSHOT__LOCATION": str(tmp_path / "snapshots"),
    }
    keep_snapshot(environment)
    path = tmp_path / "p.json"
    good, bad = [Control("move", "u", ["t"]), Control("add", "v")], Control("retire", "w")
    path.write_bytes(json.dumps([json.loads(encode(one)) for one in (*good, bad)]).encode())
    refused = ithaca(environment, "apply", str(path))
    assert (refused.exit_code, "refused: retire w: There is no label 'w'" in refused.output) == (1, True)
    path.write_bytes(json.dumps([json.loads(encode(one)) for one in good]).encode())
    tried = ithaca(environment, "apply", str(path), "--dry-run")
    assert (tried.exit_code, live.read("control")) == (0, [])
    applied = ithaca(environment, "apply", str(path))
    assert applied.exit_code == 0, applied.output
    assert [record.value for record in live.read("control")] == [encode(one) for one in good]
    assert json.loads(ithaca(environment, "proposals").output) == []


def test_apply_that_is_interrupted_says_what_may_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker may have the end of the transaction by then, and ends it when it is back."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stream.kafka.ensure_topics", lambda *_: 1)
    monkeypatch.setattr("stream.kafka.write_together", interrupted)
    environment = environment_of(tmp_path / "snapshots")
    keep_snapshot(environment)
    path = tmp_path / "p.json"
    path.write_bytes(b"[" + encode(Control("add", "v")) + b"]")
    result = ithaca(environment, "apply", str(path))
    assert result.exit_code == 130
    assert f"all of it may be on s.control, or nothing. Look at it before you apply {path}" in result.output
