"""The READMEs: every command in them exists, every example runs, every link leads somewhere.

The info string of a fenced block determines its check. `bash`: each line is parsed, and commands of Ithaca
that need no broker are run in a folder with files of the names that the READMEs use. `python`: run there.
`toml`: read as settings. `json NAME`: read as that record. `text`: drawings. With `kafka` after its language
a block needs a broker: its commands are parsed here, and the tour's are run by
`test_the_tour_is_right_with_a_broker`. With `data` it needs real data, and is parsed.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from drift.alarms import SCOPES
from learners.catalogue import LEARNERS
from learners.core import OPERATIONS
from stream.cli.main import app
from stream.config import Settings
from stream.demo.support_messages import messages
from stream.pipeline import OUTCOMES
from stream.records import REASONS, TriageRecord, decode
from stream.records.drift_events import DriftRecord
from stream.records.label_records import LabelRecord
from stream.records.predictions import PredictionRecord
from stream.records.schema import Control, Event, Feedback
from stream.records.topics import KINDS
from tests.readmes import (
    DOCUMENTS,
    FENCE,
    Block,
    anchors,
    blocks,
    blocks_of,
    check,
    commands,
    first_column,
    globbed,
)
from tests.tables import ROOT, filled

LANGUAGES = ("bash", "python", "toml", "json", "text")
OURS = [name for name, maker in LEARNERS.items() if isinstance(maker, type) and name != "linear"]
"""Learners for which the README says when to choose them; `linear` exists to be compared with river's."""
RUN = ("evaluate", "benchmark", "check-config", "learners", "encoders", "--version")
"""Commands of Ithaca that need only files."""
RECORDS: dict[str, Any] = {
    "event": Event,
    "feedback": Feedback,
    "control": Control,
    "prediction": PredictionRecord,
    "drift": DriftRecord,
    "label": LabelRecord,
    "triage": TriageRecord,
}


each_document = pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))


# Form -----------------------------------------------------------------------------------------------------


def test_the_first_readme_is_short() -> None:
    """A new reader should be able to read it to the end."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


@each_document
def test_tables_are_as_the_code_has_them(file: Path) -> None:
    """`python -m tests.tables --write` writes them."""
    assert filled(file.read_text()) == file.read_text()


def test_no_block_escapes() -> None:
    """Code is fenced, in a language that is checked."""
    assert {block.language for block in blocks()} <= set(LANGUAGES)
    for file in DOCUMENTS:
        outside = FENCE.sub("", file.read_text())
        assert not re.search(r"^(```|    \S)", outside, re.M), file


@each_document
def test_links_lead_somewhere(file: Path) -> None:
    """Each link leads to an existing file, and to a heading in it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", file.read_text())):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        to = (file.parent / path).resolve() if path else file
        assert to.exists(), target
        assert not anchor or anchor in anchors(to), target


@each_document
def test_named_files_exist(file: Path) -> None:
    """Paths in running text exist in this checkout; names for the reader to replace are in angle brackets."""
    for name in re.findall(r"`((?:stream|learners|drift|deploy|tests)/[^`\s<>]*)`", file.read_text()):
        assert (ROOT / name).exists(), name


def test_tables_by_hand_name_what_there_is() -> None:
    """Their texts are too long for the code, but their entries are those of the code."""
    assert tuple(first_column("stream/README.md", "`ithaca_reason`")) == REASONS
    assert tuple(first_column("stream/README.md", "outcome")) == OUTCOMES
    assert first_column("stream/README.md", "`operation`") == list(OPERATIONS)
    assert first_column("stream/README.md", "topic") == [f"<stream>.{kind}" for kind in KINDS]
    assert set(re.findall(r"`([a-z0-9-]+)`", _which_one())) >= set(OURS)


def _which_one() -> str:
    return (ROOT / "learners" / "README.md").read_text().split("## Which one")[1].split("###")[0]


def test_every_drift_event_is_explained() -> None:
    """The names of detectors in the table are those in the code."""
    explained = first_column("drift/README.md", "`detector`")
    files = [*(ROOT / "drift").rglob("*.py"), *(ROOT / "stream").rglob("*.py")]
    code = "\n".join(file.read_text() for file in files)
    for name in explained:
        assert all(part in code for part in name.split("/")), name
    scopes = "|".join(SCOPES)
    raised = set(re.findall(rf'"([a-z-]+/[a-z]+)", "(?:{scopes})"', code))
    assert raised
    assert raised <= set(explained)


# Commands -------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder, which is the working one, with files of the names that the READMEs use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in [name for name in os.environ if name.startswith("ITHACA_")]:
        monkeypatch.delenv(name)
    events = [json.loads(value) for value in itertools.islice(messages(150), 150) if value.endswith(b"}")]
    lines = "".join(json.dumps(event) + "\n" for event in events)
    (tmp_path / "events.jsonl").write_text(lines)
    (tmp_path / "events.jsonl.gz").write_bytes(_gzipped(lines))
    (tmp_path / "proposals.json").write_text("[]")
    for name in ("emotions", "yeast"):
        (tmp_path / f"{name}.arff").write_text(_arff(name))
    (tmp_path / "data" / "set").mkdir(parents=True)
    (tmp_path / "data" / "set" / "events.jsonl").write_text(lines)
    with (tmp_path / "tickets.csv").open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(["time", "text", "labels"])
        writer.writerows((e["ts"], e["text"], " ".join(e.get("labels", ()))) for e in events)
    return tmp_path


def _gzipped(text: str) -> bytes:
    import gzip

    return gzip.compress(text.encode())


def _arff(name: str) -> str:
    rows = [f"{n % 7},{n % 5},{int(n % 7 > 3)},{int(n % 5 > 2)}" for n in range(120)]
    heads = ["@attribute a numeric", "@attribute b numeric", "@attribute c {0,1}", "@attribute d {0,1}"]
    return "\n".join([f"@relation '{name}: -C -2'", *heads, "@data", *rows, ""])


@pytest.mark.parametrize("block", blocks_of("bash"), ids=str)
def test_commands_exist_and_run(block: Block, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options and files exist, and commands that need no broker succeed."""
    for words in commands(block):
        check(words, monkeypatch)
        if words[0] == "ithaca" and words[1] in RUN and block.info != "data":
            result = CliRunner().invoke(app, globbed(words[1:]))
            assert result.exit_code == 0, result.output
            assert result.output


# Snippets and records -------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [b for b in blocks_of("python") if b.info != "kafka"], ids=str)
def test_python_runs(block: Block, folder: Path) -> None:
    """As it stands."""
    exec(compile(block.text, str(block), "exec"), {})


def test_the_tour_makes_events_of_a_table(folder: Path) -> None:
    """They are equal to those that the table was made from."""
    before = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    first = next(block for block in blocks_of("python") if block.file == ROOT / "README.md")
    exec(compile(first.text, str(first), "exec"), {})
    after = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert [event["text"] for event in after] == [event["text"] for event in before]
    assert [event["labels"] for event in after] == [event.get("labels", []) for event in before]


@pytest.mark.parametrize("block", blocks_of("toml"), ids=str)
def test_settings_are_read(block: Block) -> None:
    """Every key exists, and every value is allowed."""
    given = tomllib.loads(block.text)
    assert Settings.model_validate(given) != Settings()


@pytest.mark.parametrize("block", blocks_of("json"), ids=str)
def test_records_are_read(block: Block) -> None:
    """Every field belongs to the record that the fence names, and none is missing."""
    record = msgspec.json.decode(block.text, type=RECORDS[block.info])
    if block.info in ("event", "feedback", "control"):
        assert decode(block.text.encode(), ()) == record
    given, known = json.loads(block.text), {f.encode_name for f in msgspec.structs.fields(record)}
    assert set(given) <= known
    if block.info in ("prediction", "label"):
        assert set(given) == known


# The tour, with a broker ----------------------------------------------------------------------------------


def ithaca(*words: str) -> list[str]:
    """Return a command line that runs Ithaca."""
    return [sys.executable, "-m", "stream.cli", *words]


@contextlib.contextmanager
def running(words: list[str], ready: str) -> Iterator[None]:
    """Run a command inside the block, once it has printed that it is ready; then end it with Ctrl-C."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            assert any(re.search(ready, line) for line in process.stdout), words
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=60)
            finally:
                process.kill()
    assert process.returncode == 0, words


@pytest.mark.kafka
def test_the_tour_is_right_with_a_broker(
    kafka: str,
    folder: Path,
    stream_name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Commands run in order, `run` and `dashboard` until the end; predictions are read as shown."""
    monkeypatch.setenv("ITHACA_KAFKA__BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("ITHACA_HTTP__PORT", "0")
    monkeypatch.setenv("ITHACA_DASHBOARD__PORT", "0")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    tour = [
        block for block in blocks_of("bash") if block.file == ROOT / "README.md" and block.info == "kafka"
    ]
    lines = [words[1:] for block in tour for words in commands(block)]
    (reading,) = (block for block in blocks_of("python") if block.info == "kafka")
    snippet = reading.text.replace("news.", f"{stream_name}.").replace("localhost:9092", kafka)
    events = len((folder / "events.jsonl").read_text().splitlines())
    with contextlib.ExitStack() as stack:
        for words in lines:
            words = ithaca(*(stream_name if word == "tickets" else word for word in words))
            if "run" in words:
                stack.enter_context(running(words, "metrics and health at"))
                assert _predictions(snippet, events, capsys) == events
            elif "dashboard" in words:
                with running(words, "dashboard: http"):
                    pass
            else:
                subprocess.run(words, check=True, timeout=300)
    assert len((folder / "tree.jsonl").read_text().splitlines()) >= events


def _predictions(snippet: str, wanted: int, capsys: pytest.CaptureFixture[str]) -> int:
    """Return how many predictions the snippet prints, once there are as many as wanted."""
    deadline = time.monotonic() + 240
    count = -1
    while count < wanted and time.monotonic() < deadline:
        capsys.readouterr()
        exec(compile(snippet, "README", "exec"), {})
        count = len([line for line in capsys.readouterr().out.splitlines() if line.startswith("{")])
    return count
