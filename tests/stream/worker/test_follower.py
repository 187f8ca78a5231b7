"""One model for several partitions, on a real broker: lessons once each, whoever is killed."""

from __future__ import annotations

import json
import signal

import pytest

from drift.core import digest
from stream.kafka import BrokerError, ensure_lessons, ensure_topic
from stream.pipeline.factory import make_replica
from stream.records.lessons import LessonRecord, decode_lesson
from stream.records.schema import Output
from tests.stream.live import LiveStream, source, stop, until
from tests.stream.standins import event, feedback

pytestmark = pytest.mark.kafka

SHARED = {"ITHACA_MODEL__SCOPE": "stream", "ITHACA_RUN": "same"}


def shared(kafka: str, name: str, partitions: int = 4, **environment: str) -> LiveStream:
    """Return a stream whose partitions share a model."""
    live = LiveStream(kafka, name, partitions, SHARED | environment)
    live.settings = live.settings.model_copy(
        update={
            "run": "same",
            "learner": live.settings.learner.model_copy(update={"name": "priors"}),
            "encoder": live.settings.encoder.model_copy(update={"parameters": {"dimensions": 64}}),
            "model": live.settings.model.model_copy(update={"scope": "stream"}),
        }
    )
    ensure_lessons(live.settings.kafka, name)
    return live


def check_shared(live: LiveStream) -> list[LessonRecord]:
    """Return the lessons, having checked that every answer and every lesson is there once."""
    events = sorted((record.partition, record.offset) for record in live.read("events"))
    predictions = live.predictions()
    letters = [each for each in live.read("dlq") if b"/lessons" not in dict(each.headers)["ce_source"]]
    assert sorted(source(record) for record in (*[each for each, _ in predictions], *letters)) == events
    lessons = live.read("lessons")
    shared = [decode_lesson(each.value) for each in lessons]
    places = [(each.source.partition, each.source.offset) for each in shared]
    assert len(places) == len(set(places))
    taught = [source(record) for record, said in predictions if said.get("truth") is not None]
    assert set(taught) <= set(places)
    position = {record.offset: number for number, record in enumerate(lessons)}
    by_source = {place: record.offset for place, record in zip(places, lessons, strict=True)}
    for record, said in predictions:
        through = said["trained_through"].get(f"{live.settings.stream}.lessons", -1)
        # I5: a prediction is made by a model that has not learned its own lesson.
        assert through < by_source.get(source(record), through + 1)
        assert said["model"]["updates"] == (position[through] + 1 if through >= 0 else 0)
    return [each for each in shared if isinstance(each, LessonRecord)]


def check_observed_once(live: LiveStream) -> None:
    """Check that drift events and figures are those of a model that read the lessons alone, each once."""
    alone = make_replica(live.settings)
    outcome = alone.process(live.read("lessons"))
    for kind in ("drift", "label-stats"):
        written = [Output(kind, each.key, each.value, each.headers, None) for each in live.read(kind)]
        expected = [each for each in outcome.outputs if each.kind == kind]
        assert written == expected


def test_two_workers_share_one_model(kafka: str, stream_name: str) -> None:
    """Four partitions, two workers: every event answered once, every label learned once, by both."""
    live = shared(kafka, stream_name)
    live.fill([event(number) for number in range(1_200)])
    with live.worker() as one, live.worker() as other:
        live.wait_for(1_200)
        until(lambda: len(live.read("lessons")) == 1_200)
        for process in (one, other):
            status, _, said = stop(process)
            assert status == 0, said
    assert len(check_shared(live)) == 1_200
    check_observed_once(live)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_come_and_go(kafka: str, stream_name: str, number: signal.Signals) -> None:
    """The first is stopped in the middle, the owner of the lessons as likely as not; a third comes."""
    live = shared(kafka, stream_name, ITHACA_SNAPSHOT__EVERY_S="0.5")
    live.fill([event(position) for position in range(800)])
    with live.worker() as one:
        live.wait_for(200)
        with live.worker() as other:
            live.fill([event(position) for position in range(800, 1_600)])
            live.wait_for(900)
            stop(one, number)
            live.fill([event(position) for position in range(1_600, 2_400)])
            with live.worker() as third:
                live.wait_for(2_400)
                until(lambda: len(live.read("lessons")) == 2_400)
                for process in (other, third):
                    stop(process)
    assert len(check_shared(live)) == 2_400
    check_observed_once(live)


def test_late_labels_are_lessons_too(kafka: str, stream_name: str) -> None:
    """Feedback comes back to the partition of its event and becomes one lesson, through a restart."""
    live = shared(kafka, stream_name)
    live.fill([event(position, labels=None) for position in range(200)])
    with live.worker() as process:
        live.wait_for(200)
        stop(process, signal.SIGKILL)
    live.fill([feedback(position) for position in range(200)], kind="feedback")
    with live.worker() as process:
        until(lambda: len(live.read("lessons")) == 200)
        stop(process)
    lessons = [decode_lesson(each.value) for each in live.read("lessons")]
    assert all(isinstance(each, LessonRecord) and each.predicted is not None for each in lessons)


def test_an_operation_that_is_not_allowed_is_one_dead_letter(kafka: str, stream_name: str) -> None:
    """It goes to the lessons once, however many partitions there are, and every replica leaves it out."""
    live = shared(kafka, stream_name)
    rename = json.dumps({"operation": "rename", "label": "no label", "to": ["other"]}).encode()
    live.fill([event(1), event(2), event(3)])
    live.fill([rename], kind="control")
    with live.worker() as one, live.worker() as other:
        until(lambda: len(live.read("lessons")) == 4 and live.read("dlq"))
        for process in (one, other):
            assert stop(process)[0] == 0
    assert [dict(each.headers)["ithaca_reason"] for each in live.read("dlq")] == [b"control"]


def test_a_lessons_topic_of_several_partitions_is_refused(kafka: str, stream_name: str) -> None:
    """They would have no order; the error says what to do."""
    live = LiveStream(kafka, stream_name)
    ensure_topic(live.settings.kafka, f"{stream_name}.lessons", 2)
    with pytest.raises(BrokerError, match="no order between them"):
        ensure_lessons(live.settings.kafka, stream_name)


def test_replicas_that_read_the_same_lessons_are_equal(kafka: str, stream_name: str) -> None:
    """From a snapshot or from the beginning, with what a stopped worker left behind."""
    live = shared(kafka, stream_name, partitions=2)
    live.fill([event(position) for position in range(300)])
    with live.worker() as process:
        live.wait_for(300)
        until(lambda: len(live.read("lessons")) == 300)
        stop(process)
    alone = make_replica(live.settings)
    alone.process(live.read("lessons"))
    again = make_replica(live.settings)
    again.process(live.read("lessons"))
    assert digest(alone.state()) == digest(again.state())
