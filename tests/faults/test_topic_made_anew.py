"""A topic that is read is deleted and made anew under a running worker."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from stream.kafka import Group, Outbox, topic_id
from tests.faults.exactly_once import newest, settings_of
from tests.stream.live import LiveStream, source, stop, until
from tests.stream.standins import event, feedback

pytestmark = pytest.mark.kafka


def answers(live: LiveStream) -> list[tuple[int, dict[str, Any]]]:
    """Return the offsets that were answered, in order, with the predictions."""
    return [(source(record)[1], value) for record, value in live.predictions()]


@pytest.mark.parametrize("later", [50, 700])
@pytest.mark.parametrize("unseen", [False, True])
def test_new_events_are_answered_from_its_beginning(
    kafka: str, stream_name: str, later: int, unseen: bool
) -> None:
    """By a model of its own, and a snapshot of it is of use at the next start.

    Where the worker stood still meanwhile, its offset is beyond the end of the new topic, or in its middle.
    """
    live, earlier = LiveStream(kafka, stream_name), 300
    live.fill([event(number) for number in range(earlier)])
    with live.worker(ITHACA_RUN="same") as worker:
        live.wait_for(earlier)
        if unseen:
            worker.send_signal(signal.SIGSTOP)
        live.make_anew("events")
        live.fill([event(number) for number in range(earlier, earlier + later)])
        worker.send_signal(signal.SIGCONT)
        # A batch that is read before the client knows is answered too, once too often: it alone may continue
        # the offsets of the earlier topic.
        until(lambda: len(answers(live)) >= earlier + later, 60.0)
        until(lambda: [offset for offset, _ in answers(live)][-later:] == list(range(later)), 60.0)
        status, _, said = stop(worker)
    assert status == 0, said
    assert answers(live)[-later][1]["model"]["updates"] == 0
    assert "made anew" in said
    assert newest(live).offset == later


def test_what_was_committed_for_the_earlier_topic_skips_nothing(kafka: str, stream_name: str) -> None:
    """A worker that is killed before it hears of the deletion has committed an offset amid the new events."""
    live, later = LiveStream(kafka, stream_name), 50
    settings = settings_of(live)
    earlier = topic_id(settings.kafka, f"{stream_name}.events")
    live.make_anew("events")
    live.fill([event(number) for number in range(later)])
    group = Group(settings)
    until(lambda: 0 in group.poll(10).gained)
    outbox = Outbox(settings, 0, group.is_member, topic_id=earlier)
    try:
        outbox.write([], 20, group.membership())
        assert group.committed(0) == group.committed(0, earlier) == 20
    finally:
        outbox.close()
        group.close()
    with live.worker() as worker:
        until(lambda: [offset for offset, _ in answers(live)] == list(range(later)))
        assert stop(worker)[0] == 0


@pytest.mark.parametrize("later", [20, 70])
def test_new_feedback_is_appended_from_its_beginning(kafka: str, stream_name: str, later: int) -> None:
    """Each record once, whether there are more than before or fewer."""
    live, earlier = LiveStream(kafka, stream_name), 40
    live.fill([feedback(number) for number in range(earlier)], kind="feedback")
    with live.worker() as worker:
        until(lambda: len(live.read("events")) == earlier)
        worker.send_signal(signal.SIGSTOP)
        live.make_anew("feedback")
        live.fill([feedback(number) for number in range(later)], kind="feedback")
        worker.send_signal(signal.SIGCONT)
        until(lambda: len(live.read("events")) >= earlier + later, 60.0)
        assert stop(worker)[0] == 0
    assert len(live.read("events")) == earlier + later
