"""Replays: the same bytes every time, and no trace on the live service."""

from __future__ import annotations

import datetime
import json
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient
from typer.testing import CliRunner, Result

from stream.cli.main import app
from stream.config.settings import Settings
from stream.encoders.catalogue import make_encoder
from stream.kafka import History
from stream.records.topics import topic
from tests.stream.live import LiveStream, source
from tests.stream.standins import POISON, event

pytestmark = pytest.mark.kafka


@pytest.fixture
def live(kafka: str, stream_name: str) -> LiveStream:
    """Return a stream of two partitions with good and bad events."""
    live = LiveStream(kafka, stream_name, partitions=2)
    for partition in (0, 1):
        live.fill([event(number + partition) for number in range(200)], partition)
        live.fill([POISON["broken json"], event(500), POISON["tombstone"]], partition)
    return live


def ithaca_replay(live: LiveStream, *arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["replay", *arguments], env=live.environment)


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSON lines file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_two_replays_give_the_same_bytes(live: LiveStream, tmp_path: Path) -> None:
    """Every event of every partition is answered, and a second replay's file is equal."""
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    for path in (first, second):
        result = ithaca_replay(live, "--out", str(path))
        assert result.exit_code == 0, result.output
        assert "406 messages, 4 dead letters" in result.output
    assert first.read_bytes() == second.read_bytes()
    answered = {line["source"].rpartition("/")[0] for line in lines(first)}
    assert answered == {
        f"{record.topic}/{record.partition}/{record.offset}" for record in live.read("events")
    }
    assert [line["reason"] for line in lines(first) if "reason" in line] == ["json", "tombstone"] * 2


def test_a_replay_predicts_what_the_live_worker_predicted(live: LiveStream, tmp_path: Path) -> None:
    """Same learner, same settings, same bytes."""
    with live.worker():
        live.wait_for(406)
    ithaca_replay(live, "--out", str(tmp_path / "out.jsonl"))
    replayed = [
        (line["source"], line["value"])
        for line in lines(tmp_path / "out.jsonl")
        if line["source"].endswith("/prediction")
    ]
    written = [(dict(record.headers)["ce_id"].decode(), value) for record, value in live.predictions()]
    assert replayed == written


def known(client: KafkaAdminClient, live: LiveStream) -> list[str]:
    """Return names of the groups and topics of a stream; other tests work on the same broker meanwhile."""
    names = [*(group["group_id"] for group in client.list_groups()), *client.list_topics()]
    return sorted(name for name in names if live.settings.stream in name)


def test_a_replay_leaves_groups_and_topics_alone(live: LiveStream, tmp_path: Path) -> None:
    """No group appears, no offset is committed, no topic of the stream grows."""
    client = KafkaAdminClient(bootstrap_servers=live.settings.kafka.bootstrap_servers)
    names = known(client, live)
    before = {kind: len(live.read(kind)) for kind in ("events", "predictions", "drift", "dlq")}
    assert ithaca_replay(live, "--out", str(tmp_path / "out.jsonl")).exit_code == 0
    assert known(client, live) == names
    assert {kind: len(live.read(kind)) for kind in before} == before
    client.close()


def test_a_stretch_by_offsets(live: LiveStream, tmp_path: Path) -> None:
    """From is the first offset, until one past the last."""
    result = ithaca_replay(live, "--from", "10", "--until", "15", "--out", str(tmp_path / "out.jsonl"))
    assert result.exit_code == 0, result.output
    sources = [line["source"].split("/")[1:3] for line in lines(tmp_path / "out.jsonl")]
    assert sources == [[str(partition), str(offset)] for partition in (0, 1) for offset in range(10, 15)]


def test_a_stretch_by_time_stamps(live: LiveStream, tmp_path: Path) -> None:
    """What came after the time stamp, and nothing from before."""
    time.sleep(0.05)
    now = datetime.datetime.now(datetime.UTC).isoformat()
    live.fill([event(900), event(901)], partition=1)
    ithaca_replay(live, "--from", now, "--out", str(tmp_path / "new.jsonl"))
    ithaca_replay(live, "--until", now, "--out", str(tmp_path / "old.jsonl"))
    assert [line["value"]["id"] for line in lines(tmp_path / "new.jsonl")] == ["e900", "e901"]
    assert len(lines(tmp_path / "old.jsonl")) == 406


def test_into_a_topic_of_its_own(live: LiveStream) -> None:
    """Each output stands in the partition it comes from; a topic that holds something is refused."""
    name = f"{live.settings.stream}.replay-1"
    result = ithaca_replay(live, "--out-topic", name)
    assert result.exit_code == 0, result.output
    history = History(live.settings.kafka, name)
    records = list(history.records())
    history.close()
    assert len(records) == 406
    assert all(source(record)[0] == record.partition for record in records)
    again = ithaca_replay(live, "--out-topic", name)
    assert again.exit_code == 1
    assert f"Topic {name} holds 406 records" in again.output


@pytest.mark.parametrize("kind", ["events", "predictions", "dlq"])
def test_a_streams_topic_is_refused(live: LiveStream, kind: str) -> None:
    """Neither this stream's nor, by its name, any other's."""
    for name in (topic(live.settings.stream, kind), f"other.{kind}"):
        result = ithaca_replay(live, "--out-topic", name)
        assert result.exit_code == 1
        assert f"A replay does not write to {name}" in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--from", "yesterday"], "--from is 'yesterday'; write an offset"),
        (["--learner", "oracle"], "There is no learner named 'oracle'"),
        (["--topic", "nowhere"], "There is no topic nowhere at"),
        (["--out", "a", "--out-topic", "b"], "--out and --out-topic exclude each other"),
    ],
)
def test_what_cannot_be_replayed_is_said(live: LiveStream, arguments: list[str], sentence: str) -> None:
    """In one line, with the status of wrong usage, or of a failure where only the broker can know."""
    result = ithaca_replay(live, *arguments)
    assert result.exit_code == (1 if "--topic" in arguments else 2)
    assert sentence in result.output


def test_an_empty_stretch_is_a_failure_that_says_what_there_is(live: LiveStream, tmp_path: Path) -> None:
    """And leaves no file behind."""
    out = tmp_path / "out.jsonl"
    result = ithaca_replay(live, "--from", "9000", "--out", str(out))
    assert result.exit_code == 1
    assert "holds offsets 0 to 202 in partition 0, offsets 0 to 202 in partition 1" in result.output
    assert not out.exists()


def test_a_file_that_is_there_is_replaced_only_when_asked_to(live: LiveStream, tmp_path: Path) -> None:
    """Somebody may still want it."""
    out = tmp_path / "out.jsonl"
    out.write_text("mine")
    refused = ithaca_replay(live, "--until", "5", "--out", str(out))
    assert (refused.exit_code, out.read_text()) == (2, "mine")
    assert "exists. Name another file, or replace it with --force." in refused.output
    assert ithaca_replay(live, "--until", "5", "--out", str(out), "--force").exit_code == 0
    assert len(lines(out)) == 10


def test_produce_writes_a_file_as_it_is(kafka: str, stream_name: str, tmp_path: Path) -> None:
    """Bytes intact, keyed by id where there is one, up to a limit."""
    live = LiveStream(kafka, stream_name)
    path = tmp_path / "events.jsonl"
    values = [event(0), b"not json", event(2), event(3)]
    path.write_bytes(b"\n\n".join(values))
    result = CliRunner().invoke(
        app, ["produce", str(path), "--limit", "3", "--no-check"], env=live.environment
    )
    assert result.exit_code == 0, result.output
    assert f"3 events written to {stream_name}.events" in result.output
    assert [(record.key, record.value) for record in live.read("events")] == [
        (b"e0", values[0]),
        (None, values[1]),
        (b"e2", values[2]),
    ]


def test_another_encoder_is_tried_and_its_settings_keep_the_snapshots(
    live: LiveStream, tmp_path: Path
) -> None:
    """The command prints settings whose snapshots are those of the former encoder."""
    file = tmp_path / "a.alignment"
    result = CliRunner().invoke(
        app, ["align", "--to", "hashing(dimensions=128)", "--out", str(file)], env=live.environment
    )
    assert result.exit_code == 0, result.output
    assert "402 events" in result.output
    given = tomllib.loads(result.output[result.output.index("[encoder]") :])
    former = Settings.model_validate(
        {"encoder": {"parameters": {"dimensions": 64}}, "learner": {"name": "priors"}}
    )
    switched = Settings.model_validate({**given, "learner": {"name": "priors"}})
    assert switched.configuration == former.configuration
    made = make_encoder(switched.encoder.name, **switched.encoder.parameters)
    assert made.name.startswith("hashing-128-")
