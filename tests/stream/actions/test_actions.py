"""What people do to a stream from the page, on a real broker."""

from __future__ import annotations

import datetime
import json
import threading
from pathlib import Path

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from stream.actions import ActionError, Actions
from stream.kafka import Writer, delete_topics, partitions_of, topics_there
from stream.monitoring import Feed, StreamState
from stream.records import Control, TriageRecord, resent_key, topic
from stream.telemetry.collector import Telemetry
from stream.worker.worker import Worker
from tests.stream.cli.test_taxonomy import environment_of, keep_snapshot
from tests.stream.live import LiveStream, on_a_thread, until
from tests.stream.standins import POISON, event, make_task

pytestmark = pytest.mark.kafka

NOW = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)
MUTED = TriageRecord(
    what="label", name="wheat", decision="muted", by="Ada", reason="harvest", at=NOW, until=NOW
)


def test_decisions_are_seen_by_every_dashboard_and_outlive_them(kafka: str, stream_name: str) -> None:
    """One that was there, and one that is started later; the latest about a thing counts."""
    live = LiveStream(kafka, stream_name)
    actions = Actions(live.settings)
    first, second = (StreamState(name) for name in ("first", "second"))
    feeds = [Feed(state, live.settings.kafka, stream_name) for state in (first, second)]
    feeds[0].start()
    until(lambda: first.ready)
    noted = TriageRecord(
        what="incident", name="0/9/x/y", decision="acknowledged", by="Bo", reason="mine", at=NOW
    )
    actions.decide(MUTED)
    actions.decide(noted)
    until(lambda: len(first.triage) == 2)
    longer = TriageRecord(what="label", name="wheat", decision="muted", by="Cy", reason="still", at=NOW)
    actions.decide(longer)
    actions.withdraw(noted.key)
    until(lambda: first.triage == {"label/wheat": longer})
    feeds[1].start()
    until(lambda: second.ready)
    assert second.triage == {"label/wheat": longer}
    assert second.problem == ""
    for feed in feeds:
        feed.stop()
        feed.join()


def test_beside_the_worker_of_an_earlier_version(kafka: str, stream_name: str) -> None:
    """There is no topic for decisions: the dashboard reads the rest, and the first decision makes it."""
    live = LiveStream(kafka, stream_name)
    with live._admin() as client:
        client.delete_topics([topic(stream_name, "triage")])
    state = StreamState("m")
    feed = Feed(state, live.settings.kafka, stream_name)
    feed.start()
    until(lambda: state.ready)
    assert topic(stream_name, "triage") not in topics_there(live.settings.kafka)
    Actions(live.settings).decide(MUTED)
    until(lambda: state.triage)
    feed.stop()
    feed.join()


def test_a_dead_letter_is_mended_and_sent_again_once(kafka: str, stream_name: str) -> None:
    """To its partition, with its key and headers; the worker answers it, and nobody can send it twice."""
    live = LiveStream(kafka, stream_name, partitions=2)
    headers = (("traceparent", b"00-1"), ("tenant", b"\xff1"), ("ce_type", b"ours"))
    broken = event(7).replace(b'"text"', b"text", 1)
    with Writer(live.settings.kafka, topic(stream_name, "events")) as writer:
        writer.send(broken, b"k7", headers, partition=1)
    actions = Actions(live.settings)
    with on_a_thread(Worker(live.settings, make_task, Telemetry())):
        live.wait_for(1)
        (letter,) = live.read("dlq")
        place = letter.partition, letter.offset
        assert actions.letter(*place) == (topic(stream_name, "events"), 1, b"k7", broken, headers)
        with pytest.raises(ActionError, match="It would be a dead letter again"):
            actions.resend(*place, None, "Ada", "", NOW)
        failures: list[str] = []

        def send() -> None:
            try:
                actions.resend(*place, event(7), "Ada", "a quote", NOW)
            except Exception as error:
                failures.append(str(error))

        senders = [threading.Thread(target=send) for _ in range(3)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert len(failures) == 2, failures
        with pytest.raises(ActionError, match="sent again by Ada at 2026-01-31 12:00"):
            actions.resend(*place, event(7), "Bo", "", NOW)
        live.wait_for(2)
    sent = live.read("events")[-1]
    assert (sent.partition, sent.key, sent.value) == (1, b"k7", event(7))
    assert sent.headers == (*headers, ("ithaca_resent", f"{stream_name}.dlq/1/{letter.offset}".encode()))
    ((answered, prediction),) = live.predictions()
    assert (answered.partition, prediction["id"]) == (1, json.loads(event(7))["id"])
    state = StreamState(stream_name)
    feed = Feed(state, live.settings.kafka, stream_name)
    feed.start()
    until(lambda: state.ready)
    key = resent_key(stream_name, *place)
    assert (state.triage[key].by, state.dead_letters[0].at) == ("Ada", letter.offset)
    with pytest.raises(ActionError, match="cannot be taken back"):
        actions.withdraw(key.encode())
    feed.stop()
    feed.join()


def test_a_dead_letter_that_is_gone(kafka: str, stream_name: str) -> None:
    """Its topic's retention was shorter than the page was open; or somebody else wrote it."""
    live = LiveStream(kafka, stream_name)
    live.fill([POISON["broken json"]] * 2, kind="dlq")
    live.expire("dlq", 1)
    for partition in (0, 3):
        with pytest.raises(ActionError, match=r"no dead letter at .*retention"):
            Actions(live.settings).letter(partition, 0)
    with pytest.raises(ActionError, match="dlq/0/1 is none that a worker wrote"):
        Actions(live.settings).letter(0, 1)


def test_a_proposal_is_accepted_unless_it_is_refused(kafka: str, stream_name: str, tmp_path: Path) -> None:
    """Checked against the newest snapshots, and written to the control topic."""
    environment = environment_of(tmp_path) | {"ITHACA_STREAM": stream_name}
    keep_snapshot(environment)
    live = LiveStream(kafka, stream_name)
    given = {"learner": {"name": "expansion"}, "encoder": {"parameters": {"dimensions": 64}}}
    settings = live.settings.model_validate(
        live.settings.model_dump() | given | {"snapshot": {"location": str(tmp_path)}}
    )
    actions = Actions(settings)
    actions.accept(Control("merge", "t/fuel/gas", ["t/fuel/crude"]))
    with pytest.raises(ActionError, match="no label 't/nothing'"):
        actions.accept(Control("retire", "t/nothing"))
    with pytest.raises(ActionError, match="operation is 'marry'"):
        actions.accept(Control("marry", "t/fuel"))
    (written,) = live.read("control")
    assert json.loads(written.value or b"") == {
        "operation": "merge",
        "label": "t/fuel/gas",
        "to": ["t/fuel/crude"],
    }


def test_topics_are_made_with_the_others(kafka: str, stream_name: str) -> None:
    """With one partition, compacted, and deleted with them."""
    live = LiveStream(kafka, stream_name, partitions=2)
    name = topic(stream_name, "triage")
    assert partitions_of(live.settings.kafka, name) == 1
    with live._admin() as client:
        found = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    assert "compact" in str(found)
    delete_topics(live.settings.kafka, stream_name)
    until(lambda: name not in topics_there(live.settings.kafka))
