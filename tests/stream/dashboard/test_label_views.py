"""Views of labels and clusters: what is found of what the records say, in which order, and how much of it."""

from __future__ import annotations

from typing import Any

import pytest

from stream.dashboard import label_views
from stream.monitoring.output_records import OutputRecord
from stream.monitoring.stream_state import StreamState
from stream.records.label_records import LabelRecord, PartitionRecord
from stream.records.schema import Control, encode
from tests.stream.monitoring.streams import drift, fed, prediction


def statistics(name: str, partition: int = 0, **figures: Any) -> OutputRecord:
    """Return what a partition writes of a label, after a thousand messages."""
    usual = {
        "count": 10, "predicted": 10, "hits": 5, "f1": 0.5, "first_seen": 0, "last_seen": 999, "rate": 0.1,
        "usual": 0.1, "cluster": None, "updates": 1000,
    }  # fmt: skip
    record = LabelRecord(label=name, **usual | figures)
    return OutputRecord("label-stats", partition, 1000, 1.0, 1.0, encode(record))


def whole(updates: int, partition: int = 0, splits: Any = ()) -> OutputRecord:
    """Return what a partition writes of itself."""
    record = PartitionRecord(updates=updates, scores={}, learner={}, splits=splits, watched={})
    return OutputRecord("partition-stats", partition, updates, 1.0, 1.0, encode(record))


def names(page: dict[str, Any]) -> list[str]:
    """Return the labels of a page."""
    return [each["name"] for each in page["labels"]]


ORDERS = {
    "change": ["Steel", "oats", "corn", "gold"],
    "count": ["gold", "Steel", "corn", "oats"],
    "f1": ["oats", "corn", "Steel", "gold"],
    "rate": ["Steel", "corn", "gold", "oats"],
    "silent": ["Steel", "corn", "gold", "oats"],
    "precision": ["oats", "corn", "Steel", "gold"],
    "recall": ["oats", "corn", "Steel", "gold"],
    "name": ["Steel", "corn", "gold", "oats"],
    "nonsense": ["Steel", "oats", "corn", "gold"],
}


def market() -> StreamState:
    """Return a stream with four labels."""
    return fed(
        "m",
        [
            statistics("oats", count=2, predicted=0, hits=0, rate=0.0, usual=0.01),
            statistics("corn", count=10, predicted=8, hits=2, rate=0.09, usual=0.1),
            statistics("Steel", count=10, predicted=10, hits=6, rate=0.4, usual=0.2),
            statistics("gold", count=50, predicted=40, hits=40, rate=0.05, usual=0.05),
            whole(1000),
        ],
    )


@pytest.mark.parametrize("order", ORDERS)
def test_labels_are_sorted_as_asked_for(order: str) -> None:
    """By what changed most without a word; precision, recall and F1 from the worst."""
    page = label_views.labels(market(), order, "", 0)
    assert names(page) == ORDERS[order]
    assert page["order"] == (order if order != "nonsense" else "change")


def test_figures_of_a_label() -> None:
    """Shares of nothing are none; those of several partitions are weighed by their messages."""
    state = market()
    state.take(statistics("oats", 1, count=4, predicted=5, hits=1, rate=0.2, usual=0.01, updates=3000))
    state.take(whole(3000, 1))
    shown = {each["name"]: each for each in label_views.labels(state, "name", "", 0)["labels"]}
    assert shown["corn"]["precision"] == pytest.approx(2 / 8)
    assert shown["corn"]["recall"] == pytest.approx(2 / 10)
    assert shown["oats"]["precision"] == pytest.approx(1 / 5)
    assert shown["oats"]["recall"] == pytest.approx(1 / 6)
    assert shown["oats"]["f1"] == pytest.approx(2 / 11)
    assert (shown["oats"]["rate"], shown["oats"]["usual"]) == pytest.approx((0.15, 0.01))
    assert shown["oats"]["history"] == [0.0, 0.15]
    alone = label_views.labels(market(), "name", "oats", 0)["labels"][0]
    assert (alone["precision"], alone["recall"]) == (None, 0.0)


def test_many_labels_come_in_pages() -> None:
    """With how many there are, and how many match what is looked for, in any case."""
    state = fed("m", [statistics(f"Label {n:03d}", count=n) for n in range(label_views.PAGE * 2 + 1)])
    for page, (first, many) in enumerate([("Label 000", 50), ("Label 050", 50), ("Label 100", 1)]):
        found = label_views.labels(state, "name", "", page)
        assert (names(found)[0], len(found["labels"])) == (first, many)
        assert (found["page"], found["pages"], found["total"], found["known"]) == (page, 3, 101, 101)
    found = label_views.labels(state, "name", "LABEL 09", 0)
    assert (found["pages"], found["total"], found["known"]) == (1, 10, 101)
    assert label_views.labels(state, "name", "none", 0)["pages"] == 0


def test_births_come_latest_first_and_silence_longest_first() -> None:
    """Thirty of each at most; how many are silent is told."""
    state = fed("m", [prediction(n, [], [f"new {n}"], at=float(n // 2)) for n in range(40)])
    births = label_views.labels(state, "name", "", 0)["births"]
    assert [each["label"] for each in births] == [f"new {n}" for n in range(39, 9, -1)]
    state = fed("m", [statistics(f"old {n:02d}", usual=0.01 + n / 1000) for n in range(40)])
    state.take(whole(1500))
    page = label_views.labels(state, "name", "old 00", 0)
    # Half a thousand messages without one of a label that comes in every 62nd message: eight were expected.
    assert page["silent_total"] == 34
    assert [each["name"] for each in page["silent"]] == [f"old {n:02d}" for n in range(39, 9, -1)]


def test_a_label_is_confused_with_what_is_predicted_instead() -> None:
    """Where it is missed, and where it is predicted falsely; nothing else predicted is an empty name."""
    state = fed(
        "m",
        [
            prediction(0, ["b"], ["a"]),
            prediction(1, ["b", "c"], ["a", "c"]),
            prediction(2, [], ["a"]),
            prediction(3, ["a"], ["d"]),
            prediction(4, ["a"], []),
            prediction(5, ["a"], ["a"]),
            prediction(6, ["a"], None),
            prediction(7, ["b"], ["c"], partition=1),
            prediction(8, ["a", "b"], ["a"]),
        ],
    )
    shown = label_views.label(state, "a")
    assert shown is not None
    assert shown["confusion"]["scored"] == 8
    assert shown["confusion"]["missed"] == [("b", 2), ("", 1)]
    assert sorted(shown["confusion"]["false"]) == [("", 1), ("d", 1)]
    assert shown["last"] == {"partition": 0, "offset": 8, "time": 0.0}
    assert [each["offset"] for each in shown["messages"]] == [8, 6, 5, 4, 3, 2, 1, 0]


def test_a_label_was_born_some_time_ago() -> None:
    """In words; where nobody saw it, nothing is said. Its first message is told, and its last."""
    state = fed("m", [prediction(3, [], ["a"], at=100.0), prediction(9, [], ["a"], at=200.0, partition=1)])
    shown = label_views.label(state, "a", now=100.0 + 7200)
    assert shown is not None
    assert shown["birth"] == {"partition": 0, "offset": 3, "time": 100.0}
    assert "2" in shown["age"]
    assert "h" in shown["age"]
    assert shown["last"] == {"partition": 1, "offset": 9, "time": 200.0}
    old = label_views.label(fed("m", [statistics("old")]), "old", now=7200.0)
    assert old is not None
    assert (old["age"], old["last"]) == (None, None)


def test_a_label_has_companions_in_its_cluster() -> None:
    """By partition, where there are clusters."""
    state = fed("m", [statistics(name, cluster=7 + (name == "d")) for name in "abcd"])
    state.take(statistics("a", 1, cluster=None))
    shown = label_views.label(state, "a")
    assert shown is not None
    assert shown["mates"] == {0: ["b", "c"]}
    assert sorted(shown["partitions"]) == [0, 1]


def test_a_label_stands_in_the_taxonomy_with_what_was_done_to_it() -> None:
    """What lies above and below by its path, and the operations that name it or make it."""
    state = fed("m", [statistics(name) for name in ("a", "a/b", "a/b/c", "a/b/d", "a/bc")])
    for offset, control in enumerate(
        [
            Control("rename", "x", ["a/b"]),
            Control("split", "a", ["b", "z"]),
            Control("retire", "a/b", []),
            Control("retire", "other", []),
        ]
    ):
        state.take(drift(offset, "taxonomy", "a", "taxonomy", action=f"done {offset}", control=control))
    state.take(drift(9, "label-rise/rates", "a/b", control=Control("retire", "a/b")))
    shown = label_views.label(state, "a/b")
    assert shown is not None
    assert shown["taxonomy"]["above"] == ["a"]
    assert shown["taxonomy"]["under"] == ["a/b/c", "a/b/d"]
    assert shown["taxonomy"]["under_total"] == 2
    assert [each["said"] for each in shown["taxonomy"]["operations"]] == ["done 0", "done 1", "done 2"]
    assert [each["offset"] for each in shown["taxonomy"]["operations"]] == [0, 1, 2]
    assert label_views.label(state, "a/b/c")["taxonomy"]["above"] == ["a", "a/b"]  # type: ignore[index]


def test_clusters_are_shown_with_their_labels() -> None:
    """The largest by their labels' messages; the changes of this partition, latest first."""
    state = fed("m", [statistics(f"l{n:02d}", count=n, cluster=n % 3) for n in range(40)])
    state.take(whole(1000, splits=[(3, 0, 1), (4, 3, 2)]))
    for offset in range(50):
        state.take(drift(offset, "clusters", "1", "structure", action="split" if offset % 10 else ""))
    state.take(drift(60, "label-rise/rates", "l01"))
    shown = label_views.clusters(state, 0)
    assert (shown["partition"], shown["partitions"], shown["total"], shown["updates"]) == (0, [0], 3, 1000)
    assert [(node, *map(int, pair)) for node, *pair in shown["splits"]] == [(3, 0, 1), (4, 3, 2)]
    assert {cluster: (each["size"], each["count"]) for cluster, each in shown["clusters"].items()} == {
        n: (len(range(n, 40, 3)), sum(range(n, 40, 3))) for n in range(3)
    }
    assert len(shown["clusters"][0]["labels"]) == label_views.MEMBERS
    assert len(shown["changes"]) == 40
    assert shown["changes"][0]["offset"] == 49
    nothing = label_views.clusters(state, 5)
    assert (nothing["total"], nothing["updates"], nothing["changes"], nothing["clusters"]) == (0, 0, [], {})


def test_no_more_clusters_are_drawn_than_can_be_seen() -> None:
    """Those with the most messages; the tree is cut down to them."""
    many = label_views.LEAVES + 3
    state = fed("m", [statistics(f"l{n}", count=1 + n, cluster=n) for n in range(many)])
    state.take(
        whole(1000, splits=[(many, 0, 1), *((many + n, many + n - 1, n + 1) for n in range(1, many - 1))])
    )
    shown = label_views.clusters(state, 0)
    assert shown["total"] == many
    assert list(shown["clusters"]) == list(range(many - 1, 2, -1))
    assert len(shown["splits"]) == label_views.LEAVES - 1
