"""The dashboard's sums: right whatever order records come in, bounded, and unmoved by what is no record."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.alarms.alarm import Alarm
from stream.dashboard import drift_views, label_views, message_views, views
from stream.dashboard.cluster_tree import pruned
from stream.monitoring.output_records import NotOursError, OutputRecord, of_line, of_record
from stream.monitoring.recent_predictions import RecentPrediction, RecentPredictions
from stream.monitoring.series import AT, Buckets, scores
from stream.monitoring.stream_state import StreamState
from stream.records.label_records import LabelRecord, PartitionRecord
from stream.records.outputs import drift_output
from stream.records.schema import Control, Record, encode
from tests.stream.monitoring.streams import drift, fed, line, prediction

LABELS = st.lists(st.sampled_from("abc"), unique=True, max_size=3)


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=30))
def test_scores_and_skill_are_those_written_out(pairs: list[tuple[list[str], list[str]]]) -> None:
    """Against plain sums over the messages, the persistence labels beside them."""
    state = fed("m", [prediction(n, labels, truth, at=float(n)) for n, (labels, truth) in enumerate(pairs)])
    found = scores(state.series["all"].total())
    assert found is not None
    truths = [set(truth) for _, truth in pairs]
    before = [set[str](), *truths[:-1]]
    exact = sum(set(labels) == truth for (labels, _), truth in zip(pairs, truths, strict=True)) / len(pairs)
    persistence = sum(old == new for old, new in zip(before, truths, strict=True)) / len(pairs)
    assert found["subset_accuracy"] == pytest.approx(exact)
    assert found["persistence_subset_accuracy"] == pytest.approx(persistence)
    assert found["skill"] == pytest.approx(
        (exact - persistence) / (1 - persistence) if persistence < 1 else 0.0
    )
    hits = sum(len(set(labels) & truth) for (labels, _), truth in zip(pairs, truths, strict=True))
    both = sum(len(labels) + len(truth) for labels, truth in pairs)
    assert found["micro_f1"] == pytest.approx(2 * hits / both if both else 1.0)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200), st.integers(2, 20))
def test_buckets_lose_nothing_and_stay_few(places: list[float], most: int) -> None:
    """However far the axis reaches."""
    buckets = Buckets(1.0, most)
    for place in places:
        buckets.add(place, predictions=1)
    assert buckets.total()[AT["predictions"]] == len(places)
    assert len(buckets) <= most
    begins = [begin for begin, _ in buckets]
    assert begins == sorted(begins)
    assert begins[0] <= min(places) < begins[0] + buckets.width


def test_a_window_forgets_what_is_long_ago() -> None:
    """The short ranges are rings."""
    buckets = Buckets(1.0, 3, widens=False)
    for place in range(10):
        buckets.add(place, predictions=1)
    assert [begin for begin, _ in buckets] == [7, 8, 9]


def test_the_rolling_score_looks_back_on_enough_messages_and_no_more() -> None:
    """Bucket by bucket."""
    buckets = Buckets(1.0, 100)
    for place in range(10):
        buckets.add(place, scored=10, exact=place)
    windows = [sums[AT["scored"]] for _, sums in buckets.trailing(25)]
    assert windows == [10, 20, 30, 30, 30, 30, 30, 30, 30, 30]


def test_reading_again_changes_nothing() -> None:
    """After a lost connection everything comes once more."""
    records = [
        *(prediction(n, ["a"], ["b"], at=n) for n in range(20)),
        drift(5, "d", "s", "error"),
        drift(5, "d", "t", "error"),
        OutputRecord("dead-letter", 0, 30, 5.0, 5.0, None, "json"),
    ]
    state = fed("m", records)
    before = views.overview(state, "all", 0.0) | {"version": 0}
    for each in records:
        state.take(each)
    assert views.overview(state, "all", 0.0) | {"version": 0} == before
    assert len(state.drift) == 2


def test_unknown_fields_are_ignored_and_what_is_no_record_is_counted() -> None:
    """Newer workers may say more."""
    state = StreamState("m")
    drift = {
        "detector": "d",
        "scope": "vector",
        "subject": "s",
        "statistic": 1.0,
        "threshold": 0.5,
        "window": 9,
    }
    state.take(
        OutputRecord("drift", 0, 1, 1.0, 1.0, json.dumps(drift | {"action": "none", "since": 7}).encode())
    )
    state.take(OutputRecord("drift", 0, 2, 1.0, 1.0, b"{}"))
    state.take(OutputRecord("prediction", 0, 3, 1.0, 1.0, b"\xff"))
    assert (len(state.drift), state.skipped) == (1, 2)
    assert drift_views.drifts(state, {"scope": "vector"})["total"] == 1
    assert drift_views.drifts(state, {"scope": "error"})["total"] == 0
    assert views.overview(state, "all")["skipped"] == 2


def test_where_nothing_came_the_line_is_at_nothing() -> None:
    """One empty bucket at either end of a gap, none where there is no gap."""
    state = fed("m", [prediction(n, [], [], at=at) for n, at in enumerate((0.5, 1.5, 9.5, 11.5))])
    curves = views.overview(state, "all")["series"]
    assert curves["at"] == [0, 1, 2, 8, 9, 10, 11]
    assert curves["predictions"] == [None, 1, 0, 0, 1, 0, None]
    assert [curves["delay"][n] is None for n in range(7)] == [False, False, True, True, False, True, False]


def test_seconds_that_are_not_whole_are_not_drawn() -> None:
    """Of the first and the last one a part was counted, which is no lower throughput; delays are drawn."""
    steady = [prediction(n, [], [], at=100.45 + 0.1 * n) for n in range(50)]
    state = fed("m", steady)
    for span in ("all", "minutes"):
        curves = views.overview(state, span)["series"]
        drawn = [n for n in curves["predictions"] if n is not None]
        assert len(drawn) == len(curves["at"]) - 2
        assert len(set(drawn)) == 1
        assert None not in curves["delay"]
    assert views.overview(StreamState("n"), "all")["series"]["predictions"] == []
    once = views.overview(fed("m", steady[:1]), "all")["series"]
    assert (once["predictions"], once["dead_letters"]) == ([None], [None])


def test_a_partitions_score_is_of_as_many_messages_as_the_curve() -> None:
    """So that with one partition the table and the curve's end say the same."""
    state = fed("m", [prediction(n, ["a"], ["a" if n < 900 else "b"], at=float(n)) for n in range(1_000)])
    told = views.overview(state, "all")
    assert told["partitions"][0]["micro_f1"] == told["rolling"]["micro_f1"][-1] == 0.8


def test_a_labels_history_is_of_all_partitions_together() -> None:
    """Two partitions with other rates, in turn, draw no saw."""
    state = StreamState("m")
    for n in range(1, 9):
        rate, seen = (0.1, 0.3)[n % 2], 500 * n
        record = LabelRecord(
            label="x",
            count=n,
            predicted=0,
            hits=0,
            f1=0.0,
            first_seen=0,
            last_seen=seen,
            rate=rate,
            usual=0.2,
            cluster=None,
            updates=1000,
        )
        state.take(OutputRecord("label-stats", n % 2, seen, float(n), float(n), encode(record)))
    assert [rate for _, rate in state.labels["x"].history][1:] == pytest.approx([0.2] * 7)


def test_a_record_says_where_it_comes_from() -> None:
    """In its headers, or in a replay's line."""
    headers = (
        ("ithaca_original_ce_id", b"spoof"),
        ("ce_id", b"s.events/3/17/dead-letter"),
        ("ce_time", b"2026-01-01T00:00:00.000+00:00"),
        ("ithaca_reason", b"json"),
    )
    found = of_record(Record("s.dlq", 3, 0, 1_767_225_601_000, None, b"x", headers))
    assert (found.kind, found.partition, found.offset, found.reason) == ("dead-letter", 3, 17, "json")
    assert found.time is not None
    assert found.event_time is not None
    assert found.time - found.event_time == 1.0
    with pytest.raises(NotOursError, match="ce_id"):
        of_record(Record("s.dlq", 0, 0, 0, None, b"x"))
    assert of_line(line(prediction(5, ["a"], None))).offset == 5
    for bad in (b"{", b"{}", b'{"source": "a/b"}'):
        with pytest.raises(NotOursError):
            of_line(bad)


def partition_statistics(updates: int) -> OutputRecord:
    """Return what a partition writes of itself after so many messages."""
    whole = PartitionRecord(updates=updates, scores={}, learner={}, splits=(), watched={})
    return OutputRecord("partition-stats", 0, updates, 1.0, 1.0, encode(whole))


def test_labels_fade_fall_silent_and_are_born() -> None:
    """From their records, and from the truth in the predictions."""
    record = LabelRecord(
        label="old", count=50, predicted=40, hits=30, f1=0.66, first_seen=3, last_seen=990, rate=0.05,
        usual=0.05, cluster=4, updates=1_000,
    )  # fmt: skip
    state = fed(
        "m", [OutputRecord("label-stats", 0, 1_000, 1.0, 1.0, encode(record)), partition_statistics(1_000)]
    )
    state.take(prediction(1_001, [], ["new"], at=7.0))
    page = label_views.labels(state, "change", "", 0)
    assert page["births"][0] == {"label": "new", "partition": 0, "offset": 1_001, "time": 7.0}
    assert page["labels"][0]["change"] == pytest.approx(0.0, abs=0.1)
    assert page["silent"] == []
    state.take(partition_statistics(2_500))
    page = label_views.labels(state, "silent", "", 0)
    assert page["silent"][0]["name"] == "old"
    assert page["silent"][0]["silent"] == pytest.approx(0.05 * 1_500)
    assert page["labels"][0]["rate"] == pytest.approx(0.05 * 0.5**3)
    state.take(prediction(2_501, [], ["old"], at=8.0))
    assert label_views.labels(state, "silent", "", 0)["silent"] == []
    assert label_views.label(state, "old")["clusters"] == {0: 4}  # type: ignore[index]
    assert label_views.label(state, "nobody") is None


@given(st.integers(2, 60), st.sets(st.integers(0, 59)), st.randoms(use_true_random=False))
def test_a_pruned_tree_keeps_just_the_leaves_that_are_wanted(
    size: int, wanted: set[int], chance: object
) -> None:
    """Each once, under one root, whatever the shape."""
    import random

    assert isinstance(chance, random.Random)
    roots, splits = list(range(size)), []
    for node in range(size, 2 * size - 1):
        first, second = chance.sample(range(len(roots)), 2)
        splits.append((node, roots[first], roots[second]))
        roots = [each for n, each in enumerate(roots) if n not in (first, second)] + [node]
    wanted = {leaf for leaf in wanted if leaf < size}
    kept = pruned(splits, wanted)
    below = [child for _, *pair in kept for child in pair]
    assert len(below) == len(set(below))
    assert {child for child in below if child < size} == (wanted if len(wanted) > 1 else set())
    assert len(kept) == max(0, len(wanted) - 1)


def test_the_messages_before_and_after_and_who_is_near() -> None:
    """Around an offset, and by the how manieth learned message."""
    state = fed("m", [prediction(n, ["a"], ["a"] if n != 7 else ["b"], at=n) for n in range(0, 40, 2)])
    found = drift_views.around(state, 0, 11, 2, 3)
    assert [each["offset"] for each in found["messages"]] == [8, 10, 12, 14, 16]
    near = state.partitions[0].recent.learned(10)
    assert near is not None
    assert near.offset == 10
    assert state.partitions[0].recent.learned(11) is None
    assert drift_views.around(state, 9, 0, 2, 2)["messages"] == []
    assert message_views.message(state, 0, 11) is None


def test_the_latest_predictions_are_kept() -> None:
    """And no more than twice as many, for a while."""
    recent = RecentPredictions(10)
    for offset in range(100):
        assert recent.add(RecentPrediction(0, offset, None, "", "", offset, (), None, taught=True, value=b""))
    assert (len(recent), recent.first) == (10, 90)
    assert [seen.offset for seen in recent.latest()] == list(range(99, 89, -1))


def test_what_monitors_measure_is_kept_over_time() -> None:
    """By detector, with the threshold."""
    state = StreamState("m")
    for n in range(3):
        whole = PartitionRecord(
            updates=n, scores={}, learner={}, splits=(), watched={"vector/frechet": (n / 10, 0.5)}
        )
        state.take(OutputRecord("partition-stats", 0, n, float(n), None, encode(whole)))
    levels = [[0.0, 0.0, 0.5], [1.0, 0.1, 0.5], [2.0, 0.2, 0.5]]
    assert drift_views.drifts(state, {})["levels"] == {"vector/frechet": {"partition": 0, "figures": levels}}
    # Another partition that is nearer to its threshold is shown instead, and not drawn into the same line.
    nearer = PartitionRecord(
        updates=9, scores={}, learner={}, splits=(), watched={"vector/frechet": (0.1, 0.2)}
    )
    state.take(OutputRecord("partition-stats", 1, 9, 1.5, None, encode(nearer)))
    found = drift_views.drifts(state, {})["levels"]
    assert found == {"vector/frechet": {"partition": 1, "figures": [[1.5, 0.1, 0.2]]}}
    assert label_views.clusters(state, 0)["total"] == 0


def test_every_view_of_nothing_is_json() -> None:
    """A stream without records answers too."""
    state = StreamState("m")
    for answer in (
        views.head(state),
        views.overview(state, "all"),
        drift_views.drifts(state, {}),
        drift_views.around(state, 0, 0, 2, 2),
        label_views.labels(state, "change", "", 0),
        label_views.clusters(state, 0),
        message_views.messages(state, "all", "", ""),
    ):
        assert not any(isinstance(value, float) and math.isnan(value) for value in answer.values())
        assert msgspec.json.decode(msgspec.json.encode(answer))


def test_a_message_without_labels_is_not_what_the_next_one_repeats() -> None:
    """The baseline goes on from the last labels that came, and counts labelled messages only."""
    truths = [["a"], None, ["a"], ["b"], None, None, ["b"]]
    state = fed("m", [prediction(n, ["a"], truth, at=float(n)) for n, truth in enumerate(truths)])
    total = state.series["all"].total()
    assert (total[AT["predictions"]], total[AT["scored"]]) == (7, 4)
    assert total[AT["exact"]] == 2
    assert total[AT["persistence_exact"]] == total[AT["persistence_hits"]] == 2
    assert total[AT["persistence_predicted"]] == 3


def test_messages_of_one_run_and_the_place_of_a_label_in_the_taxonomy() -> None:
    """Predictions name their run; paths and operations say where a label stands."""
    told = [("t/grain", "a"), ("t/grain/corn", "a"), ("t/oil", "b")]
    read = [prediction(n, [name], [name], at=float(n), run=run) for n, (name, run) in enumerate(told)]
    split = Control("split", "t/grain", ["corn"])
    done = drift(2, "taxonomy", "t/grain", "structure", action="split t/grain: corn", control=split)
    state = fed("m", [*read, done])
    assert [each["offset"] for each in message_views.messages(state, "all", "", "", "a")["messages"]] == [
        1,
        0,
    ]
    shown = {name: label_views.label(state, name, now=62.0) or {} for name, _ in told}
    assert shown["t/oil"]["age"] == "60 s"
    places = {name: view["taxonomy"] for name, view in shown.items()}
    assert places["t/grain"]["under"] == ["t/grain/corn"]
    assert places["t/grain/corn"]["above"] == ["t", "t/grain"]
    assert [len(each["operations"]) for each in places.values()] == [1, 1, 0]


def test_findings_are_a_kind_of_their_own() -> None:
    """Their `ce_type` tells readers of the drift topic, and the dashboard lists them apart."""
    event, state = Record("s.events", 0, 7, 0, b"k", b"{}"), StreamState("m")
    kinds = []
    for scope, subject in (("relation", "a | b"), ("prior", "a")):
        alarm = Alarm("exclusive/chernoff", scope, subject, 1.0, 0.8, 90)
        output = drift_output(event, alarm, "0", "/test")
        kinds.append(dict(output.headers)["ce_type"])
        state.take(of_record(Record("s.drift", 0, 0, 0, output.key, output.value, output.headers)))
    assert kinds == [b"ithaca.finding", b"ithaca.drift"]
    found = drift_views.drifts(state, {})
    assert (len(found["findings"]), len(found["incidents"]), found["kept"]) == (1, 1, 1)
