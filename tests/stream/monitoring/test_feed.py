"""The dashboard on a broker: it sees what workers wrote, then what they write, and says what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.monitoring.feed import Feed, read_file
from stream.monitoring.output_records import NotOursError
from stream.monitoring.stream_state import StreamState
from stream.monitoring.vitals import VitalsWatch
from stream.telemetry.collector import Telemetry
from stream.worker.worker import Worker
from tests.stream.live import LiveStream, on_a_thread, until
from tests.stream.monitoring.streams import line, prediction
from tests.stream.standins import POISON, event, make_task


def test_it_follows_a_stream_from_the_past_into_the_present(embedded_kafka: str, stream_name: str) -> None:
    """Both partitions, every kind of record, and the lag of events that nobody answers."""
    live = LiveStream(embedded_kafka, stream_name, partitions=2)
    live.fill([event(number) for number in range(600)], partition=0)
    live.fill([event(0), POISON["broken json"], event(1)], partition=1)
    state = StreamState("m")
    feed = Feed(state, live.settings.kafka, stream_name)
    watch = VitalsWatch(live.settings, state.see)
    watch.start()
    with on_a_thread(Worker(live.settings, make_task, Telemetry())):
        live.wait_for(603)
        feed.start()
        until(lambda: state.ready)
        until(lambda: state.vitals and state.vitals.group.members == 1)
        assert {number: each.latest for number, each in state.partitions.items()} == {0: 599, 1: 2}
        assert state.reasons == {"json": 1}
        assert len(state.drift) == 600 // 7
        assert state.partitions[0].statistics is not None
        assert state.labels["grain"].records[0].count > 0
        live.fill([event(600)], partition=0)
        until(lambda: state.partitions[0].latest == 600)
    live.fill([event(601), event(602)], partition=0)
    until(lambda: state.vitals and state.vitals.lag == {0: 2, 1: 0})
    until(lambda: state.vitals and state.vitals.absent_since)
    assert state.partitions[0].contents.text(602).startswith("event 602 on ")
    for thread in (feed, watch):
        thread.stop()
        thread.join()
    assert state.problem == ""
    assert state.skipped == 0


def test_a_stream_that_is_not_there_yet_is_waited_for(embedded_kafka: str, stream_name: str) -> None:
    """The page says what to do, and goes on once it is there."""
    live = LiveStream(embedded_kafka, f"{stream_name}-other")
    state = StreamState("m")
    feed = Feed(state, live.settings.kafka, stream_name)
    feed.start()
    until(lambda: state.problem)
    assert "ithaca run" in state.problem
    LiveStream(embedded_kafka, stream_name)
    until(lambda: state.ready)
    assert state.problem == ""
    feed.stop()
    feed.join()


def test_a_replay_is_read_from_its_file(tmp_path: Path) -> None:
    """Every line; a file of something else is refused."""
    path = tmp_path / "replay.jsonl"
    path.write_bytes(b"".join(line(prediction(n, ["a"], ["a"])) + b"\n" for n in range(1_234)))
    state = StreamState("replay", timed=False)
    read_file(state, path)
    assert (state.version, state.ready) == (1_234, True)
    path.write_text("id,text\n")
    with pytest.raises(NotOursError, match="not a replay's line"):
        read_file(state, path)
