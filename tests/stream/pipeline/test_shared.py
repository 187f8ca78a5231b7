"""One model for all partitions: equal replicas, whoever answers, and lockstep as its limit."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core import digest
from learners.core import Features, LabelSpace, Prediction, Sparse, given_part
from learners.dummy.priors import LabelPriors
from learners.hierarchy.expansion import LabelExpansion
from learners.linear_model.logistic import AdaptiveLogisticRegression
from learners.uncertainty.conformal import Confidence, Conformal
from stream.config.settings import Settings
from stream.pipeline.factory import make_answerer, make_replica
from stream.pipeline.lesson import KnownLabels, Lesson
from stream.pipeline.model import Model
from stream.pipeline.observer import Observer
from stream.pipeline.outcome import DivergedError, LearnerError
from stream.pipeline.shared import Replica, SharedAnswerer, lesson_record, read_lesson
from stream.pipeline.task import Task
from stream.records.lessons import CheckpointRecord, LessonRecord, OperationRecord, decode_lesson
from stream.records.schema import BadEventError, Output, Position, Record, encode
from stream.testing.fleet import Fleet
from tests.stream.standins import EverySeventh, Fragile, Letters, event, feedback, records

SOURCE = Position("s.events", 0, 7)


def make(partition: int, replica: Callable[[], Replica]) -> SharedAnswerer:
    """Return what answers a partition."""
    del partition
    return SharedAnswerer(Letters(), replica, run="test", source="/test")


def fresh() -> Replica:
    """Return a replica that has learned nothing."""
    model = Model(AdaptiveLogisticRegression(), Conformal(0.7, 0.4), "letters")
    return Replica(model, Observer(EverySeventh()), source="/test")


def partitions(values: Sequence[bytes], count: int) -> dict[int, list[Record]]:
    """Return values as the events of partitions, in turn."""
    return {each: records(values[each::count], partition=each) for each in range(count)}


def fleet(values: Sequence[bytes], count: int) -> Fleet:
    """Return a fleet over partitions that hold values in turn."""
    return Fleet(partitions(values, count), fresh, make)


def predicted(outputs: Sequence[Output]) -> list[str]:
    """Return the ids of the predictions."""
    return [json.loads(each.value or b"")["id"] for each in outputs if each.kind == "predictions"]


def taught(lessons: Sequence[Record]) -> list[tuple[int, int]]:
    """Return where the lessons come from."""
    shared = [decode_lesson(each.value) for each in lessons]
    return [
        (each.source.partition, each.source.offset)
        for each in shared
        if isinstance(each, LessonRecord | OperationRecord)
    ]


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 9), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_whoever_answers_all_replicas_are_equal(count: int, batch: int, crews: list[int]) -> None:
    """Workers come and go: each event is answered and taught once, and replicas equal a lone reader's."""
    values = [event(number) for number in range(60)]
    driven = fleet(values, count)
    for workers in crews:
        driven.share([f"w{number}" for number in range(workers)])
        driven.run(batch, events=len(values) // len(crews))
    driven.run(batch)
    assert sorted(predicted(driven.outputs)) == sorted(f"e{number}" for number in range(60))
    assert sorted(taught(driven.lessons)) == sorted(
        (each.partition, each.offset) for some in partitions(values, count).values() for each in some
    )
    alone = fresh()
    alone.process(driven.lessons)
    for replica in driven.replicas.values():
        assert digest(replica.state()) == digest(alone.state())


def test_with_one_partition_and_batches_of_one_it_is_lockstep() -> None:
    """The same labels are predicted, and the model is the same, as if it were the partition's own."""
    values = [event(number) for number in range(80)]
    driven = fleet(values, 1)
    driven.share(["w"])
    driven.run(1)
    task = Task(
        Letters(),
        AdaptiveLogisticRegression(),
        EverySeventh(),
        run="test",
        source="/test",
        confidence=Conformal(0.7, 0.4),
    )
    outcome = task.process(records(values))
    alike = ("labels", "scores", "confidence", "model")
    assert [{name: json.loads(each.value or b"").get(name) for name in alike} for each in driven.outputs] == [
        {name: json.loads(each.value or b"").get(name) for name in alike}
        for each in outcome.outputs
        if each.kind == "predictions"
    ]
    assert digest(task.model.state()) == digest(
        driven.replicas["w"].model.state() | {"trained_through": {"s.events": 79}}
    )


def test_feedback_is_one_lesson_with_what_was_predicted() -> None:
    """An event without labels teaches nothing until feedback joins it; then it does so once."""
    values = [event(n, labels=None) for n in range(10)] + [feedback(n) for n in range(10)] + [feedback(3)]
    driven = fleet(values, 1)
    driven.share(["w"])
    driven.run(4)
    assert taught(driven.lessons) == [(0, offset) for offset in range(10, 20)]
    lessons = [decode_lesson(each.value) for each in driven.lessons]
    assert all(isinstance(each, LessonRecord) and each.predicted is not None for each in lessons)
    assert [each.unlabelled for each in lessons if isinstance(each, LessonRecord)] == [10] + [0] * 9
    assert driven.replicas["w"].observer.scores.summary().messages == 10


def test_a_worker_that_takes_over_goes_on_with_what_waits_for_feedback() -> None:
    """The new owner takes in silently what was answered, so that feedback still finds its event."""
    values = [event(n, labels=None) for n in range(10)] + [feedback(n) for n in range(10)]
    driven = fleet(values, 1)
    driven.share(["first"])
    driven.run(5, events=10)
    driven.share(["second"])
    driven.run(5)
    assert predicted(driven.outputs) == [f"e{n}" for n in range(10)]
    assert driven.replicas["second"].observer.scores.summary().messages == 10


def test_operations_reach_every_replica_once_and_in_their_place() -> None:
    """A rename is a record of the lessons log; one that is not allowed is a dead letter there."""
    rename = b'{"operation": "rename", "label": "grain", "to": ["cereal"]}'
    retire = b'{"operation": "retire", "label": "no such label"}'
    values = [*(event(n) for n in range(20)), rename, retire, *(event(n) for n in range(20))]

    def expanding() -> Replica:
        model = Model(LabelExpansion(), None, "letters")
        return Replica(model, Observer(EverySeventh()), source="/test")

    driven = Fleet(partitions(values, 2), expanding, make)
    driven.share(["one", "other"])
    driven.run(3)
    one, other = driven.replicas.values()
    assert digest(one.state()) == digest(other.state())
    assert "cereal" in one.model.learner.label_space
    owner = expanding()
    outcome = owner.process(driven.lessons)
    assert outcome.dead_letters == ["control"]
    assert [each.kind for each in outcome.outputs].count("dlq") == 1


def test_a_lesson_at_which_the_learner_throws_is_left_out_by_all() -> None:
    """The error names the lesson; made anew with it refused, a replica goes on, and so does any other."""
    values = [event(n) for n in range(5)] + [event(5, text="u" * 30)] + [event(n) for n in range(6, 12)]

    def fragile() -> Replica:
        model = Model(Fragile(50.0), None, "letters")
        return Replica(model, Observer(EverySeventh()), source="/test")

    driven = Fleet(partitions(values, 1), fragile, make)
    driven.share(["w"])
    with pytest.raises(LearnerError) as caught:
        driven.run(12)
    replica = fragile()
    replica.refused = {caught.value.offset: caught.value.detail}
    outcome = replica.process(driven.lessons)
    assert (replica.updates, outcome.dead_letters) == (11, ["learner"])


def test_what_comes_of_lessons_is_written_from_live_from_on() -> None:
    """A replica that learns silently to where its owner was writes the rest, as the owner would have."""
    driven = fleet([event(n) for n in range(600)], 2)
    driven.share(["w"])
    driven.run(10)
    whole = fresh().process(driven.lessons).outputs
    late = fresh()
    late.live_from = 300
    late.process(driven.lessons[:290])
    kept = fresh()
    kept.live_from = 300
    kept.load_state(late.state())
    rest = kept.process(driven.lessons[290:]).outputs
    assert rest == whole[-len(rest) :]
    assert 0 < len(rest) < len(whole)
    assert {each.kind for each in whole} == {"drift", "label-stats"}


names = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=5), max_size=5, unique=True)


@given(
    names,
    st.none() | names,
    st.lists(st.floats(width=32, allow_nan=False), max_size=20),
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=15),
    st.booleans(),
    st.booleans(),
)
def test_a_lesson_is_read_as_it_was_written(
    labels: list[str],
    negative: list[str] | None,
    values: list[float],
    scores: list[float],
    judged: bool,
    sparse: bool,
) -> None:
    """To the bit: vector, what is known, and what was predicted."""
    space = LabelSpace(f"label {number}" for number in range(len(scores)))
    scored = np.array(scores, np.float32)
    prediction = Prediction(np.flatnonzero(scored > 0.5), scored)
    best, kept = prediction.best(10)
    confidence = Confidence(best, kept, min(2, len(best)), True, 0.25) if judged else None
    absent = None if negative is None else tuple(name for name in negative if name not in labels)
    known = KnownLabels(tuple(labels), absent)
    x = np.array(values, np.float32)
    if sparse:
        x = Features(x, Sparse(np.arange(1, 3, dtype=np.int32), np.array([0.6, 0.8], np.float32)))
    lesson = Lesson(x, prediction, known, b"f" * 16, 3, confidence, "text")
    read = read_lesson(_through(lesson_record(lesson, SOURCE, space, 4)), space)
    np.testing.assert_array_equal(read.x, lesson.x)
    for one, other in zip(given_part(read.x) or (), given_part(lesson.x) or (), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (read.known, read.fingerprint, read.delay, read.text) == (known, b"f" * 16, 3, "text")
    assert read.prediction is not None
    assert read.prediction.labels.tolist() == prediction.labels.tolist()
    assert read.prediction.best(10)[1].tolist() == kept.tolist()
    assert (read.confidence is None) is not judged
    if read.confidence is not None and confidence is not None:
        assert (read.confidence.size, read.confidence.sureness) == (confidence.size, confidence.sureness)


def test_a_replica_compares_itself_where_both_have_a_digest() -> None:
    """Of the same lesson and the same settings; whoever came later begins with the next one."""

    def announced(replica: Replica, at: int, digest: str, configuration: str = "") -> None:
        said = encode(CheckpointRecord(configuration=configuration, at=at, digest=digest))
        replica.process([Record("s.lessons", 0, replica.next_offset, 0, None, said)])

    replica = fresh()
    announced(replica, -1, "")
    assert replica.checkpoint == [0, replica.model.state_digest()]
    announced(replica, 0, replica.checkpoint[1])
    # The owner's last one was another lesson, or its model is another by its settings.
    announced(replica, 0, "other")
    announced(replica, 2, "other", "other")
    assert replica.checkpoint[0] == 2
    with pytest.raises(DivergedError, match="at lesson 2 its digest is"):
        announced(replica, 2, "other")
    newcomer = fresh()
    announced(newcomer, -1, "other")
    assert newcomer.checkpoint[0] == 0


def test_what_no_worker_wrote_is_refused() -> None:
    """A stray record on the lessons topic is named as what it is."""
    with pytest.raises(BadEventError, match="no lesson"):
        decode_lesson(b'{"id": 1}')


def test_an_encoder_with_places_of_its_own_is_refused() -> None:
    """Equal events would have unlike vectors; the error says what to set."""
    chosen = Settings.model_validate({"encoder": {"name": "dense"}, "model": {"scope": "stream"}})
    with pytest.raises(ValueError, match=r"model\.scope"):
        make_replica(chosen)


def test_the_factory_makes_both_parts() -> None:
    """From settings, an answerer with the replica's model."""
    replica = make_replica(Settings.model_validate({"learner": {"name": "priors"}}))
    answerer = make_answerer(Settings(), lambda: replica)
    assert isinstance(answerer.model.learner, LabelPriors)
    assert answerer.process(records([b'{"id": "1", "ts": 0, "text": "a", "labels": ["b"]}'])).outputs


def _through(record: LessonRecord) -> LessonRecord:
    read = decode_lesson(encode(record))
    assert isinstance(read, LessonRecord)
    return read
