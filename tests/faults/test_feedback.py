"""F10: feedback shuffled, twice, for nobody, early; on the events topic and on its own; and kills amid it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from kafka import KafkaConsumer, TopicPartition

from stream.config.settings import Settings
from stream.records.decoding import decode
from stream.records.schema import Event, Feedback, Record
from stream.records.topics import topic
from stream.worker.ending import Ending
from stream.worker.forwarding import forwarding
from tests.faults.exactly_once import check_as_if_uninterrupted, check_model, uninterrupted
from tests.stream.live import LiveStream, stop, until
from tests.stream.pipeline.plain_feedback import PlainStore
from tests.stream.standins import disorder, event, feedback

pytestmark = pytest.mark.kafka

ENVIRONMENT = {
    "ITHACA_RUN": "same",
    "ITHACA_WORKER__INSTANCE": "one",
    "ITHACA_WORKER__LARGEST_BATCH": "100",
    "ITHACA_SNAPSHOT__EVERY_S": "0.2",
}


@contextmanager
def committed(live: LiveStream, group: str, kind: str = "events") -> Iterator[Callable[[], int]]:
    """Give a function that asks for a group's committed offset of partition 0."""
    place = TopicPartition(topic(live.settings.stream, kind), 0)
    client = KafkaConsumer(bootstrap_servers=live.settings.kafka.bootstrap_servers, group_id=group)
    try:
        yield lambda: client.committed(place) or 0
    finally:
        client.close()


def check_counters(live: LiveStream) -> None:
    """Check the newest snapshot's counters: a plain model has them from what is on the topic."""
    plain = PlainStore(live.settings.feedback.events, live.settings.feedback.horizon_s)
    snapshot = check_model(live)
    records = [record for record in live.read("events") if record.offset < snapshot.offset]
    for record in records:
        message = decode(record.value, record.headers)
        assert isinstance(message, Event | Feedback)
        plain.take(message)
    task = uninterrupted(live, snapshot.offset)[0]
    task.feedback.load_state(snapshot.state["feedback"])
    statistics = task.feedback.statistics()
    assert {name: getattr(statistics, name) for name in plain.statistics()} == plain.statistics()


def test_f10_killed_amid_feedback_on_the_events_topic(kafka: str, stream_name: str) -> None:
    """Bytes, model and counters are those of a run that nothing happened to."""
    live = LiveStream(kafka, stream_name, environment=ENVIRONMENT)
    values = disorder(1_500, seed=3)
    live.fill(values)
    with committed(live, live.settings.group) as reached:
        for goal in (len(values) // 3, 2 * len(values) // 3):
            with live.worker() as process:
                until(lambda goal=goal: reached() >= goal)  # type: ignore[misc]
                stop(process, signal.SIGKILL)
        with live.worker() as process:
            until(lambda: reached() == len(values))
            status, _, said = stop(process)
    assert status == 0, said
    assert len(live.predictions()) == 1_500
    check_as_if_uninterrupted(live)
    check_counters(live)


def forwarded(live: LiveStream) -> list[Record]:
    """Return the feedback that was appended to the events."""
    return [record for record in live.read("events") if "ithaca_origin" in dict(record.headers)]


def check_forwarded(live: LiveStream) -> None:
    """Each record of the feedback topic stands on the events topic, once, in order, as it was."""
    origins = live.read("feedback")
    copies = forwarded(live)
    assert [dict(copy.headers)["ithaca_origin"].decode() for copy in copies] == [
        f"{origin.topic}/{origin.partition}/{origin.offset}" for origin in origins
    ]
    for copy, origin in zip(copies, origins, strict=True):
        assert (copy.partition, copy.key, copy.value) == (origin.partition, origin.key, origin.value)
        kept = [header for header in origin.headers if header[0] != "ce_type"]
        assert list(copy.headers[: len(kept)]) == kept
        assert len(dict(copy.headers)) == len(copy.headers)


def parted(values: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return events and feedback apart."""
    events = [value for value in values if isinstance(decode(value), Event)]
    return events, [value for value in values if value not in set(events)]


@pytest.mark.slow
def test_f10_killed_amid_feedback_on_a_topic_of_its_own(kafka: str, stream_name: str) -> None:
    """Appended to the events exactly once, where it happened to come; and then as if nothing had been."""
    live = LiveStream(kafka, stream_name, environment=ENVIRONMENT)
    events, late = parted(disorder(1_200, seed=4))
    late[100:100] = [b"{", event(9_999)]  # Not JSON, and an event where only feedback should be.
    rounds = 6
    with committed(live, f"ithaca-feedback-{stream_name}", "feedback") as reached:
        for part in range(rounds):
            live.fill(events[part::rounds])
            live.fill(late[part::rounds], kind="feedback")
            with live.worker() as process:
                goal = (part + 1) * len(late) // (rounds + 1)
                until(lambda goal=goal: reached() >= goal)  # type: ignore[misc]
                stop(process, signal.SIGKILL)
        with live.worker() as process, committed(live, live.settings.group) as done:
            until(lambda: len(forwarded(live)) == len(late))
            last = live.read("events")[-1].offset
            until(lambda: done() == last + 1)
            status, _, said = stop(process)
    assert status == 0, said
    check_forwarded(live)
    assert len(live.predictions()) == len(events)
    assert len(live.read("dlq")) == 1
    check_as_if_uninterrupted(live)
    learned = uninterrupted(live)[0].feedback.statistics()
    assert learned.joined + learned.early > 300


def test_two_services_of_one_stream_forward_each_feedback_once(kafka: str, stream_name: str) -> None:
    """In several partitions, whoever does it, and what is too large becomes a dead letter."""
    live = LiveStream(kafka, stream_name, partitions=3)
    other = Settings.model_validate(
        live.settings.model_dump() | {"worker": {"group": "another", "session_timeout_ms": 6_000}}
    )
    for partition in range(3):
        live.fill([feedback(number) for number in range(200)], partition, kind="feedback")
    with forwarding(live.settings, Ending(live.settings)):
        until(lambda: len(forwarded(live)) >= 600)
        with forwarding(other, Ending(other)):
            for partition in range(3):
                live.fill([feedback(number) for number in range(300)], partition, kind="feedback")
            live.fill([b'{"id": "' + b"x" * 1_000_100 + b'"}'], 1, kind="feedback")
            until(lambda: len(forwarded(live)) >= 1_500 and len(live.read("dlq")) >= 1)
    copies = forwarded(live)
    assert len(copies) == 1_500
    origins = {dict(copy.headers)["ithaca_origin"] for copy in copies}
    assert len(origins) == 1_500
    (letter,) = live.read("dlq")
    assert (letter.partition, dict(letter.headers)["ithaca_reason"]) == (1, b"size")
