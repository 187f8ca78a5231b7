"""`ithaca replay` on logs in memory: what is asked for, and what is there."""

from __future__ import annotations

import contextlib
import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stream.cli.console import UsageError
from stream.cli.main import app
from stream.cli.replay import _events, _mark
from stream.config import Settings
from stream.kafka import BrokerError, history
from stream.replay import Sink
from stream.replay.replay import ReplayError
from tests.stream.kafka.logs import Logs
from tests.stream.standins import event


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Logs:
    """Return the logs that are replayed: every seventh record is none."""
    made = Logs(s_events={0: (2, 30), 1: (0, 9), 2: (0, 0)}, s_empty={0: (4, 4)})
    made.value = lambda offset: event(offset) if offset % 7 else b"no event"

    def opened(*_: object, **__: object) -> Logs:
        made.opened += 1
        return made

    monkeypatch.setattr(history, "consumer", opened)
    return made


def replay(*arguments: str) -> tuple[int, str, str]:
    """Return the command's status, and what it said where."""
    result = CliRunner().invoke(app, ["replay", "--stream", "s", "--learner", "priors", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_a_stretch_is_replayed_into_a_file(logs: Logs, tmp_path: Path) -> None:
    """Each event once, as a prediction or a dead letter; the table counts them by partition."""
    out = tmp_path / "out.jsonl"
    status, said, complaints = replay("--from", "5", "--until", "20", "--out", str(out))
    assert status == 0, complaints
    sources = [json.loads(line)["source"] for line in out.read_text().splitlines()]
    found = {tuple(each.split("/")[1:]) for each in sources if "stats" not in each}
    expected = {(0, offset) for offset in range(5, 20)} | {(1, offset) for offset in range(5, 9)}
    kinds = {offset: "prediction" if offset % 7 else "dead-letter" for _, offset in expected}
    assert found >= {(str(part), str(offset), kinds[offset]) for part, offset in expected}
    assert {(int(part), int(offset)) for part, offset, _ in found} == expected
    rows = [line.replace("\u2502", " ").split() for line in said.splitlines()]
    assert {row[0]: row[1] for row in rows if row and row[0] in ("0", "1", "2")}.items() >= {
        ("0", "13"), ("1", "3")
    }  # fmt: skip
    assert "3 records are dead letters; first: s.events/0/7: " in complaints
    assert logs.closes == logs.opened > 0


@pytest.mark.parametrize("error", [BrokerError("gone."), KeyboardInterrupt()])
def test_a_topic_that_holds_a_part_is_named(
    logs: Logs, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """Whatever ended the replay; and nothing is said of one that was not written to."""
    refuses = False

    @contextlib.contextmanager
    def into_topic(*_: object) -> Iterator[Sink]:
        def write(*_: object) -> None:
            raise error

        if refuses:
            raise ReplayError("It is not empty.")
        yield write

    monkeypatch.setattr("stream.replay.into_topic", into_topic)
    status, _, complaints = replay("--out-topic", "other")
    assert status == (130 if isinstance(error, KeyboardInterrupt) else 1)
    warning = (
        "ithaca: warning: other holds a part of the replay at most. Delete it before the next one, or name "
        "another with --out-topic.\n"
    )
    assert complaints == warning + ("" if status == 130 else "ithaca: gone.\n")
    refuses = True
    assert replay("--out-topic", "other")[2] == "ithaca: It is not empty.\n"
    assert logs.closes == logs.opened > 0


def test_where_nothing_is_predicted_the_status_says_so(logs: Logs) -> None:
    """With the reason of the first dead letter."""
    status, said, complaints = replay("--from", "21", "--until", "22")
    assert status == 1
    assert "1 records are dead letters; first: s.events/0/21: " in complaints
    assert "No record was predicted." in complaints
    assert "1 messages, 1 dead letters" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--from", "90"],
            "s.events holds offsets 2 to 29 in partition 0, offsets 0 to 8 in partition 1, and",
        ),
        (["--topic", "s.empty"], "There is nothing to replay: s.empty is empty. Name another stretch with"),
        (["--topic", "s.none"], "There is no topic s.none at"),
    ],
)
def test_what_there_is_instead_is_said(logs: Logs, arguments: list[str], said: str) -> None:
    """Where the stretch, or the topic, holds nothing."""
    status, out, err = replay(*arguments)
    assert (status, out) == (1, "")
    assert said in err
    assert logs.closes == logs.opened > 0


def test_a_stretch_of_marks_alone_is_nothing(logs: Logs) -> None:
    """Offsets may hold no records."""
    logs.missing = set(range(30))
    status, out, err = replay()
    assert (status, out) == (1, "")
    assert "Nothing was replayed: the offsets asked for hold no records." in err


def test_events_are_read_in_order_of_time(logs: Logs) -> None:
    """Of all partitions; what is no event is left out, and the connection closed."""
    settings = Settings.model_validate({"stream": "s"})
    read = _events(settings, 3, 7)
    assert [each.id for each in read] == [json.loads(event(n))["id"] for n in (3, 3, 4, 4, 5, 5, 6, 6)]
    assert logs.closes == logs.opened > 0


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        (None, None),
        ("17", 17),
        ("2026-01-31T12:00:00", datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)),
        ("2026-01-31T12:00:00+02:00", datetime.datetime(2026, 1, 31, 10, tzinfo=datetime.UTC)),
    ],
)
def test_marks_are_offsets_or_times(text: str | None, mark: object) -> None:
    """A time without a zone is of UTC."""
    assert _mark("--from", text) == mark
    with pytest.raises(UsageError, match="--from is 'soon'; write an offset"):
        _mark("--from", "soon")


def test_an_alignment_takes_the_latest_and_says_so(
    logs: Logs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However long the topic is, what is held in memory is bounded."""
    settings = Settings(stream="s")
    assert len(_events(settings, None, None)) == 37 - 6
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("stream.cli.replay.MOST_ALIGNED", 12)
    assert len(_events(settings, None, None)) == 11 - 3
    said = "ithaca: warning: the latest 11 records are taken, and 26 before them are not.\n"
    assert capsys.readouterr().err == said
    assert logs.closed


def test_no_alignment_is_written_over_another(tmp_path: Path) -> None:
    """Workers may read it at their next start."""
    file = tmp_path / "a.alignment"
    file.write_bytes(b"in use")
    result = CliRunner().invoke(app, ["align", "--stream", "s", "--to", "hashing", "--out", str(file)])
    assert (result.exit_code, file.read_bytes()) == (2, b"in use")
    assert "which exists, and which workers may use. Name another file." in result.stderr
