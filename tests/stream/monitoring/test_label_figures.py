"""Figures of a label over all partitions, against plain sums over its records."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.monitoring.label_figures import SAMPLE, Birth, Labels
from stream.pipeline import SHORT_HALF_LIFE
from stream.records.label_records import LabelRecord

shares = st.floats(0.0, 1.0)
RECORD = LabelRecord(
    label="d",
    count=1,
    predicted=1,
    hits=1,
    f1=1.0,
    first_seen=0,
    last_seen=3,
    rate=0.1,
    usual=0.1,
    cluster=None,
    updates=1,
)


@st.composite
def label_records(draw: st.DrawFn) -> LabelRecord:
    """Return a label's record of a partition."""
    hits, only_true, only_predicted = (draw(st.integers(0, 9)) for _ in range(3))
    return LabelRecord(
        label="a",
        count=hits + only_true,
        predicted=hits + only_predicted,
        hits=hits,
        f1=0.0,
        first_seen=draw(st.integers(-1, 9)),
        last_seen=draw(st.integers(0, 99)),
        rate=draw(shares),
        usual=draw(shares),
        cluster=draw(st.none() | st.integers(0, 3)),
        updates=draw(st.integers(0, 500)),
    )


@given(
    st.lists(st.tuples(st.integers(0, 2), label_records()), min_size=1, max_size=8),
    st.dictionaries(st.integers(0, 2), st.integers(0, 600)),
    st.dictionaries(st.integers(0, 2), st.integers(0, 600)),
)
def test_figures_are_plain_sums_over_the_latest_records(
    taken: list[tuple[int, LabelRecord]], updates: dict[int, int], seen: dict[int, int]
) -> None:
    """Rates weigh by the partitions' messages, and fade where the label was not seen since."""
    labels, times, means = Labels(), [], []
    latest: dict[int, LabelRecord] = {}
    heard: dict[int, int] = {}
    for partition, record in taken:
        labels.take(partition, record)
        if partition not in latest or latest[partition].last_seen != record.last_seen:
            heard[partition] = record.updates
        latest[partition] = record
        learned = [(each.rate, each.updates) for each in latest.values()]
        times.append(record.last_seen)
        means.append(
            sum(rate * weight for rate, weight in learned) / max(1, sum(weight for _, weight in learned))
        )
    for partition, at in seen.items():
        labels.seen("a", Birth(partition, 0, None), at)
    (found,) = labels.figures(updates)
    total = sum(updates.values())
    weight = {each: updates.get(each, 0) / total if total else 1.0 for each in latest}
    later = {
        each: max(0, updates.get(each, 0) - record.updates) * (seen.get(each, 0) <= record.updates)
        for each, record in latest.items()
    }
    assert (found.occurrences, found.predicted, found.hits) == tuple(
        sum(getattr(each, name) for each in latest.values()) for name in ("count", "predicted", "hits")
    )
    either = found.occurrences + found.predicted
    assert found.f1 == pytest.approx(2 * found.hits / either if either else 0.0)
    fading = {each: latest[each].rate * 0.5 ** (later[each] / SHORT_HALF_LIFE) for each in latest}
    assert found.rate == pytest.approx(sum(weight[each] * fading[each] for each in latest))
    assert found.usual == pytest.approx(sum(weight[each] * latest[each].usual for each in latest))
    quiet = {each: max(0, updates.get(each, 0) - max(heard[each], seen.get(each, 0))) for each in latest}
    assert found.silent == pytest.approx(sum(latest[each].usual * quiet[each] for each in latest))
    deviation = math.sqrt(max(found.usual, 1 / SAMPLE) / SAMPLE)
    assert found.change == pytest.approx((found.rate - found.usual) / deviation)
    assert found.clusters == {
        each: record.cluster for each, record in latest.items() if record.cluster is not None
    }
    history = list(labels["a"].history)
    assert [time for time, _ in history] == times
    assert [rate for _, rate in history] == pytest.approx(means)


def test_a_label_that_is_predicted_and_does_not_occur_falls_silent() -> None:
    """Its record is written again, and says nothing of an occurrence."""
    labels = Labels()
    for predicted, updates in ((0, 100), (3, 400), (5, 700)):
        record = LabelRecord(
            label="a", count=9, predicted=predicted, hits=0, f1=0.0, first_seen=1, last_seen=90, rate=0.01,
            usual=0.1, cluster=None, updates=updates,
        )  # fmt: skip
        labels.take(0, record)
    (found,) = labels.figures({0: 700})
    assert found.silent == pytest.approx(0.1 * 600)


def test_a_label_was_born_where_it_was_seen_first() -> None:
    """A record moves its birth back, on the same partition; else the time that is known stays."""
    labels = Labels()
    assert labels.seen("a", Birth(1, 5, 50.0))

    def born(partition: int, first_seen: int) -> Birth | None:
        record = LabelRecord(
            label="a", count=1, predicted=0, hits=0, f1=0.0, first_seen=first_seen, last_seen=9, rate=0.1,
            usual=0.1, cluster=None, updates=1,
        )  # fmt: skip
        labels.take(partition, record)
        return labels["a"].birth

    for partition, first_seen in ((1, 5), (1, 6), (1, -1), (0, 2)):
        assert born(partition, first_seen) == Birth(1, 5, 50.0)
    assert born(1, 0) == Birth(1, 0, None)
    assert not labels.seen("a", Birth(1, 7, 70.0))
    assert dict(labels.births()) == {"a": Birth(1, 0, None)}


def test_labels_of_a_cluster_come_by_their_counts() -> None:
    """Of one partition; of equally frequent ones the first in the alphabet."""
    labels = Labels()
    for name, count, cluster in (("b", 2, 7), ("c", 5, 7), ("a", 2, 7), ("d", 9, 1), ("e", 9, None)):
        record = LabelRecord(
            label=name, count=count, predicted=0, hits=0, f1=0.0, first_seen=0, last_seen=9, rate=0.1,
            usual=0.1, cluster=cluster, updates=1,
        )  # fmt: skip
        labels.take(3, record)
    found = {cluster: [each.name for each in group] for cluster, group in labels.of_cluster(3).items()}
    assert found == {7: ["c", "a", "b"], 1: ["d"]}
    assert labels.of_cluster(0) == {}


def test_of_labels_without_end_those_heard_of_last_are_kept() -> None:
    """Whether a message had them or a record told of them; one that is back is new, and all are in order."""
    labels = Labels(kept=3)
    for number, name in enumerate("abc"):
        assert labels.seen(name, Birth(0, number, None))
    assert not labels.seen("a", Birth(0, 3, None))
    labels.take(0, RECORD)
    assert (list(labels), "b" in labels) == (["a", "c", "d"], False)
    assert labels.seen("e", Birth(0, 4, None))
    assert list(labels) == ["a", "d", "e"]
    assert labels.seen("c", Birth(0, 5, None))
    assert [name for name, _ in labels.births()] == list(labels) == ["d", "e", "c"]
    for number in range(100):
        labels.seen(f"other {number}", Birth(0, number, None))
        labels.seen("d", Birth(0, number, None))
    assert list(labels) == ["d", "other 98", "other 99"]
    assert labels["d"].birth == Birth(0, 0, None)
