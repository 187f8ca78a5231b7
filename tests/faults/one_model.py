"""What is promised of a model that partitions share, as checks of what the stream's topics hold."""

from __future__ import annotations

from kafka import KafkaConsumer, TopicPartition

from stream.kafka import ensure_lessons
from stream.pipeline.factory import make_replica
from stream.records.lessons import LessonRecord, decode_lesson
from stream.records.schema import Output
from stream.records.topics import topic
from tests.stream.live import LiveStream, source

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


def taught(live: LiveStream) -> int:
    """Return how many lessons and operations the lessons topic holds."""
    return kinds(live).count("LessonRecord") + kinds(live).count("OperationRecord")


def kinds(live: LiveStream) -> list[str]:
    """Return the kinds of the records on the lessons topic."""
    return [type(decode_lesson(each.value)).__name__ for each in live.read("lessons")]


def check_shared(live: LiveStream) -> list[LessonRecord]:
    """Return the lessons, having checked that every answer and every lesson is there once."""
    events = sorted((record.partition, record.offset) for record in live.read("events"))
    predictions = live.predictions()
    letters = [each for each in live.read("dlq") if b"/lessons" not in dict(each.headers)["ce_source"]]
    assert sorted(source(record) for record in (*[each for each, _ in predictions], *letters)) == events
    read = [(each, decode_lesson(each.value)) for each in live.read("lessons")]
    pairs = [(each, said) for each, said in read if isinstance(said, LessonRecord)]
    lessons, shared = [each for each, _ in pairs], [said for _, said in pairs]
    places = [(each.source.partition, each.source.offset) for each in shared]
    assert len(places) == len(set(places))
    labelled = [source(record) for record, said in predictions if said.get("truth") is not None]
    assert set(labelled) <= set(places)
    position = {record.offset: number for number, record in enumerate(lessons)}
    by_source = {place: record.offset for place, record in zip(places, lessons, strict=True)}
    for record, said in predictions:
        through = max((each["offset"] for each in said["trained_through"]), default=-1)
        # I5: a prediction is made by a model that has not learned its own lesson.
        assert through < by_source.get(source(record), through + 1)
        assert said["model"]["updates"] == (position[through] + 1 if through >= 0 else 0)
    return shared


def observed(live: LiveStream) -> bool:
    """Return whether the lessons' owner has committed what came of the last of them."""
    name = topic(live.settings.stream, "lessons")
    client = KafkaConsumer(
        bootstrap_servers=live.settings.kafka.bootstrap_servers, group_id=f"{live.settings.group}.lessons"
    )
    try:
        return (client.committed(TopicPartition(name, 0)) or 0) > live.read("lessons")[-1].offset
    finally:
        client.close()


def check_observed_once(live: LiveStream) -> None:
    """Check that drift events and figures are those of a model that read the lessons alone, each once."""
    alone = make_replica(live.settings)
    outcome = alone.process(live.read("lessons"))
    for kind in ("drift", "label-stats"):
        written = [Output(kind, each.key, each.value, each.headers, None) for each in live.read(kind)]
        expected = [each for each in outcome.outputs if each.kind == kind]
        assert written == expected
