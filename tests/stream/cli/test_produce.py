"""`ithaca produce`: what is no event is not written, and no topic is created unasked."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from stream.cli.main import app
from stream.config.settings import Settings
from stream.kafka import History, topics_there
from stream.records.topics import topic
from tests.stream.standins import event


def produce(kafka: str, path: Path, stream: str, *options: str) -> Result:
    """Run the command; nobody is there to answer."""
    environment = {"ITHACA_KAFKA__BOOTSTRAP_SERVERS": kafka}
    return CliRunner().invoke(app, ["produce", str(path), "--stream", stream, *options], env=environment)


@pytest.mark.kafka
def test_topics_are_created_and_lines_written_as_asked(kafka: str, stream_name: str, tmp_path: Path) -> None:
    """A mistyped stream or a file of another kind leaves nothing behind."""
    settings = Settings.model_validate({"kafka": {"bootstrap_servers": kafka}}).kafka
    good, table = tmp_path / "events.JSONL.GZ", tmp_path / "tickets.csv"
    good.write_bytes(gzip.compress(b"\xef\xbb\xbf" + b"\r\n".join(map(event, range(3)))))
    table.write_text("id,text\n1,wheat\n")
    refused = produce(kafka, good, stream_name)
    assert refused.exit_code == 1
    assert f"There is no topic {stream_name}.events" in refused.stderr
    assert "--create" in refused.stderr
    refused = produce(kafka, table, stream_name, "--create")
    assert refused.exit_code == 1
    assert "2 of 2 lines" in refused.stderr
    assert "--no-check" in refused.stderr
    assert not [name for name in topics_there(settings) if name.startswith(stream_name)]
    assert produce(kafka, good, stream_name, "--create").exit_code == 0
    assert produce(kafka, table, stream_name, "--no-check").exit_code == 0
    history = History(settings, topic(stream_name, "events"))
    written = list(history.records())
    history.close()
    assert [record.value for record in written] == [*map(event, range(3)), b"id,text", b"1,wheat"]
    assert [record.key for record in written] == [b"e0", b"e1", b"e2", None, None]
    assert {dict(record.headers)["content-type"] for record in written} == {b"application/json"}
