"""Telemetry: exact counts, series that vanish, none per label, and endpoints that tell the truth."""

from __future__ import annotations

import json
import logging
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest
import torch
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from drift.alarms.alarm import SCOPES
from stream.pipeline.feedback import OUTCOMES
from stream.pipeline.observer import Observer
from stream.pipeline.outcome import Outcome
from stream.pipeline.shared import Replica
from stream.pipeline.task import Task
from stream.records.schema import REASONS, Record
from stream.snapshot import StoredSnapshot
from stream.telemetry.collector import Telemetry
from stream.telemetry.endpoints import serve_metrics
from stream.telemetry.logs import configure_logs
from stream.telemetry.prometheus import registry
from stream.telemetry.status import SILENCE_S, STANDING_BY_S
from tests.stream.standins import POISON, EverySeventh, disorder, event, feedback, make_task, records


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock to turn by hand."""
    return Clock()


@pytest.fixture
def telemetry(clock: Clock) -> Telemetry:
    """Return telemetry on that clock."""
    return Telemetry({"version": "1", "run": "test"}, clock)


def work(telemetry: Telemetry, partition: int, task: Task, given: list[Record], lag: int = 0) -> Outcome:
    """Do what the worker does with a batch, and return what came of it."""
    outcome = task.process(given)
    telemetry.processed(0.02)
    telemetry.committed(partition, task, outcome, lag=lag, commit_s=0.004, batch_s=0.03)
    return outcome


def scrape(telemetry: Telemetry) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return every sample of a scrape by name and labels."""
    text = generate_latest(registry(telemetry)).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(telemetry: Telemetry, name: str, **labels: str) -> float:
    """Return one sample."""
    return scrape(telemetry)[name, frozenset(labels.items())]


GOOD = [event(number) for number in range(30)]


def test_counts_are_what_was_written(telemetry: Telemetry) -> None:
    """Predictions, dead letters by reason, alarms by scope, what was learned: nothing more or less."""
    task = make_task()
    telemetry.gained(0, task)
    batch = records([*GOOD, *POISON.values(), event(31, labels=None)])
    outputs = []
    for begin in range(0, len(batch), 7):
        outputs += work(telemetry, 0, task, batch[begin : begin + 7]).outputs
    status = telemetry.status()
    assert status.events == len(batch)
    assert status.predictions == 31
    assert sum(status.dead_letters.values()) == task.dead_letters == len(POISON)
    assert status.learned == task.model.updates == 30
    assert status.alarms == {"error": 30 // 7}
    drift = [json.loads(output.value or b"") for output in outputs if output.kind == "drift"]
    assert [alarm.subject for alarm in status.latest_alarms] == [each["subject"] for each in drift]
    assert [alarm.statistic for alarm in status.latest_alarms] == [each["statistic"] for each in drift]
    letters = [dict(output.headers)["ithaca_reason"].decode() for output in outputs if output.kind == "dlq"]
    assert status.dead_letters == {reason: letters.count(reason) for reason in sorted(letters)}
    assert len(drift) == 30 // 7
    assert value(telemetry, "ithaca_events_total") == len(batch)
    assert value(telemetry, "ithaca_predictions_total") == 31
    assert value(telemetry, "ithaca_drift_alarms_total", scope="error") == 4
    assert value(telemetry, "ithaca_batches_total") == -(-len(batch) // 7)
    for reason, count in status.dead_letters.items():
        assert value(telemetry, "ithaca_dead_letters_total", reason=reason) == count


def test_every_feedback_is_counted_by_its_outcome(telemetry: Telemetry) -> None:
    """As the task has them; they are the partition's and go on where an earlier owner's ended."""
    task = make_task()
    telemetry.gained(3, task)
    given = records(disorder(200, seed=5))
    work(telemetry, 3, task, given[:150])
    again = make_task()
    again.load_state(task.state())
    telemetry.gone(3)
    telemetry.gained(3, again)
    work(telemetry, 3, again, given[150:])
    status = again.feedback.statistics()
    assert status.joined
    for outcome in OUTCOMES:
        counted = value(telemetry, "ithaca_feedback_total", partition="3", outcome=outcome)
        assert counted == getattr(status, outcome)
    assert value(telemetry, "ithaca_feedback_kept", partition="3", what="events") == status.kept
    assert value(telemetry, "ithaca_feedback_kept", partition="3", what="waiting") == status.waiting > 0
    assert value(telemetry, "ithaca_feedback_kept_bytes", partition="3") == status.kept_bytes


def test_a_senders_header_does_not_choose_the_reason(telemetry: Telemetry) -> None:
    """A dead letter that comes round again carries the header of its first death."""
    task = make_task()
    telemetry.gained(0, task)
    work(telemetry, 0, task, [Record("s.events", 0, 0, 0, None, None, (("ithaca_reason", b"forged"),))])
    assert telemetry.status().dead_letters == {"tombstone": 1}


def test_a_partitions_series_go_with_it(telemetry: Telemetry) -> None:
    """Afterwards nothing names it; what the process counted stays."""
    for partition in (0, 7):
        task = make_task()
        telemetry.gained(partition, task)
        work(telemetry, partition, task, records(GOOD), lag=partition)
    assert value(telemetry, "ithaca_lag_records", partition="7") == 7
    telemetry.gone(7)
    left = {dict(labels)["partition"] for _, labels in scrape(telemetry) if "partition" in dict(labels)}
    assert left == {"0"}
    assert value(telemetry, "ithaca_predictions_total") == 60
    assert value(telemetry, "ithaca_partitions") == 1


def test_snapshots_are_counted_with_their_age_and_size(telemetry: Telemetry) -> None:
    """Of the newest, as long as the partition is ours; the counts stay."""
    telemetry.gained(0, make_task())
    telemetry.gained(1, make_task(), StoredSnapshot(5, 500, time.time()))
    assert value(telemetry, "ithaca_snapshot_bytes", partition="1") == 500
    telemetry.snapshot_taken(0.02)
    telemetry.snapshot_written(0, StoredSnapshot(10, 1_000, time.time() - 50))
    telemetry.snapshot_failed()
    telemetry.snapshot_written(7, StoredSnapshot(10, 1_000, 0.0))
    assert value(telemetry, "ithaca_snapshot_bytes", partition="0") == 1_000
    assert 50 <= value(telemetry, "ithaca_snapshot_age_seconds", partition="0") < 80
    assert value(telemetry, "ithaca_snapshots_total") == 2
    assert value(telemetry, "ithaca_failed_snapshots_total") == 1
    assert value(telemetry, "ithaca_snapshot_seconds_count") == 1
    telemetry.gone(0)
    telemetry.gone(1)
    assert not any(name.startswith("ithaca_snapshot_age") for name, _ in scrape(telemetry))


def test_a_shared_models_position_and_snapshots_have_series(telemetry: Telemetry) -> None:
    """Of the lessons beside those of partitions; a snapshot's age at the owner alone."""
    replica = Replica(make_task().model, Observer(EverySeventh()), source="/test")
    telemetry.followed(replica, 12, 3.5, owner=False)
    telemetry.snapshot_written(None, StoredSnapshot(10, 1_000, time.time() - 50))
    assert not any(name.startswith("ithaca_snapshot_age") for name, _ in scrape(telemetry))
    telemetry.followed(replica, 12, 3.5, owner=True)
    telemetry.snapshot_written(None, StoredSnapshot(10, 1_000, time.time() - 50))
    telemetry.followed(replica, 0, 0.0, owner=True)
    assert 50 <= value(telemetry, "ithaca_snapshot_age_seconds", partition="lessons") < 80
    assert value(telemetry, "ithaca_next_offset", partition="lessons") == 0
    assert value(telemetry, "ithaca_lessons_lag_seconds") == 0
    telemetry.failed(None)
    assert value(telemetry, "ithaca_failed_commits_total") == 1


def test_there_is_no_series_per_label(telemetry: Telemetry) -> None:
    """A thousand labels more are not one series more."""
    task = make_task()
    telemetry.gained(0, task)
    work(telemetry, 0, task, records(GOOD))
    few = set(scrape(telemetry))
    more = [event(number, labels=[f"label {number}"]) for number in range(30, 1030)]
    work(telemetry, 0, task, records([*GOOD, *more])[30:])
    assert value(telemetry, "ithaca_learner_labels", partition="0") > 1000
    assert set(scrape(telemetry)) == few
    assert "label 42" not in generate_latest(registry(telemetry)).decode()


def test_scores_are_the_tasks(telemetry: Telemetry, clock: Clock) -> None:
    """Recent and overall scores are exported as they are, refreshed at most once a second."""
    task = make_task()
    telemetry.gained(0, task)
    batch = records(GOOD)
    work(telemetry, 0, task, batch[:10], lag=20)
    stale = telemetry.status().partitions[0].scores
    work(telemetry, 0, task, batch[10:20], lag=10)
    assert telemetry.status().partitions[0].scores == stale
    clock.now += 1.5
    work(telemetry, 0, task, batch[20:25], lag=5)
    assert telemetry.status().partitions[0].scores == task.observer.scores.summary()
    # Caught up: whoever looks now must see the last word.
    work(telemetry, 0, task, batch[25:], lag=0)
    overall = task.observer.scores.summary()
    for name in ("subset_accuracy", "micro_f1", "macro_f1", "p_at_1"):
        assert value(telemetry, "ithaca_score", partition="0", over="all", score=name) == getattr(
            overall, name
        )
    recent = task.observer.scores.recent.summary().micro_f1
    assert value(telemetry, "ithaca_score", partition="0", over="recent", score="micro_f1") == recent


def test_time_is_split_between_encoding_learning_and_committing(telemetry: Telemetry) -> None:
    """Encoding is measured inside the batch and taken off it."""
    task = make_task()
    task.encoder = telemetry.timed(task.encoder)
    assert task.encoder.name == make_task().encoder.name
    telemetry.gained(0, task)
    work(telemetry, 0, task, records(GOOD))
    encode, learn = (value(telemetry, f"ithaca_{name}_seconds_sum") for name in ("encode", "predict_learn"))
    assert encode > 0
    assert encode + learn == pytest.approx(0.02)
    assert value(telemetry, "ithaca_commit_seconds_sum") == pytest.approx(0.004)
    assert value(telemetry, "ithaca_batch_seconds_count") == 1
    assert value(telemetry, "ithaca_encode_events_sum") == len(GOOD)


def test_memory_of_a_device_is_what_this_process_holds(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None without one."""
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    assert value(telemetry, "ithaca_device_memory_bytes") == 0
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 2**30)
    assert value(telemetry, "ithaca_device_memory_bytes") == 2**30


def test_names_follow_the_rules(telemetry: Telemetry) -> None:
    """Own metrics are prefixed; times end in the base unit."""
    task = make_task()
    telemetry.gained(0, task)
    work(telemetry, 0, task, records([*GOOD, *POISON.values()]))
    names = {name for name, _ in scrape(telemetry) if not name.startswith("process_")}
    assert names
    for name in names:
        assert re.fullmatch(r"ithaca_[a-z0-9_]+", name)
        assert not re.search(r"_(ms|milliseconds|millis)", name)


@pytest.fixture
def url(telemetry: Telemetry) -> Iterator[str]:
    """Serve the telemetry and return where."""
    with serve_metrics(telemetry) as base:
        yield base


def get(url: str) -> tuple[int, str]:
    """Return status and body."""
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_ready_means_that_all_that_is_ours_is_at_work(telemetry: Telemetry, url: str) -> None:
    """A worker that still relearns must get no traffic and no rollout, and says how far it is."""
    assert get(f"{url}/readyz") == (503, "not in the group yet\n")
    telemetry.joined(True)
    telemetry.gained(1, make_task())
    telemetry.restoring(3)
    assert get(f"{url}/readyz") == (503, "partition 3 loads its snapshot\n")
    task = make_task(live_from=20)
    telemetry.restoring(3, task)
    task.process(records(GOOD)[:15])
    telemetry.restoring(3, task)
    assert get(f"{url}/readyz") == (503, "partition 3 relearns: 15 of 20 offsets\n")
    assert value(telemetry, "ithaca_restoring", partition="3") == 1
    assert value(telemetry, "ithaca_restoring", partition="1") == 0
    assert value(telemetry, "ithaca_relearn_records", partition="3") == 5
    assert value(telemetry, "ithaca_partitions") == 2
    assert (telemetry.status().events, telemetry.status().learned) == (0, 15)
    telemetry.gained(3, task)
    assert get(f"{url}/readyz") == (200, "ok: at work on partitions [1, 3]\n")
    assert value(telemetry, "ithaca_restoring", partition="3") == 0
    work(telemetry, 3, task, records(GOOD)[15:])
    assert telemetry.status().learned == 30


def test_a_worker_that_no_partition_is_left_for_is_ready_and_says_so(
    telemetry: Telemetry, clock: Clock, url: str
) -> None:
    """It stands by; one that lost its group does not, or that has just come and waits for its share."""
    telemetry.gained(3, make_task())
    telemetry.gone(3)
    assert get(f"{url}/readyz") == (503, "not in the group yet\n")
    telemetry.joined(True)
    assert get(f"{url}/readyz") == (503, "in the group, and waits for partitions\n")
    clock.now += STANDING_BY_S
    assert get(f"{url}/readyz") == (200, "ok: standing by: other workers have all the partitions\n")
    telemetry.restoring(3)
    telemetry.joined(True)
    telemetry.gone(3)
    telemetry.joined(True)
    assert get(f"{url}/readyz") == (503, "in the group, and waits for partitions\n")


def test_a_worker_that_reads_nothing_is_not_ready(telemetry: Telemetry, url: str) -> None:
    """A right that it has not, or its end, which may take seconds."""
    telemetry.joined(True, "no right to read")
    telemetry.gained(3, make_task())
    assert get(f"{url}/readyz") == (503, "no right to read\n")
    telemetry.joined(True)
    assert get(f"{url}/readyz") == (200, "ok: at work on partitions [3]\n")
    telemetry.stopping()
    assert get(f"{url}/readyz") == (503, "stopping\n")


def test_feedback_for_no_event_shows_in_the_readiness(telemetry: Telemetry, url: str) -> None:
    """Labelled records that nothing joins may be events by another name; nothing else would say so."""
    task = make_task()
    task.feedback.horizon_s = 5.0
    telemetry.joined(True)
    telemetry.gained(3, task)
    work(telemetry, 3, task, records([feedback(number) for number in range(100, 140)]))
    said = "; 34 records of feedback were for no event that came"
    assert get(f"{url}/readyz") == (200, f"ok: at work on partitions [3]{said}\n")
    task.feedback.horizon_s = 1_000.0
    given = records([b""] * 40 + [event(140 + number, labels=None) for number in range(40)])[40:]
    work(telemetry, 3, task, given)
    later = records([b""] * 80 + [feedback(140 + number) for number in range(40)])[80:]
    work(telemetry, 3, task, later)
    assert task.feedback.statistics().joined == 40
    assert get(f"{url}/readyz")[1] == "ok: at work on partitions [3]\n"


def test_a_partition_that_goes_while_it_is_restored_is_forgotten(telemetry: Telemetry) -> None:
    """Whatever the thread that restores it still says."""
    telemetry.joined(True)
    telemetry.restoring(3)
    telemetry.gone(3)
    telemetry.restoring(3, make_task())
    assert telemetry.status().restorations == ()


def test_alive_means_that_the_loop_turns(telemetry: Telemetry, clock: Clock, url: str) -> None:
    """A loop that hangs is found out; one that turns again is alive again."""
    telemetry.beat()
    assert get(f"{url}/livez") == (200, "ok\n")
    clock.now += SILENCE_S + 1
    status, body = get(f"{url}/livez")
    assert (status, "has not turned for 61 s" in body) == (503, True)
    telemetry.beat()
    assert get(f"{url}/livez")[0] == 200


def test_metrics_are_served_from_a_free_loopback_port_and_only_inside_the_block(telemetry: Telemetry) -> None:
    """The real port is known, and closed afterwards."""
    with serve_metrics(telemetry) as first, serve_metrics(telemetry) as second:
        assert first != second
        assert first.startswith("http://127.0.0.1:")
        status, body = get(f"{first}/metrics")
        assert status == 200
        assert 'ithaca_build_info{run="test",version="1"} 1.0' in body
    with pytest.raises(urllib.error.URLError):
        get(f"{first}/metrics")


def test_a_taken_port_is_an_error(telemetry: Telemetry, url: str) -> None:
    """It is said at once, not by a thread that dies."""
    with pytest.raises(OSError, match="in use"), serve_metrics(telemetry, port=int(url.rpartition(":")[2])):
        pass


def test_json_logs_are_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Line breaks, extra fields and tracebacks stay inside their line."""
    root, level = logging.getLogger(), logging.getLogger().level
    handlers = root.handlers[:]
    try:
        configure_logs("info", "json")
        try:
            raise ValueError("no\nway")
        except ValueError:
            logging.getLogger("stream.worker.worker").exception("failed", extra={"partition": 3})
        logging.getLogger("kafka.conn").info("chatter")
        for _ in range(9):
            logging.getLogger("kafka.net").warning("refused")
        logging.getLogger("kafka.net.selector").warning("Task 1 ran. It is blocking the event loop -- likely")
        logging.getLogger("kafka.cluster").error("Metadata refresh: failed %s", "Cancelled")
        logging.getLogger("stream").debug("detail")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    line, repeated = capsys.readouterr().err.splitlines()
    assert json.loads(repeated)["message"] == "refused"
    written = json.loads(line)
    assert written["partition"] == 3
    assert (written["level"], written["logger"], written["message"]) == (
        "error",
        "stream.worker.worker",
        "failed",
    )
    assert "no\nway" in written["traceback"]


def test_counters_are_there_before_anything_happened() -> None:
    """Prometheus sees an increase only of a series that it has seen at 0."""
    telemetry = Telemetry()
    for scope in SCOPES:
        assert value(telemetry, "ithaca_drift_alarms_total", scope=scope) == 0
    for reason in REASONS:
        assert value(telemetry, "ithaca_dead_letters_total", reason=reason) == 0


def test_every_series_carries_its_stream() -> None:
    """One Prometheus may scrape many streams: those of the process and the histograms, too."""
    telemetry = Telemetry({"version": "test", "stream": "news"})
    telemetry.gained(0, make_task())
    samples = [sample for family in registry(telemetry).collect() for sample in family.samples]
    assert {sample.labels.get("stream") for sample in samples} == {"news"}
    assert {"process_cpu_seconds_total", "ithaca_batch_seconds_bucket", "ithaca_next_offset"} <= {
        sample.name for sample in samples
    }


def test_a_partition_that_nothing_is_committed_of_is_not_ready_and_has_its_lag() -> None:
    """Until a transaction succeeds."""
    telemetry, task = Telemetry(), make_task()
    telemetry.gained(3, task)
    assert telemetry.status().ready
    telemetry.failed(3)
    telemetry.waiting(3, 1_318)
    status = telemetry.status()
    assert not status.ready
    assert status.readiness == "nothing can be committed of partitions [3]; trying again"
    assert status.partitions[0].lag == 1_318
    telemetry.committed(3, task, Outcome([], 0), lag=0, commit_s=0.0, batch_s=0.0)
    assert telemetry.status().ready


def test_what_a_snapshot_had_learned_is_not_learned_again(telemetry: Telemetry) -> None:
    """Only what is relearned and learned here counts, also when a partition comes back."""

    def restored(updates: int) -> Task:
        task = make_task()
        task.process(records(GOOD[:updates]))
        return task

    task = restored(10)
    telemetry.restoring(0)
    telemetry.restoring(0, task)
    assert telemetry.status().learned == 0
    task.process(records(GOOD)[10:15])
    telemetry.restoring(0, task)
    assert telemetry.status().learned == 5
    telemetry.gained(0, task)
    work(telemetry, 0, task, records(GOOD)[15:18])
    assert telemetry.status().learned == 8
    telemetry.gone(0)
    for comes_back in range(2):
        again = restored(12)
        telemetry.restoring(0)
        telemetry.restoring(0, again)
        telemetry.gone(0)
        assert telemetry.status().learned == 8, comes_back


@pytest.mark.parametrize(
    ("report", "count", "series"),
    [
        (lambda told: told.failed(0), "failures", "ithaca_failed_commits_total"),
        (lambda told: told.failed(None), "failures", "ithaca_failed_commits_total"),
        (lambda told: told.fenced(), "fencings", "ithaca_fencings_total"),
        (
            lambda told: told.snapshot_written(0, StoredSnapshot(1, 1, 1.0)),
            "snapshots",
            "ithaca_snapshots_total",
        ),
        (lambda told: told.snapshot_failed(), "snapshot_failures", "ithaca_failed_snapshots_total"),
    ],
)
def test_what_happens_moves_its_own_count_alone(
    telemetry: Telemetry, report: Callable[[Telemetry], None], count: str, series: str
) -> None:
    """By one, each time, in the status and in its series."""
    telemetry.gained(0, make_task())
    counts = ("failures", "fencings", "snapshots", "snapshot_failures", "batches", "predictions", "learned")
    for times in (1, 2):
        report(telemetry)
        status = telemetry.status()
        assert {each: getattr(status, each) for each in counts} == dict.fromkeys(counts, 0) | {count: times}
        assert value(telemetry, series) == times


def test_a_batch_that_wrote_nothing_is_none(telemetry: Telemetry) -> None:
    """What it learned counts all the same, and it has no duration."""
    task = make_task(live_from=20)
    telemetry.gained(0, task)
    work(telemetry, 0, task, records(GOOD)[:20])
    status = telemetry.status()
    assert (status.batches, status.predictions, status.learned) == (0, 0, 20)
    assert value(telemetry, "ithaca_batch_seconds_count") == 0
    work(telemetry, 0, task, records(GOOD)[20:])
    assert telemetry.status().batches == value(telemetry, "ithaca_batch_seconds_count") == 1


def test_who_stands_by_is_in_a_settled_group(telemetry: Telemetry, clock: Clock, url: str) -> None:
    """While it is not, no time counts."""
    telemetry.joined(False)
    clock.now += STANDING_BY_S
    telemetry.joined(True)
    assert get(f"{url}/readyz") == (503, "in the group, and waits for partitions\n")
    clock.now += STANDING_BY_S
    telemetry.joined(True)
    assert get(f"{url}/readyz")[0] == 200
