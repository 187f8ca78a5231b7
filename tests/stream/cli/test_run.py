"""`ithaca check-config`: the settings, and what they would cost."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from stream.cli.main import app
from stream.config import Settings
from stream.pipeline import make_task
from stream.records import topic
from stream.snapshot import Identity, Store, check_location, take
from tests.stream.standins import event, records


def check_config(folder: Path, **environment: str) -> Result:
    """Run `ithaca check-config` with snapshots in a folder."""
    given = {
        "ITHACA_STREAM": "s",
        "ITHACA_LEARNER__NAME": "priors",
        "ITHACA_SNAPSHOT__LOCATION": str(folder),
    }
    return CliRunner().invoke(app, ["check-config"], env=given | environment)


def keep(folder: Path, messages: int, *, described: bool = True, **sections: object) -> None:
    """Write a snapshot of partition 0, made with some settings."""
    settings = Settings.model_validate({"stream": "s", "learner": {"name": "priors"}, **sections})
    task = make_task(settings)
    task.process(records([event(number) for number in range(messages)]))
    identity = Identity(topic("s", "events"), "id", 0, settings.configuration, settings.parts)
    written = settings.canonical if described else None
    Store(str(folder), settings.group, identity, settings=written).write(take(task, identity))


def test_settings_that_made_the_snapshots_are_printed_and_nothing_is_said(tmp_path: Path) -> None:
    """Nor where there is no snapshot yet."""
    for _ in range(2):
        result = check_config(tmp_path)
        assert (result.exit_code, result.stderr) == (0, "")
        assert json.loads(result.stdout)["learner"]["name"] == "priors"
        keep(tmp_path, 20)


@pytest.mark.parametrize(
    ("variable", "address"),
    [
        ("KAFKA__OAUTH_TOKEN_ENDPOINT", "https://me:hunter2@idp/token"),
        ("KAFKA__OAUTH_TOKEN_ENDPOINT", "https://idp/token?client=x&client_secret=hunter2"),
        ("KAFKA__OAUTH_TOKEN_ENDPOINT", "ftp://me:hunter2@idp/token"),
        ("SNAPSHOT__LOCATION", "sftp://me:hunter2@storage/x"),
        ("SNAPSHOT__LOCATION", "memory://x?sig=hunter2&region=eu"),
        ("SNAPSHOT__LOCATION", "nowhere://me:p/hunter2@bucket"),
    ],
)
def test_no_secret_in_an_address_is_shown(tmp_path: Path, variable: str, address: str) -> None:
    """Neither in the settings nor in what is said of them."""
    result = check_config(tmp_path, **{f"ITHACA_{variable}": address})
    assert "hunter2" not in result.stdout + result.stderr
    assert "***" in result.stdout + result.stderr


def test_settings_that_would_lose_snapshots_are_warned_of(tmp_path: Path) -> None:
    """The setting, what it was, what it costs; putting it back makes the snapshots of use again."""
    keep(tmp_path, 30)
    result = check_config(tmp_path, ITHACA_LEARNER__PARAMETERS='{"half_life": 9.0}')
    assert result.exit_code == 0
    assert result.stderr.startswith("ithaca: warning: The newest snapshots of s.events in ")
    assert "partition 0 (offset 30)" in result.stderr
    assert "learner.parameters is {'half_life': 9.0}, and was {}." in result.stderr
    assert "relearns about 30 offsets" in result.stderr
    assert "with the former settings it goes on from these" in result.stderr
    assert "confidence" not in result.stderr
    assert check_config(tmp_path).stderr == ""


def test_an_older_snapshot_of_use_makes_it_cheaper(tmp_path: Path) -> None:
    """Only what lies between it and the newest one is relearned."""
    keep(tmp_path, 20)
    keep(tmp_path, 30, encoder={"parameters": {"dimensions": 64}})
    said = check_config(tmp_path).stderr
    assert "encoder.parameters is {}, and was {'dimensions': 64}." in said
    assert "relearns about 10 offsets" in said


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"drift": {"budget": 2.0}},
            "drift.budget is 1.0, and was 2.0. The model goes on from its snapshots; "
            "monitors begin anew, unless the former settings are put back. Partitions [0].",
        ),
        (
            {"confidence": {"coverage": 0.8}},
            "confidence.coverage is 0.9, and was 0.8. The model goes on from "
            "its snapshots; confidence begin anew",
        ),
        ({"feedback": {"events": 5}}, ""),
        ({"learner": {"name": "priors", "parameters": {}}, "worker": {"latency_ms": 50}}, ""),
    ],
)
def test_settings_that_cost_a_part_say_which(tmp_path: Path, changed: dict[str, Any], sentence: str) -> None:
    """And those that determine nothing that is kept cost nothing."""
    keep(tmp_path, 30, **changed)
    said = check_config(tmp_path).stderr
    assert sentence in said
    assert bool(said) is bool(sentence)
    assert "relearns" not in said


def test_snapshots_without_their_settings_are_of_some_section(tmp_path: Path) -> None:
    """Those of an earlier version: what differs cannot be told."""
    keep(tmp_path, 30, described=False)
    said = check_config(tmp_path, ITHACA_LEARNER__NAME="majority").stderr
    assert "it is of encoder or learner." in said


def test_a_place_that_cannot_be_reached_is_said(tmp_path: Path) -> None:
    """The settings are printed all the same."""
    result = check_config(tmp_path, ITHACA_SNAPSHOT__LOCATION="nowhere://bucket")
    assert result.exit_code == 0
    assert "The snapshots in nowhere://bucket cannot be looked at" in result.stderr


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"ITHACA_LEARNER__NAME": "prior"}, "There is no learner named 'prior'. Did you mean 'priors'?"),
        ({"ITHACA_ENCODER__PARAMETERS": '{"dimension": 4}'}, "Did you mean 'dimensions'?"),
        ({"ITHACA_LERNER__NAME": "x"}, "there is no setting lerner.name. Did you mean 'learner'?"),
        ({"ITHACA_KAFKA__PARTITION": "x"}, "Did you mean 'partitions'? Section kafka has: "),
    ],
)
def test_settings_that_cannot_be_used(tmp_path: Path, environment: dict[str, str], sentence: str) -> None:
    """They are wrong usage, and nothing is printed."""
    result = check_config(tmp_path, **environment)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("ithaca: ")
    assert sentence in result.stderr


def test_files_that_cannot_be_read_here_are_named(tmp_path: Path) -> None:
    """Certificates: another machine may have them."""
    given = {"ITHACA_KAFKA__SSL_CAFILE": str(tmp_path / "none")}
    result = check_config(tmp_path, **given)
    assert result.exit_code == 0
    assert result.stderr.startswith("ithaca: warning: kafka.ssl_cafile is ")
    assert result.stderr.endswith("none', which cannot be read: No such file or directory.\n")


@pytest.mark.parametrize("command", ["run", "check-config"])
@pytest.mark.parametrize(
    ("location", "trouble"),
    [("file", "Not a directory"), ("file/below", "Not a directory"), ("x" * 5_000, "File name too long")],
)
def test_a_location_that_can_be_no_folder_is_wrong_usage(
    tmp_path: Path, command: str, location: str, trouble: str
) -> None:
    """A worker would try for ever."""
    (tmp_path / "file").touch()
    result = CliRunner().invoke(app, [command], env={"ITHACA_SNAPSHOT__LOCATION": str(tmp_path / location)})
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("ithaca: The setting snapshot.location is ")
    assert f"{trouble}. Name a folder" in result.stderr


def test_a_location_that_may_not_be_read_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs the tests may read everything, so the system is asked for its refusal."""

    def refuse(path: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(ValueError, match="Permission denied"):
        check_location(str(tmp_path))
