"""The dashboard's state: what each kind of record adds, once, however often reading begins again."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
import pytest

from stream.kafka import GroupState
from stream.monitoring.output_records import OutputRecord, TriageEntry
from stream.monitoring.series import AT
from stream.monitoring.stream_state import StreamState
from stream.monitoring.vitals import Vitals
from stream.records.label_records import LabelRecord, PartitionRecord
from stream.records.predictions import ConfidenceRecord, PredictionRecord
from stream.records.schema import Position, encode
from stream.records.triage import TriageRecord
from tests.stream.monitoring.streams import drift, fed, prediction


def sums(state: StreamState, series: str = "all") -> dict[str, float]:
    """Return what is counted over all, without the nothings."""
    total = state.series[series].total()
    return {name: total[place] for name, place in AT.items() if total[place]}


def dead(offset: int, at: int | None, reason: str = "json", time: float = 5.0) -> OutputRecord:
    """Return a dead letter."""
    return OutputRecord("dead-letter", 0, offset, time, reason=reason, detail="why", at=at, source="s.events")


def test_dead_letters_are_counted_once_by_their_reason() -> None:
    """By their own place on their topic, or by their event's where they have none."""
    state = fed("m", [dead(9, 0), dead(7, 1, "size"), dead(8, 2, ""), dead(8, 2, ""), dead(9, 1)])
    assert state.reasons == {"json": 1, "size": 1, "unknown": 1}
    assert [(each.offset, each.at) for each in state.dead_letters] == [(9, 0), (7, 1), (8, 2)]
    assert (state.dead_letters[1].detail, state.dead_letters[1].source) == ("why", "s.events")
    assert sums(state) == {"dead_letters": 3}
    replayed = fed("r", [dead(3, None), dead(3, None), dead(4, None)], timed=False)
    assert [each.at for each in replayed.dead_letters] == [3, 4]


def test_drift_events_of_one_message_are_told_apart() -> None:
    """Each has a number and a name; the same one read again is none."""
    first, second = drift(5, "a/adwin", "x"), drift(5, "b/adwin", "x")
    state = fed("m", [first, second, first, second, drift(4, "c/adwin", "x"), drift(6, "a/adwin", "y")])
    assert [each.number for each in state.drift] == [1, 2, 3]
    assert [each.name for each in state.drift] == ["0/5/a/adwin/x", "0/5/b/adwin/x", "0/6/a/adwin/y"]
    assert sums(state) == {"alarms": 3}
    state.take(drift(0, "d/adwin", "z")._replace(partition=2, shared=True, kind="finding"))
    assert state.drift[-1].name == "lessons/0/d/adwin/z"


def test_a_shared_drift_event_is_placed_at_what_was_answered_before_it() -> None:
    """On the first partition that has answered; one of a partition's own stays where it is."""
    state = fed("m", [drift(9, "a/adwin", "x")._replace(shared=True), drift(10, "a/adwin", "x")])
    shared, own = state.drift
    assert state.placed(shared) == shared
    for offset, at in ((2, 3.0), (4, 8.0), (6, 12.0)):
        state.take(prediction(offset, [], None, at=at, partition=3))
    state.take(prediction(1, [], None, at=1.0, partition=5))
    placed = state.placed(shared)
    assert (placed.partition, placed.offset, placed.shared) == (3, 4, False)
    assert state.placed(own) == own
    untimed = shared._replace(time=None)
    assert state.placed(untimed) == untimed


def test_a_prediction_moves_its_partition_and_its_run() -> None:
    """How many messages were learned, what was said of doubt, births and the delay."""
    given = msgspec.json.decode(prediction(7, ["a"], ["a", "b"], at=3.0).value or b"", type=PredictionRecord)
    changed: dict[str, Any] = {
        "trained_through": [Position("s.feedback", 0, 3), Position("s.events", 0, 6)],
        "confidence": ConfidenceRecord(["a"], reject=True),
        "encoder": "hashing",
    }
    state = fed("m", [prediction(2, ["a"], None, at=1.0)])
    state.take(OutputRecord("prediction", 0, 7, 3.0, 2.5, encode(msgspec.structs.replace(given, **changed))))
    partition = state.partitions[0]
    # The model had learned from seven messages, and learned from this one.
    assert (partition.updates, partition.latest, partition.trained_through) == (8, 7, 6)
    assert state.runs["r"].predictions == 2
    assert state.runs["r"].encoder == "none"
    found = sums(state)
    assert {name: found[name] for name in ("predictions", "births", "unsure", "delays")} == {
        "predictions": 2, "births": 2, "unsure": 1, "delays": 2,
    }  # fmt: skip
    assert found["delay"] == pytest.approx(0.05 + 0.5)
    assert {name: found[name] for name in ("scored", "hits", "predicted", "actual", "judged")} == {
        "scored": 1, "hits": 1, "predicted": 1, "actual": 2, "judged": 1,
    }  # fmt: skip
    assert "covered" not in found
    assert sorted(state.labels) == ["a", "b"]
    before = state.version
    state.take(prediction(7, ["z"], ["z"], at=9.0))
    assert sums(state) == found
    assert state.version == before + 1
    state.take(prediction(9, ["a"], ["a"], at=4.0)._replace(event_time=6.0))
    assert sums(state)["delay"] == pytest.approx(found["delay"])
    assert partition.trained_through == -1


def test_persistence_repeats_the_message_before() -> None:
    """Of the same partition; the first has none before it."""
    state = fed("m", [prediction(n, [], ["a"], at=n, partition=n % 2) for n in range(6)])
    assert sums(state)["persistence_exact"] == 4
    assert sums(state)["persistence_hits"] == 4


def test_statistics_leave_measurements_and_how_far_they_are() -> None:
    """By detector and partition, at the time of writing or at the offset."""
    for timed, at in ((True, [4.0, 6.0]), (False, [40.0, 60.0])):
        state = StreamState("m", timed=timed)
        for offset, level in ((40, 0.5), (60, 0.75)):
            record = PartitionRecord(
                updates=offset, scores={}, learner={}, splits=(), watched={"a/adwin": (level, 2.0)}
            )
            time = offset / 10
            state.take(OutputRecord("partition-stats", 1, offset, time, time, encode(record)))
        assert [tuple(each) for each in state.levels["a/adwin"][1]] == [(at[0], 0.5, 2.0), (at[1], 0.75, 2.0)]
        assert (state.partitions[1].written, state.partitions[1].updates) == (60, 60)
    assert StreamState("m").levels == {}
    assert fed("m", [prediction(0, [], None)]).partitions[0].written == 0


def test_decisions_are_taken_back() -> None:
    """The latest of a key stands, at the end of the order; without a record it is gone."""
    at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    decided = TriageRecord(what="label", name="a", decision="muted", by="Ada", reason="why", at=at)
    state = StreamState("m")
    for key in ("a", "b", "a"):
        state.take(TriageEntry(key, decided))
    assert list(state.triage) == ["b", "a"]
    state.take(TriageEntry("b", None))
    state.take(TriageEntry("c", None))
    assert list(state.triage) == ["a"]
    assert state.version == 5


def test_vitals_count_where_they_changed() -> None:
    """Another time of asking is no change."""
    state, vitals = StreamState("m"), Vitals(9.0, GroupState(1, {0: 30}, {0: 10}), None, {}, None, {})
    for asked, version in ((vitals, 1), (vitals._replace(asked=10.0), 1), (vitals._replace(lessons=3), 2)):
        state.see(asked)
        assert state.version == version
        assert state.vitals == asked


def test_what_cannot_be_read_is_counted_and_changes_nothing() -> None:
    """A value that is no such record, or none at all."""
    state = fed("m", [prediction(0, [], None)])
    before = state.version
    for kind in ("prediction", "drift", "label-stats", "partition-stats"):
        state.take(OutputRecord(kind, 0, 9, 1.0, 1.0, b"\xff"))
        state.take(OutputRecord(kind, 0, 9, 1.0, 1.0))
    assert (state.skipped, state.version) == (8, before)
    assert sums(state) == {"predictions": 1, "delays": 1, "delay": pytest.approx(0.05)}


def test_without_times_the_axis_is_the_offset() -> None:
    """In buckets of fifty; with times there are ranges of minutes and of a day as well."""
    state = fed("r", [prediction(n, ["a"], ["a"]) for n in (0, 49, 50, 120)], timed=False)
    assert list(state.series) == ["all"]
    assert [begin for begin, _ in state.series["all"]] == [0.0, 50.0, 100.0]
    assert [sums[AT["exact"]] for _, sums in state.series["all"]] == [2, 1, 1]
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).timestamp()
    timed = fed("m", [prediction(n, ["a"], ["a"], at=now + n) for n in range(400)])
    assert {name: sums(timed, name)["predictions"] for name in timed.series} == {
        "all": 400, "minutes": 400, "day": 400
    }  # fmt: skip
    assert [begin for begin, _ in timed.series["day"]] == [now, now + 180, now + 360]


def test_a_label_record_tells_how_far_its_partition_is() -> None:
    """The largest count of updates counts, in whatever order the records come."""
    state = StreamState("m")
    for updates in (9, 12, 11):
        record = LabelRecord(
            label="a", count=9, predicted=9, hits=9, f1=1.0, first_seen=0, last_seen=9, rate=0.3, usual=0.3,
            cluster=0, updates=updates,
        )  # fmt: skip
        state.take(OutputRecord("label-stats", 1, updates, 0.0, 0.0, encode(record)))
    assert state.partitions[1].updates == 12
