"""What is written of labels: the right figures, at fixed places, bounded, and the same after a restart."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.core import digest
from drift.monitors import Monitors
from learners import IHOMER
from stream.encoders import Hashing
from stream.pipeline import label_statistics as label_stats
from stream.pipeline.label_statistics import LabelStatistics
from stream.pipeline.task import Task
from stream.records.schema import Output
from tests.stream.standins import EverySeventh, event, make_task, records

NOWHERE = np.zeros(0, dtype=np.intp)


def ids(*labels: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Label ids."""
    return np.array(labels, dtype=np.intp)


def written(outputs: list[Output]) -> list[dict[str, Any]]:
    """Return the label statistics among outputs."""
    return [
        json.loads(each.value or b"") | {"key": each.key} for each in outputs if each.kind == "label-stats"
    ]


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write every ten offsets."""
    monkeypatch.setattr(label_stats, "WRITTEN_EVERY", 10)


def test_the_figures_are_those_of_the_messages_before() -> None:
    """Counted by hand from predictions and truth; each label at most once, and the partition last."""
    outputs = make_task().process(records([event(number) for number in range(30)])).outputs
    ten = written(outputs)
    predictions = [json.loads(each.value or b"") for each in outputs if each.kind == "predictions"]
    last: dict[str, dict[str, Any]] = {each["label"]: each for each in ten if "label" in each}
    upto = predictions[: last["grain"]["updates"]]
    carried = [number for number, each in enumerate(upto) if "grain" in each["truth"]["labels"]]
    hits = [number for number in carried if "grain" in upto[number]["labels"]]
    assert last["grain"]["count"] == len(carried) > len(hits) == last["grain"]["hits"]
    assert last["grain"]["predicted"] == sum("grain" in each["labels"] for each in upto)
    assert (last["grain"]["first_seen"], last["grain"]["last_seen"]) == (carried[0], carried[-1])
    assert last["grain"]["key"] == b"grain"
    assert [each["key"] for each in ten].count(b"") == 2
    assert ten[-1]["watched"] == {"seven": [0.0, 7.0]}


def test_labels_are_seen_at_their_records_own_offsets() -> None:
    """Offsets have gaps, where transactions were marked or compaction passed."""
    spread = [each._replace(offset=7 * each.offset + 3) for each in records([event(n) for n in range(6)])]
    stated = written(make_task().process(spread).outputs)
    last = [each for each in stated if each.get("label") == "grain"][-1]
    carried = [n for n in range(6) if b'"grain"' in (spread[n].value or b"") and spread[n].offset < 37]
    assert last["first_seen"] == spread[carried[0]].offset
    assert last["last_seen"] in {spread[n].offset for n in carried}


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_rates_are_weighted_shares_of_the_messages(carries: list[bool]) -> None:
    """Against the sum written out."""
    statistics = LabelStatistics()
    for offset, carried in enumerate(carries):
        statistics.update(ids(0) if carried else NOWHERE, NOWHERE, offset)
    if any(carries):
        for half_life, rate in zip(
            (label_stats.SHORT_HALF_LIFE, label_stats.LONG_HALF_LIFE), statistics.rates([0])[0], strict=True
        ):
            weights = 0.5 ** (np.arange(len(carries))[::-1] / half_life)
            assert rate == pytest.approx(float(weights @ np.array(carries) / weights.sum()))


def test_no_more_than_so_many_at_a_time_and_every_label_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of labels waits; none is left out."""
    monkeypatch.setattr(label_stats, "WRITTEN_AT_ONCE", 30)
    statistics = LabelStatistics()
    statistics.update(np.arange(100), NOWHERE, 0)
    rounds = [statistics.due(NOWHERE) for _ in range(5)]
    assert [len(each) for each in rounds] == [30, 30, 30, 10, 0]
    assert sorted(label for each in rounds for label in each) == list(range(100))


def test_a_label_is_due_when_its_cluster_is_another() -> None:
    """Though it did not occur."""
    statistics = LabelStatistics()
    statistics.update(ids(0, 1), NOWHERE, 0)
    assert statistics.due(ids(4, 4)) == [0, 1]
    assert statistics.due(ids(4, 4)) == []
    assert statistics.due(ids(4, 5)) == [1]


def test_batches_and_restarts_do_not_change_a_byte() -> None:
    """At any cut, through JSON."""
    values = records([event(number) for number in range(45)])
    whole = written(make_task().process(values).outputs)
    assert whole
    for cut in (1, 10, 11, 33):
        one, other = make_task(), make_task()
        first = one.process(values[:cut]).outputs
        other.load_state(json.loads(json.dumps(one.state(), default=np.ndarray.tolist)))
        assert written([*first, *other.process(values[cut:]).outputs]) == whole
        one.process(values[cut:])
        assert digest(one.state()) == digest(other.state())


def test_predictions_say_what_they_are_made_of_and_what_was_true() -> None:
    """Weights add up, the mixture is the score, and neighbours are named by the message they are."""
    learner = IHOMER(window=20)
    pipeline = Task(Hashing(), learner, EverySeventh(), run="r", source="/s")
    outputs = pipeline.process(records([event(number) for number in range(60)])).outputs
    predictions = [json.loads(each.value or b"") for each in outputs if each.kind == "predictions"]
    assert predictions[0]["ts"] == "1970-01-01T00:00:00Z"
    assert predictions[0]["why"]["labels"] == []
    last = predictions[-1]
    assert last["truth"] == {"labels": json.loads(event(59))["labels"]}
    why = last["why"]
    check_explained(last)
    assert why["named"] == 1.0
    assert len(why["nearest"]) == 3
    for near in why["nearest"]:
        assert 39 <= near["number"] < 59
        assert near["labels"] == [
            name
            for name in learner.label_space.names()
            if name in predictions[near["number"]]["truth"]["labels"]
        ]


def check_explained(prediction: dict[str, Any]) -> None:
    """Check that predicted labels are explained, and that scores follow from what is said of them."""
    why, scores = prediction["why"], {each["label"]: each["score"] for each in prediction["scores"]}
    assert set(why["labels"]) >= set(prediction["labels"])
    for column, label in enumerate(why["labels"]):
        weights = [row[column] for row in why["weights"].values()]
        opinions = [row[column] for row in why["opinions"].values()]
        assert sum(weights) == pytest.approx(1.0, abs=0.01)
        mixed = sum(weight * opinion for weight, opinion in zip(weights, opinions, strict=True))
        assert min(1.0, mixed / why["named"]) == pytest.approx(scores[label], abs=0.01)


def test_where_labels_are_left_out_the_score_that_was_written_is_explained() -> None:
    """Corrected for what is not named it is another than the mixture's, and other labels are predicted."""
    values = [
        event(number, labels=[["odd"], ["grain"], ["odd", "grain"]][number % 3], labels_complete=False)
        for number in range(300)
    ]
    pipeline = Task(Hashing(), IHOMER(), Monitors(names=()), run="r", source="/s")
    outputs = pipeline.process(records(values)).outputs
    late = [json.loads(each.value or b"") for each in outputs if each.kind == "predictions"][200:]
    assert max(each["why"]["named"] for each in late) < 0.99
    for prediction in late:
        check_explained(prediction)


def test_incomplete_and_unknown_truth_is_written_as_such() -> None:
    """Who scores the predictions must be able to tell."""
    values = [event(0, labels=None), event(1, labels_complete=False)]
    outputs = make_task().process(records(values)).outputs
    truths = [json.loads(each.value or b"")["truth"] for each in outputs if each.kind == "predictions"]
    assert truths[0] is None
    assert truths[1]["complete"] is False
