"""Operations on the taxonomy as records: applied at their offset, told of, or refused; and nothing else."""

from __future__ import annotations

import functools
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core import digest
from learners import LabelExpansion
from learners.hierarchy.taxonomy import Taxonomy
from stream.encoders import Hashing
from stream.evaluation.prequential import evaluate
from stream.pipeline import factory as assembly
from stream.pipeline.lesson import KnownLabels
from stream.pipeline.task import Task
from stream.records.control import apply_operation
from stream.records.decoding import CONTROL_TYPE
from stream.records.schema import Control, Output, Record
from stream.records.topics import topic
from stream.snapshot import Identity, Store
from stream.sources import open_source
from stream.testing.driver import ABORT, PAUSE, SNAPSHOT, Aborted, Log, Sentinel, drive
from stream.worker.forwarding import forwarding
from stream.worker.worker import Worker
from tests.faults.exactly_once import check_as_if_uninterrupted, settings_of, uninterrupted
from tests.stream.live import LiveStream, on_a_thread, until
from tests.stream.standins import EverySeventh, Letters, make_task, records

PATHS = ("t/energy/crude", "t/energy/gas", "t/grain/wheat", "t/grain", "u")


def labelled(number: int) -> bytes:
    """Return an event with one or two label paths."""
    paths = sorted({PATHS[number % 5], PATHS[number * number % 3]})
    return json.dumps({"id": f"e{number}", "ts": number, "text": f"on {paths}", "labels": paths}).encode()


def change(kind: str, label: str, *to: str) -> bytes:
    """Return an operation as a record's value."""
    return json.dumps({"operation": kind, "label": label, "to": to}).encode()


def make_expansion(live_from: int = 0) -> Task:
    """Return a task whose labels are in a taxonomy."""
    learner = LabelExpansion(memory=20)
    return Task(Letters(), learner, EverySeventh(), run="test", source="/test", live_from=live_from)


def taxonomy(task: Task) -> Taxonomy:
    """Return a task's taxonomy."""
    space = task.model.learner.label_space
    assert isinstance(space, Taxonomy)
    return space


def written(outputs: list[Output], kind: str) -> list[dict[str, Any]]:
    """Return what was written to a topic."""
    return [json.loads(output.value or b"") for output in outputs if output.kind == kind]


def test_an_operation_applies_at_its_offset_and_is_reported() -> None:
    """Predictions before it name the old path, those after it the new one; a drift event says so."""
    task = make_expansion()
    given = [labelled(5 * number) for number in range(40)]
    outcome = task.process(records([*given, change("rename", "t/energy", "fuel"), *given]))
    (event,) = [each for each in written(outcome.outputs, "drift") if each["detector"] == "taxonomy"]
    assert (event["scope"], event["subject"], event["action"]) == (
        "structure",
        "t/energy",
        "rename t/energy: fuel",
    )
    assert event["control"] == {"operation": "rename", "label": "t/energy", "to": ["fuel"]}
    (output,) = [output for output in outcome.outputs if output.key == b"t/energy"]
    assert dict(output.headers)["ce_id"] == b"s.events/0/40/drift.0"
    named = [{one["label"] for one in each["scores"]} for each in written(outcome.outputs, "predictions")]
    assert all("t/fuel" not in names for names in named[:40])
    assert all("t/energy" not in names and "t/fuel/crude" in names for names in named[40:])


def test_what_was_predicted_by_then_says_so() -> None:
    """An operation is part of what a model was made from: of its digest and of `trained_through`."""
    values = [labelled(0), labelled(1), labelled(2)]
    plain = written(make_expansion().process(records(values)).outputs, "predictions")
    values[2:2] = [change("add", "v")]
    changed = written(make_expansion().process(records(values)).outputs, "predictions")
    assert changed[:2] == plain[:2]
    assert changed[2]["trained_through"] == [{"topic": "s.events", "partition": 0, "offset": 2}]
    assert changed[2]["model"]["updates"] == plain[2]["model"]["updates"]
    assert changed[2]["model"]["digest"] != plain[2]["model"]["digest"]


REFUSED = {
    "unknown operation": (b'{"operation": "marry", "label": "u"}', "value", "there are add, split"),
    "bad path": (change("retire", "t/nowhere"), "control", "no label 't/nowhere'. Add it first"),
    "cycle": (change("move", "t", "t/energy"), "control", "'t/energy' is 't' or lies under it"),
    "wrong number": (change("merge", "u"), "control", "merge and rename one"),
    "taken": (change("rename", "t/energy", "grain"), "control", "Merge 't/energy' into it"),
    "no operation": (b'{"label": "u"}', "schema", "missing required field `operation`"),
    "tombstone": (None, "tombstone", "the value is null"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_operation_is_a_dead_letter_and_changes_nothing(name: str) -> None:
    """Its bytes intact, with the reason; the stream goes on as if it had not come."""
    value, reason, detail = REFUSED[name]
    given = records([labelled(number) for number in range(30)])
    bad = Record("s.events", 0, 20, 0, b"k", value, (("ce_type", CONTROL_TYPE),))
    rest = [record._replace(offset=record.offset + 1) for record in given[20:]]
    task, undisturbed = make_expansion(), make_expansion()
    outputs = task.process([*given[:20], bad, *rest]).outputs
    undisturbed.process([*given[:20], *rest])
    (letter,) = [output for output in outputs if output.kind == "dlq"]
    headers = dict(letter.headers)
    assert (letter.key, letter.value, headers["ithaca_reason"]) == (b"k", value, reason.encode())
    assert detail in headers["ithaca_detail"].decode()
    assert (task.dead_letters, len(written(outputs, "predictions"))) == (1, 30)
    assert digest(task.state() | {"dead_letters": 0}) == digest(undisturbed.state())


def test_a_learner_without_a_taxonomy_refuses() -> None:
    """And says which learner has one."""
    outputs = make_task().process(records([change("add", "t/energy"), labelled(0)])).outputs
    assert [output.kind for output in outputs] == ["dlq", "predictions"]
    assert b"LabelPriors keeps its labels in no taxonomy" in dict(outputs[0].headers)["ithaca_detail"]


def test_labels_in_data_are_put_where_operations_left_their_path() -> None:
    """Under a renamed label by its old path too; a path below a retired label counts for what is above."""
    task = make_expansion()
    changes = [change("rename", "t/energy", "fuel"), change("retire", "t/grain")]
    task.process(records([labelled(0), labelled(2), *changes]))
    event = {"id": "9", "ts": 0, "text": "x", "labels": ["t/energy/coal", "t/grain/rye", "v/w"]}
    task.process([records([json.dumps(event).encode()])[0]._replace(offset=4)])
    live = taxonomy(task).shape().live
    names = [name for name, alive in zip(taxonomy(task).names(), live.tolist(), strict=True) if alive]
    assert set(names) >= {"t/fuel/coal", "v", "v/w"}
    assert not [name for name in names if "rye" in name or "energy" in name]


NAMES = st.sampled_from(["t", "energy", "crude", "u"])
ANY_PATH = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CHANGES = st.one_of(
    st.builds(change, st.sampled_from(["add", "retire", "move"]), ANY_PATH | st.sampled_from(PATHS)),
    st.builds(
        change,
        st.sampled_from(["split", "move", "merge"]),
        ANY_PATH | st.sampled_from(PATHS),
        ANY_PATH | st.sampled_from(PATHS),
    ),
    st.builds(change, st.sampled_from(["split", "rename"]), st.sampled_from(PATHS), NAMES),
)
STREAMS = st.lists(st.integers(0, 40).map(labelled) | CHANGES, max_size=40)
CUTS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from([ABORT, PAUSE, SNAPSHOT])), max_size=6)


def driven(entries: list[Record | Sentinel], batch: int) -> tuple[Task, Log]:
    """Drive a log to its end, with snapshots, starting again after every crash."""
    place = f"memory://{uuid.uuid4().hex}"
    log, store = Log(entries), Store(place, "group", Identity("s.events", "id", 0, "0" * 12))
    while True:
        try:
            return drive(log, make_expansion, batch, store), log
        except Aborted:
            continue


@settings(max_examples=60)
@given(STREAMS, CUTS, st.integers(1, 20))
def test_operations_among_events_end_the_same_however_they_are_cut(
    values: list[bytes], cuts: list[tuple[int, Sentinel]], batch: int
) -> None:
    """Batches of any size, crashes and snapshots anywhere: the same bytes, the same state, none lost."""
    given = records(values)
    entries: list[Record | Sentinel] = []
    for position in range(len(given) + 1):
        entries += [sentinel for place, sentinel in cuts if place == position]
        entries += given[position : position + 1]
    expected, undisturbed = driven(list(given), batch=1000)
    task, log = driven(entries, batch)
    assert log.outputs == undisturbed.outputs
    assert digest(task.state()) == digest(expected.state())
    answered = [
        output for output in log.outputs if output.kind != "drift" or b"taxonomy" in (output.value or b"")
    ]
    assert len(answered) == len(given)
    assert digest(taxonomy(task).state()) == digest(taxonomy(expected).state())


def test_an_evaluation_applies_operations_and_tells_of_those_it_cannot(tmp_path: Path) -> None:
    """They stand in the file as on the topic; a learner without a taxonomy goes on without."""
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"\n".join([*map(labelled, range(20)), change("merge", "u", "t"), labelled(4)]))
    learners = {"expansion": LabelExpansion(), "flat": LabelExpansion(hierarchy=False)}
    report, _, problems, _ = evaluate(open_source(path), learners, encoder=Hashing(64))
    assert (report.messages, report.labels, list(problems)) == (21, 7, [])
    task = make_task()
    found = evaluate(open_source(path), {"priors": task.model.learner}, encoder=Hashing(64)).problems
    (problem,) = found
    assert problem.startswith("priors did not merge u: t: LabelPriors keeps its labels in no taxonomy")


@pytest.mark.kafka
def test_operations_on_their_topic_reach_every_partition_in_one_order(kafka: str, stream_name: str) -> None:
    """Each once, bytes intact; every partition grows as it would have in one go, and tells of it."""
    live = LiveStream(kafka, stream_name, partitions=3, environment={"ITHACA_LEARNER__NAME": "expansion"})
    changes = [change("add", "v/w"), change("rename", "t/energy", "fuel"), b"{", change("move", "v", "t")]
    for partition in range(3):
        live.fill([labelled(number + partition) for number in range(60)], partition)
    run = settings_of(live)
    worker = Worker(run, functools.partial(assembly.make_task, run))
    with on_a_thread(worker), forwarding(run, worker.ending):
        until(lambda: len(live.read("predictions")) == 180)
        live.fill(changes, kind="control")
        until(lambda: len(_forwarded(live)) == 12)
        for partition in range(3):
            live.fill([labelled(number) for number in range(60)], partition)
        until(lambda: len(live.read("predictions")) == 360)
    for partition in range(3):
        copies = [record for record in _forwarded(live) if record.partition == partition]
        assert [copy.value for copy in copies] == changes
        assert [dict(copy.headers)["ithaca_origin"] for copy in copies] == [
            f"{topic(stream_name, 'control')}/0/{offset}".encode() for offset in range(4)
        ]
        grown = taxonomy(uninterrupted(live, partition=partition)[0])
        assert {"t/v/w", "t/fuel"} <= {grown.name(label) for label in grown.under([grown.id("t")])}
    drift = [json.loads(record.value or b"") for record in live.read("drift")]
    assert sum(each["detector"] == "taxonomy" for each in drift) == 9
    assert [dict(letter.headers)["ithaca_reason"] for letter in live.read("dlq")] == [b"json"] * 3
    check_as_if_uninterrupted(live)


def _forwarded(live: LiveStream) -> list[Record]:
    return [record for record in live.read("events") if "ithaca_origin" in dict(record.headers)]


def partial(number: int, *labels: str, negative: tuple[str, ...] = (), text: str | None = None) -> bytes:
    """Return a partly labelled event as a record's value; without a text, feedback on it."""
    fields: dict[str, Any] = {"id": f"e{number}", "ts": number, "labels": labels, "not": negative}
    return json.dumps(fields | {"labels_complete": False} | ({"text": text} if text else {})).encode()


def test_feedback_under_another_name_is_about_the_same_label() -> None:
    """What two records say is compared by what they mean after a rename, which one of them may not know."""
    task = make_expansion()
    task.process(records([partial(number, "t/energy/crude", text="oil") for number in range(3)]))
    changes = [
        change("rename", "t/energy", "fuel"),
        partial(0, "t/fuel/crude"),
        partial(1, negative=("t/fuel/crude",)),
        partial(2, "t/energy/coal"),
        partial(2, "t/fuel/coal", "t/energy/coal"),
        change("rename", "t/fuel/coal", "lignite"),
        partial(2, negative=("t/energy/coal",)),
    ]
    given = records([b"{}"] * 3 + changes)[3:]
    outcome = task.process(given)
    statistics = task.feedback.statistics()
    assert not outcome.dead_letters
    assert (statistics.duplicate, statistics.extended, statistics.corrected) == (2, 1, 2)
    known = {name: entry.known for name, entry in task.feedback._entries.items()}
    assert known["e1"] == KnownLabels((), ("t/fuel/crude",))
    assert known["e2"] == KnownLabels(("t/fuel/crude",), ("t/fuel/lignite",))


def test_the_statistic_of_an_operation_is_how_many_labels_it_made() -> None:
    """Not how many there are: those that were known before do not count."""
    learner = LabelExpansion()
    made = [
        apply_operation(learner, Control("add", path)).statistic
        for path in ("t/energy/crude", "t/energy/gas", "t/energy/gas", "u")
    ]
    assert made == [3.0, 1.0, 0.0, 1.0]
    split = apply_operation(learner, Control("split", "u", ["v", "w"]))
    assert (split.statistic, split.scope, split.subject) == (2.0, "structure", "u")
