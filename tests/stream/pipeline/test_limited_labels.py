"""Labels that leave a learner: what is kept of them, and that nothing is taken for another label's."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from drift.core import digest
from drift.monitors import Monitors
from learners import make
from learners.uncertainty import Conformal
from stream.config import Settings
from stream.encoders import Hashing
from stream.pipeline import make_answerer, make_replica
from stream.pipeline.task import Task
from stream.records.schema import Output, Record
from tests.stream.standins import records


def task(max_labels: int, learner: str = "ihomer") -> Task:
    """Return a task whose learner holds so many labels."""
    return Task(
        Hashing(dimensions=32),
        make(learner, max_labels=max_labels),
        Monitors(),
        run="r",
        source="/s",
        confidence=Conformal(),
    )


def event(number: int, labels: list[str] | None, text: str = "") -> dict[str, Any]:
    """Return an event."""
    return {"id": str(number), "ts": number, "text": text or f"event {number}", "labels": labels}


def stream(messages: int) -> list[Record]:
    """Return events of which two labels follow from the text, and one is never seen again."""
    given = [
        event(n, [("even" if n % 2 else "odd"), f"once {n}"], f"{'even' if n % 2 else 'odd'} number")
        for n in range(messages)
    ]
    return records([json.dumps(each).encode() for each in given])


def of_kind(outputs: list[Output], kind: str) -> list[dict[str, Any]]:
    """Return the values of one kind of output."""
    return [json.loads(each.value or b"") for each in outputs if each.kind == kind]


def test_what_is_written_names_the_labels_of_the_prediction() -> None:
    """Learning from the event itself gives ids to other labels: the names are those from before."""
    limited = task(3)
    for each in of_kind(limited.process(stream(300)).outputs, "predictions"):
        named = json.dumps([each["labels"], each["scores"], each["why"], each["confidence"]])
        assert f'once {each["id"]}"' not in named
        assert int(each["id"]) < 50 or ("even" if int(each["id"]) % 2 else "odd") in each["labels"]
    assert len(limited.model.learner.label_space) == 3


def test_a_late_truth_is_not_scored_against_the_id_of_a_label_that_left() -> None:
    """The prediction waits; meanwhile its label leaves, and another one gets the id."""
    waits = task(2, "knn")
    waits.process(records([json.dumps(event(n, ["a"], "same")).encode() for n in range(5)]))
    waits.process(at(5, [event(90, None, "same")]))
    waits.process(at(6, [event(n, ["b"], "else") for n in range(100, 130)]))
    waits.process(at(36, [event(n, ["c"], "else") for n in range(130, 190)]))
    space = waits.model.learner.label_space
    assert "a" not in space
    hits = waits.observer.scores.counts()[1].hits
    # The id that "a" had is now that of "c".
    waits.process(at(96, [{"id": "90", "ts": 999, "labels": ["c"]}]))
    assert waits.observer.scores.counts()[1].hits == hits


def at(offset: int, values: list[dict[str, Any]]) -> list[Record]:
    """Return records from an offset on."""
    return [
        each._replace(offset=offset + n)
        for n, each in enumerate(records([json.dumps(v).encode() for v in values]))
    ]


def test_a_label_that_returns_is_no_birth_and_goes_on_with_its_counts() -> None:
    """Alarms of new labels do not repeat, and the label's record goes on where it was."""
    learned, restored = task(8), task(8)
    words = [f"label {n}" for n in range(24)]
    # Each label on ten messages in a row, eight labels at a time, and all of them three times.
    given = [event(n, [words[(n // 80 * 8 + n % 8) % 24]]) for n in range(720)]
    stored = records([json.dumps(each).encode() for each in given])
    outputs = learned.process(stored[:400]).outputs
    restored.load_state(learned.state())
    rest = learned.process(stored[400:]).outputs
    assert restored.process(stored[400:]).outputs == rest
    assert digest(restored.state()) == digest(learned.state())
    space = learned.model.learner.label_space
    assert space.left >= 48
    assert learned.observer.monitors.state()["monitors"]["births"]["count"] == 24
    for label, name in enumerate(space.names()):
        carried = [n for n, each in enumerate(given) if each["labels"] == [name]]
        assert learned.observer.scores.per_label([label])[0][2] == len(carried) == space.count(label)
        assert learned.observer.label_statistics.seen(label) == (carried[0], carried[-1])
    alarms = of_kind([*outputs, *rest], "drift")
    new = [each["subject"] for each in alarms if each["detector"] == "label-new/rates"]
    assert len(new) == len(set(new))
    assert np.isfinite(learned.observer.scores.summary().macro_f1)


def reasons(outputs: list[Output]) -> list[bytes]:
    """Return the reasons of dead letters."""
    return [dict(each.headers)["ithaca_reason"] for each in outputs if each.kind == "dlq"]


def test_more_labels_than_are_held_are_a_dead_letter() -> None:
    """The learner has not failed, so nothing is restored: the model is as if the record had not come."""
    given = [event(n, ["a", "b", "c"] if n % 2 else ["a"]) for n in range(10)]
    limited, other = task(2), task(2)
    outputs = limited.process(records([json.dumps(each).encode() for each in given])).outputs
    other.process(records([json.dumps(each).encode() for each in given[::2]]))
    assert reasons(outputs) == [b"limit"] * 5
    assert len(of_kind(outputs, "predictions")) == 5
    assert limited.model.state_digest() == other.model.state_digest()


def test_a_record_of_two_lessons_is_learned_whole_or_not() -> None:
    """The second, of what feedback said before the event, would not fit."""
    said = {"id": "1", "ts": 0, "labels": ["a", "b"], "labels_complete": False}
    own = event(1, ["c"]) | {"labels_complete": False}
    limited = task(2)
    before = limited.model.digest
    outputs = limited.process(records([json.dumps(each).encode() for each in (said, own)])).outputs
    assert reasons(outputs) == [b"limit"]
    assert (limited.model.updates, limited.model.digest) == (0, before)


def test_an_operation_without_room_is_a_dead_letter() -> None:
    """Its reason is that of all operations that the taxonomy does not allow."""
    limited = task(2, "expansion")
    given = [{"operation": "add", "label": name} for name in ("a", "b", "c")]
    outputs = limited.process(records([json.dumps(each).encode() for each in given])).outputs
    assert reasons(outputs) == [b"control"]
    assert limited.model.learner.label_space.names() == ["a", "b"]


def test_more_labels_than_a_replica_holds_are_a_dead_letter() -> None:
    """Of the lesson; the replica goes on."""
    settings = Settings.model_validate({"stream": "s", "learner": {"name": "priors", "parameters": {}}})
    replica = make_replica(settings)
    replica.model.learner.label_space.limit = 2
    answerer = make_answerer(settings, lambda: replica)
    given = [event(n, ["a", "b", "c"] if n % 2 else ["a"]) for n in range(4)]
    written = answerer.process(records([json.dumps(each).encode() for each in given])).outputs
    lessons = [each.value for each in written if each.kind == "lessons"]
    assert reasons(replica.process(records(lessons, topic="s.lessons")).outputs) == [b"limit"] * 2
    assert replica.model.updates == 2


def test_what_a_replica_counted_of_a_label_that_left_is_not_the_next_ones() -> None:
    """Scores and statistics follow the label space; who answers counts each lesson once."""
    learner = {"name": "linear", "parameters": {"max_labels": 2}}
    settings = Settings.model_validate({"stream": "s", "learner": learner})
    replica = make_replica(settings)
    answerer = make_answerer(settings, lambda: replica)
    for n, label in enumerate(["a"] * 5 + ["b", "c"]):
        written = answerer.process(at(n, [event(n, [label])])).outputs
        lesson = next(each.value for each in written if each.kind == "lessons")
        replica.process([each._replace(offset=n) for each in records([lesson], topic="s.lessons")])
    assert answerer.updates == 7
    space, scores = replica.model.learner.label_space, replica.observer.scores
    assert (space.left, "c" in space) == (1, True)
    assert scores.per_label([space.id("c")])[0][2] == 1
    assert replica.observer.label_statistics.seen(space.id("c")) == (6, 6)


def test_the_lessons_of_one_record_have_ids_of_their_own() -> None:
    """An event that feedback came before teaches twice, and the second is no copy of the first."""
    settings = Settings.model_validate({"stream": "s", "learner": {"name": "priors"}})
    replica = make_replica(settings)
    answerer = make_answerer(settings, lambda: replica)
    said = {"id": "1", "ts": 0, "labels": ["a"], "labels_complete": False}
    outcome = answerer.process(at(0, [said, event(1, ["c"]) | {"labels_complete": False}]))
    ids = [dict(each.headers)["ce_id"] for each in outcome.outputs if each.kind == "lessons"]
    assert ids == [b"s.events/0/1/lesson.0", b"s.events/0/1/lesson.1"]
    assert outcome.next_offset == answerer.next_offset == 2
