"""One model for several partitions, on a real broker: lessons once each, whoever is killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from drift.core import digest
from stream.config.settings import Settings
from stream.kafka import BrokerError, RecoveryError, ensure_lessons, ensure_topic
from stream.pipeline.factory import make_replica
from stream.pipeline.model import Model
from stream.pipeline.observer import Observer
from stream.pipeline.outcome import DivergedError
from stream.pipeline.shared import Replica, SharedAnswerer
from stream.records.lessons import LessonRecord, decode_lesson
from stream.records.schema import Event
from stream.telemetry.collector import Telemetry
from stream.worker import follower as follower_module
from stream.worker import lessons as lessons_module
from stream.worker.lessons import Lessons
from stream.worker.worker import Worker
from tests.faults.one_model import check_observed_once, check_shared, kinds, shared, taught
from tests.stream.live import LiveStream, on_a_thread, stop, until
from tests.stream.standins import CRASHING, EverySeventh, Fragile, Letters, event, feedback

pytestmark = pytest.mark.kafka


def test_two_workers_share_one_model(kafka: str, stream_name: str) -> None:
    """Four partitions, two workers: every event answered once, every label learned once, by both."""
    live = shared(kafka, stream_name)
    live.fill([event(number) for number in range(1_200)])
    with live.worker() as one, live.worker() as other:
        live.wait_for(1_200)
        until(lambda: taught(live) == 1_200)
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
                until(lambda: taught(live) == 2_400)
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
        until(lambda: taught(live) == 200)
        stop(process)
    lessons = [decode_lesson(each.value) for each in live.read("lessons")]
    assert all(each.predicted is not None for each in lessons if isinstance(each, LessonRecord))


def test_an_operation_that_is_not_allowed_is_one_dead_letter(kafka: str, stream_name: str) -> None:
    """It goes to the lessons once, however many partitions there are, and every replica leaves it out."""
    live = shared(kafka, stream_name)
    rename = json.dumps({"operation": "rename", "label": "no label", "to": ["other"]}).encode()
    live.fill([event(1), event(2), event(3)])
    live.fill([rename], kind="control")
    with live.worker() as one, live.worker() as other:
        until(lambda: taught(live) == 4 and live.read("dlq"))
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
        until(lambda: taught(live) == 300)
        stop(process)
    alone = make_replica(live.settings)
    alone.process(live.read("lessons"))
    again = make_replica(live.settings)
    again.process(live.read("lessons"))
    assert digest(alone.state()) == digest(again.state())


@contextmanager
def at_work(live: LiveStream, make: Callable[[int], Replica], telemetry: Telemetry) -> Iterator[Lessons]:
    """Run a worker with a shared model of quick parts on a thread inside the block."""
    lessons = Lessons(live.settings, make, telemetry)

    def answerer(live_from: int) -> SharedAnswerer:
        return SharedAnswerer(
            Plain(), lambda: lessons.replica, run="test", source="/test", live_from=live_from
        )

    with on_a_thread(Worker(live.settings, answerer, telemetry, lessons)):
        yield lessons


def quick(chosen: Settings) -> Callable[[int], Replica]:
    """Return what makes replicas whose learner throws at some lessons."""

    def make(live_from: int) -> Replica:
        model, observer = Model(Fragile(50.0), None, "plain"), Observer(EverySeventh())
        return Replica(model, observer, source="/test", live_from=live_from, configuration=chosen.epoch)

    return make


def newest_snapshot(live: LiveStream) -> int:
    """Return the offset of the newest snapshot of the lessons; 0 without any."""
    name = f"{live.settings.stream}.lessons-0/*.snapshot"
    found = Path(live.settings.snapshot.location).glob(f"*/{name}")
    return max((int(path.name.partition("-")[0]) for path in found), default=0)


def turned(lessons: Lessons) -> Replica:
    """Return the replica after a turn."""
    lessons.turn()
    return lessons.replica


class Plain(Letters):
    """Letters alone: a row depends on nothing else."""

    def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
        """Encode without the count of what came before."""
        return [row[:5] for row in super().encode(events)]

    def state(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over nothing."""


def test_a_lesson_at_which_the_learner_throws_is_struck_out_in_the_log(kafka: str, stream_name: str) -> None:
    """All replicas leave it out, and whoever reads the log later; it is one dead letter."""
    live = shared(kafka, stream_name, partitions=2)
    values = [event(position) for position in range(60)]
    values[20] = CRASHING
    live.fill(values)
    telemetry, other = Telemetry(), Telemetry()
    with (
        at_work(live, quick(live.settings), telemetry) as one,
        at_work(live, quick(live.settings), other) as second,
    ):
        until(lambda: one.replica.updates == second.replica.updates == 59)
    assert kinds(live).count("StrikeRecord") == 1
    reasons = [dict(each.headers)["ithaca_reason"] for each in live.read("dlq")]
    assert reasons == [b"learner"]
    with at_work(live, quick(live.settings), Telemetry()) as late:
        assert late.replica.updates == 59
        assert digest(late.replica.model.state()) == digest(one.replica.model.state())


def test_a_replica_that_is_another_model_stops(
    kafka: str, stream_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte of its state is changed: at the next checkpoint but one it ends with what to do."""
    monkeypatch.setattr(lessons_module, "CHECKPOINT_EVERY", 20)
    live = shared(kafka, stream_name, partitions=2)
    live.fill([event(position) for position in range(100)])
    with at_work(live, quick(live.settings), Telemetry()) as one:
        until(lambda: one.replica.updates == 100)
        follower = Lessons(live.settings, quick(live.settings), Telemetry())
        try:
            follower.replica.model.learner.label_space.id("never there")
            live.fill([event(position) for position in range(100, 500)])
            with pytest.raises(DivergedError, match="newest snapshot"):
                until(lambda: not turned(follower))
        finally:
            follower.close()
    assert kinds(live).count("CheckpointRecord") >= 2


def test_workers_with_other_settings_stand_by(kafka: str, stream_name: str) -> None:
    """While the first answers, one with other settings does not; when it has gone, the other goes on."""
    live = shared(kafka, stream_name, partitions=2)
    live.fill([event(position) for position in range(50)])
    changed = live.settings.model_copy(
        update={"learner": live.settings.learner.model_copy(update={"parameters": {"half_life": 9.0}})}
    )
    with at_work(live, quick(live.settings), Telemetry()) as one:
        until(lambda: one.replica.updates == 50 and kinds(live).count("EpochRecord") == 1)
        later = Lessons(changed, quick(changed), Telemetry())
        assert later.standing_by
    try:
        until(lambda: turned(later).updates == 50 and not later.standing_by)
        until(lambda: turned(later) and kinds(live).count("EpochRecord") == 2)
    finally:
        later.close()
    again = Lessons(live.settings, quick(live.settings), Telemetry())
    assert again.standing_by
    again.close()


def test_partitions_and_workers_come_and_go_in_mid_stream(kafka: str, stream_name: str) -> None:
    """From 1 to 8 partitions and from 1 to 3 workers, and back to 1: what was learned stays, once."""
    live = shared(kafka, stream_name, partitions=1, ITHACA_SNAPSHOT__EVERY_S="0.5")
    live.fill([event(position) for position in range(400)])
    with live.worker() as one:
        live.wait_for(200)
        live.extend(8)
        live.fill([event(position) for position in range(400, 1_200)])
        with live.worker() as other, live.worker() as third:
            live.wait_for(1_200, patience=60.0)
            # Else the first alone may answer all, and the others be told to stop before they have started.
            until(lambda: live.members() == 3)
            live.fill([event(position) for position in range(1_200, 2_000)])
            live.wait_for(1_600)
            for process in (one, other):
                assert stop(process)[0] == 0
            live.fill([event(position) for position in range(2_000, 2_400)])
            live.wait_for(2_400)
            until(lambda: taught(live) == 2_400)
            assert stop(third)[0] == 0
    assert {record.partition for record in live.read("predictions")} == set(range(8))
    assert len(check_shared(live)) == 2_400
    check_observed_once(live)


def test_a_replica_far_behind_goes_on_from_a_newer_snapshot(
    kafka: str, stream_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It learns only what comes after; its model is the owner's all the same."""
    live = shared(kafka, stream_name, partitions=2)
    often = live.settings.snapshot.model_copy(update={"every_s": 0.2})
    live.settings = live.settings.model_copy(update={"snapshot": often})
    monkeypatch.setattr(follower_module, "LOOK_S", 0.0)
    live.fill([event(position) for position in range(20)])
    with at_work(live, quick(live.settings), Telemetry()) as one:
        until(lambda: one.replica.updates == 20)
        behind = Lessons(live.settings, quick(live.settings), Telemetry())
        try:
            live.fill([event(position) for position in range(20, 400)])
            until(lambda: newest_snapshot(live) > 300)
            monkeypatch.setattr(follower_module, "LEARNED_AT_ONCE", 10)
            monkeypatch.setattr(follower_module, "FAR_BEHIND", 50)
            until(lambda: turned(behind).updates == 400)
            assert behind.replica.live_from > 300
            assert digest(behind.replica.model.state()) == digest(one.replica.model.state())
        finally:
            behind.close()


def test_a_snapshot_falls_due_on_a_quiet_stream_too(kafka: str, stream_name: str) -> None:
    """Not only right after a commit: the last one came before the snapshot's time."""
    live = shared(kafka, stream_name, partitions=2)
    later = live.settings.snapshot.model_copy(update={"every_s": 8.0})
    live.settings = live.settings.model_copy(update={"snapshot": later})
    with at_work(live, quick(live.settings), Telemetry()) as one:
        live.fill([event(position) for position in range(20)])
        until(lambda: one.replica.updates == 20)
        until(lambda: newest_snapshot(live) == one.replica.next_offset, patience_s=30.0)


def test_lessons_that_are_gone_are_refused_or_announced(kafka: str, stream_name: str) -> None:
    """Without `snapshot.rebuild` it ends; with it the owner writes a drift event of what is missing."""
    live = shared(kafka, stream_name, partitions=2)
    live.fill([event(position) for position in range(60)])
    with at_work(live, quick(live.settings), Telemetry()) as one:
        until(lambda: one.replica.updates == 60)
    live.expire("lessons", 30)
    other = {"location": f"{live.settings.snapshot.location}/none"}
    bare = live.settings.model_copy(update={"snapshot": live.settings.snapshot.model_copy(update=other)})
    with pytest.raises(RecoveryError, match="first offset is 30"):
        Lessons(bare, quick(bare), Telemetry())
    snapshot = bare.snapshot.model_copy(update={"rebuild": True})
    rebuilt = Lessons(bare.model_copy(update={"snapshot": snapshot}), quick(bare), Telemetry())
    try:
        until(
            lambda: (
                turned(rebuilt) and any(b"recovery/gap" in (each.value or b"") for each in live.read("drift"))
            )
        )
    finally:
        rebuilt.close()


def test_lessons_that_are_made_anew_end_the_worker(kafka: str, stream_name: str) -> None:
    """Its model comes from the earlier ones: whoever starts it again has one of the new lessons."""
    live = shared(kafka, stream_name)
    lessons = Lessons(live.settings, quick(live.settings), Telemetry())
    try:
        live.make_anew("lessons", partitions=1)
        with pytest.raises(RecoveryError, match="made anew"):
            until(lambda: turned(lessons) and False, patience_s=30.0)
    finally:
        lessons.close()


def test_a_writer_that_hangs_hides_lessons_for_seconds_only(kafka: str, stream_name: str) -> None:
    """A worker is stopped in its work, in an open transaction as likely as not; the others soon go on."""
    live = shared(kafka, stream_name)
    with live.worker() as one, live.worker() as other:
        live.fill([event(position) for position in range(600)])
        live.wait_for(300)
        one.send_signal(signal.SIGSTOP)
        live.fill([event(position) for position in range(600, 1_200)])
        live.wait_for(1_200, patience=60.0)
        until(lambda: taught(live) == 1_200, patience_s=60.0)
        one.send_signal(signal.SIGCONT)
        for process in (one, other):
            assert stop(process)[0] == 0
    assert len(check_shared(live)) == 1_200
    check_observed_once(live)
