"""The worker on a real broker: nothing lost, nothing twice, wherever it is stopped."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.broker.brokers import KafkaBroker, NoBrokerError
from stream.config.settings import Settings
from stream.kafka import InstanceError, Outbox, Writer
from stream.kafka.clients import producer
from stream.pipeline import factory as assembly
from stream.pipeline.outcome import LearnerError, Outcome
from stream.pipeline.task import Task
from stream.records.outputs import ORIGINAL
from stream.records.schema import Event, Output, Record
from stream.records.topics import topic
from stream.snapshot.attempts import MOST_ATTEMPTS
from stream.telemetry.collector import Telemetry
from stream.worker.restoration import MOST_REFUSED
from stream.worker.worker import Worker
from tests.stream.live import LiveStream, on_a_thread, source, stop, until
from tests.stream.standins import CRASHING, POISON, Letters, event, make_fragile_task, make_task

pytestmark = pytest.mark.kafka


@contextmanager
def working(
    settings: Settings, make: Callable[[int], Task] = make_task, telemetry: Telemetry | None = None
) -> Iterator[Worker]:
    """Run a worker of quick parts on a thread inside the block."""
    with on_a_thread(Worker(settings, make, telemetry)) as worker:
        yield worker


def check_exactly_once(live: LiveStream) -> None:
    """Every event has one prediction or one dead letter, in order, from a model that had not seen it."""
    events = {(record.partition, record.offset): record for record in live.read("events")}
    predictions, letters = live.predictions(), live.read("dlq")
    answered = [source(record) for record, _ in predictions] + [source(record) for record in letters]
    assert sorted(answered) == sorted(events)
    for records in ([record for record, _ in predictions], letters):
        for partition in {record.partition for record in records}:
            offsets = [source(record)[1] for record in records if record.partition == partition]
            assert offsets == sorted(set(offsets))
    for record, prediction in predictions:
        partition, offset = source(record)
        assert record.partition == partition
        assert all(each["offset"] < offset for each in prediction["trained_through"])
        assert prediction["id"].encode() in (events[partition, offset].value or b"")
    for letter in letters:
        event = events[source(letter)]
        assert (letter.partition, letter.key, letter.value) == (event.partition, event.key, event.value)
        own = [(ORIGINAL + name, value) for name, value in event.headers if name != "traceparent"]
        assert [header for header in letter.headers if header[0].startswith(ORIGINAL)] == own


def test_every_event_becomes_one_prediction_or_one_dead_letter(kafka: str, stream_name: str) -> None:
    """Good and bad events mixed, in three partitions."""
    live = LiveStream(kafka, stream_name, partitions=3)
    values: list[bytes | None] = [event(number) for number in range(600)]
    for position, value in enumerate(POISON.values()):
        values.insert(position * 40, value)
    live.fill(values)
    with working(live.settings):
        live.wait_for(len(values))
    check_exactly_once(live)
    assert len(live.read("dlq")) == len(POISON)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(kafka: str, stream_name: str, number: signal.Signals) -> None:
    """It finishes its batch, commits it and exits 0 within ten seconds, in the middle of a stream."""
    live = LiveStream(kafka, stream_name)
    live.fill([event(position) for position in range(30_000)])
    with live.worker() as process:
        live.wait_for(500)
        status, seconds, said = stop(process, number)
    assert status == 0, said
    assert seconds < 10
    written = [source(record)[1] for record, _ in live.predictions()]
    assert written == list(range(len(written)))
    assert len(written) < 30_000


@pytest.mark.slow
def test_a_restarted_worker_writes_what_one_that_never_stopped_would(kafka: str, stream_name: str) -> None:
    """Stopped once in order and once by a crash: the bytes are those of an uninterrupted run."""
    values = [event(position) for position in range(3_000)]
    interrupted = LiveStream(kafka, stream_name)
    for share, number in ((500, signal.SIGTERM), (1_500, signal.SIGKILL), (3_000, signal.SIGTERM)):
        already = len(interrupted.read("predictions"))
        interrupted.fill(values[already and len(interrupted.read("events")) : share])
        with interrupted.worker(ITHACA_RUN="same", ITHACA_WORKER__INSTANCE="one") as process:
            interrupted.wait_for(share if number is signal.SIGTERM else already + 100)
            stop(process, number)
    uninterrupted = make_task_of(interrupted)
    expected = uninterrupted.process(interrupted.read("events")).outputs
    check_exactly_once(interrupted)
    for kind in ("predictions", "drift"):
        written = [Output(kind, each.key, each.value, each.headers) for each in interrupted.read(kind)]
        assert written == [output for output in expected if output.kind == kind]


def slow_task(kind: type[Task], live_from: int) -> Task:
    """Return a task of quick parts, of a kind."""
    task = make_task(live_from)
    task.__class__ = kind
    return task


def make_task_of(live: LiveStream) -> Task:
    """Return the task that a live stream's workers run."""
    settings = live.settings.model_copy(
        update={
            "run": "same",
            "learner": live.settings.learner.model_copy(update={"name": "priors"}),
            "encoder": live.settings.encoder.model_copy(update={"parameters": {"dimensions": 64}}),
        }
    )
    return assembly.make_task(settings)


def test_two_workers_share_the_partitions_and_hand_them_over(kafka: str, stream_name: str) -> None:
    """A second one comes in the middle and takes a share; the first one goes and the second takes all."""
    live = LiveStream(kafka, stream_name, partitions=4)
    live.fill([event(position) for position in range(1_000)])
    owners: dict[str, set[int]] = {"first": set(), "second": set()}

    def noting(owner: str) -> Callable[[int], Task]:
        class Noted(Task):
            def process(self, records: Sequence[Record]) -> Outcome:
                owners[owner].update(
                    record.partition for record in records if record.offset >= self.live_from
                )
                return super().process(records)

        def make(live_from: int) -> Task:
            plain = make_task(live_from)
            return Noted(
                plain.encoder,
                plain.model.learner,
                plain.observer.monitors,
                run="r",
                source="/s",
                live_from=live_from,
            )

        return make

    with working(live.settings, noting("second")) as second:
        with working(live.settings, noting("first")):
            live.wait_for(1_000)
            for round_ in range(1, 40):
                live.fill([event(position) for position in range(100)])
                live.wait_for(1_000 + 100 * round_)
                if owners["first"] and owners["second"]:
                    break
        assert owners["first"]
        assert owners["second"]
        total = len(live.read("events"))
        live.fill([event(position) for position in range(400)])
        live.wait_for(total + 400)
        assert second is not None
    check_exactly_once(live)
    assert owners["second"] == {0, 1, 2, 3}


def test_a_worker_thrown_out_of_the_group_cannot_write(kafka: str, stream_name: str) -> None:
    """Another writes for its partition while it hangs: what it had is discarded, and it comes back."""
    live = LiveStream(kafka, stream_name)
    live.fill([event(position) for position in range(200)])
    hanging, go = threading.Event(), threading.Event()

    class Hanging(Task):
        def process(self, records: Sequence[Record]) -> Outcome:
            if records and not hanging.is_set():
                hanging.set()
                go.wait(60)
            return super().process(records)

    def make(live_from: int) -> Task:
        plain = make_task(live_from)
        parts = plain.encoder, plain.model.learner, plain.observer.monitors
        return Hanging(*parts, run="test", source="/test", live_from=live_from)

    telemetry = Telemetry()
    with working(live.settings, make, telemetry):
        assert hanging.wait(30)
        usurper = Outbox(live.settings, 0, lambda: True)
        go.set()
        deadline = time.monotonic() + 30
        while not telemetry.status().fencings:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert live.predictions() == []
        usurper.close()
        # The group never gave the partition to anyone else: it comes back, anew.
        live.wait_for(200)
    check_exactly_once(live)


@pytest.mark.slow
def test_two_workers_of_one_name_throw_each_other_out_with_a_clear_word(kafka: str, stream_name: str) -> None:
    """The earlier one ends with an error; what is written stays exactly once."""
    live = LiveStream(kafka, stream_name)
    live.fill([event(position) for position in range(300)])
    named = live.settings.model_copy(
        update={"worker": live.settings.worker.model_copy(update={"instance": "one"})}
    )

    earlier = Telemetry()

    def both() -> None:
        with working(named, telemetry=earlier):
            live.wait_for(300)
            with working(named):
                deadline, filled = time.monotonic() + 60, 300
                while earlier.status().silence_s < 7:
                    assert time.monotonic() < deadline
                    live.fill([event(position) for position in range(20)])
                    filled += 20
                    time.sleep(0.2)
                live.wait_for(filled)

    with pytest.raises(InstanceError, match=r"worker\.instance"):
        both()
    check_exactly_once(live)


def test_a_letter_too_large_for_the_topic_does_not_stop_the_stream(kafka: str, stream_name: str) -> None:
    """Where the dead-letter topic takes less than it should, the letter goes without its value."""
    live = LiveStream(kafka, stream_name)
    live.limit("dlq", 2_000)
    # Of letters that do not compress: the limit is on what is sent.
    large = b'{"id": 7, "text": "' + random.Random(0).randbytes(20_000).hex().encode() + b'"}'
    live.fill([event(0), large, event(1), POISON["broken json"]])
    with working(live.settings):
        live.wait_for(4)
    cut, whole = live.read("dlq")
    assert (cut.key, cut.value, whole.value) == (b"k1", None, POISON["broken json"])
    headers = dict(cut.headers)
    assert headers["ithaca_reason"] == b"schema"
    assert headers["ithaca_value_bytes"] == str(len(large)).encode()


def test_what_is_large_keeps_its_reason_and_counters_are_right(kafka: str, stream_name: str) -> None:
    """Large values, keys and headers: whatever is written is counted as what it is."""
    live = LiveStream(kafka, stream_name)
    live.fill([event(0)])
    large, telemetry = 5_000_000, Telemetry()
    with working(live.settings, telemetry=telemetry):
        live.wait_for(1)
        live.limit("events", 2 * large)
        client = producer(live.settings.kafka)
        for value, key, headers in (
            (event(1, text="w" * 2_000_000), b"k", []),
            (event(2), b"K" * large, []),
            (event(3), b"k", [("h", b"x" * large)]),
            (b"not json", b"k", [("h", b"x" * large)]),
            (event(5), None, []),
        ):
            client.send(topic(stream_name, "events"), value, key, headers=headers).get(30)
        client.close()
        live.wait_for(6)
    status = telemetry.status()
    reasons = {source(letter)[1]: dict(letter.headers)["ithaca_reason"] for letter in live.read("dlq")}
    assert reasons == {1: b"size", 2: b"size", 4: b"json"}
    assert status.predictions == len(live.predictions()) == 3
    assert status.dead_letters == {"size": 2, "json": 1}


def test_a_prediction_that_is_cut_is_counted_as_a_dead_letter(kafka: str, stream_name: str) -> None:
    """Where the topic of predictions takes less than it should: the counters are what the topics hold."""
    live, telemetry = LiveStream(kafka, stream_name), Telemetry()
    live.limit("predictions", 5_000)
    # Labels that do not compress, and that a prediction repeats.
    labels = [random.Random(number).randbytes(100).hex() for number in range(200)]
    live.fill([event(0), event(1, labels=labels), POISON["broken json"]])
    with working(live.settings, telemetry=telemetry):
        live.wait_for(3)
    status = telemetry.status()
    assert status.predictions == len(live.predictions()) == 1
    assert status.dead_letters == {"size": 1, "json": 1}
    assert status.events == 3


def test_records_that_were_read_and_are_not_answered_are_lag(kafka: str, stream_name: str) -> None:
    """All are read at once and answered bit by bit; what is reported is never less than what is left then."""

    class Slow(Task):
        def process(self, records: Sequence[Record]) -> Outcome:
            time.sleep(0.05)
            return super().process(records)

    live, telemetry = LiveStream(kafka, stream_name), Telemetry()
    live.fill([event(number) for number in range(2_000)])
    worker = live.settings.worker.model_copy(update={"largest_batch": 50})
    settings = live.settings.model_copy(update={"worker": worker})
    with working(settings, lambda live_from: slow_task(Slow, live_from), telemetry):
        until(lambda: telemetry.status().predictions >= 100)
        seen = []
        while telemetry.status().predictions < 1_500:
            status = telemetry.status()
            seen.append((status.partitions[0].lag or 0) + status.predictions)
            time.sleep(0.01)
        until(lambda: telemetry.status().partitions[0].lag == 0)
    assert min(seen) >= 2_000


def test_records_that_the_learner_cannot_take_are_dead_letters(kafka: str, stream_name: str) -> None:
    """Each once, with the reason; what was half-learned is undone, and the stream goes on."""
    live = LiveStream(kafka, stream_name)
    values = [CRASHING if number % 150 == 70 else event(number) for number in range(600)]
    live.fill(values)
    with working(live.settings, make_fragile_task):
        live.wait_for(600)
    check_exactly_once(live)
    letters = live.read("dlq")
    assert [letter.offset for letter in live.read("events") if letter.value == CRASHING] == [
        source(letter)[1] for letter in letters
    ]
    assert {dict(letter.headers)["ithaca_detail"] for letter in letters} == {b"ZeroDivisionError: too many u"}
    spared = make_task()
    spared.process([record for record in live.read("events") if record.value != CRASHING])
    assert live.predictions()[-1][1]["model"]["updates"] == spared.model.updates - 1


@pytest.mark.slow
def test_a_learner_that_throws_at_everything_ends_the_worker(kafka: str, stream_name: str) -> None:
    """It is not the records; nobody wants a whole stream among the dead letters."""
    live = LiveStream(kafka, stream_name)
    live.fill([CRASHING] * (MOST_REFUSED + 50))
    with pytest.raises(LearnerError, match="too many u"):
        Worker(live.settings, make_fragile_task).run()
    assert len(live.read("dlq")) <= MOST_REFUSED


class Deadly(Letters):
    """Ends the process at one event, as the kernel does when memory runs out."""

    def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
        """Encode all, or end."""
        if any(event.id == "crash" for event in events):
            os._exit(9)
        return super().encode(events)


def make_deadly_task(live_from: int) -> Task:
    """Return a task that ends the process at `CRASHING`."""
    task = make_task(live_from)
    task.encoder = Deadly()
    return task


def _work_until_death(settings: Settings) -> None:
    Worker(settings, make_deadly_task).run()


@pytest.mark.slow
def test_a_record_that_ends_the_process_is_a_dead_letter_after_a_few_restarts(
    kafka: str, stream_name: str
) -> None:
    """Whatever ends it; the events around the record are predicted, each once."""
    live = LiveStream(kafka, stream_name)
    live.fill([CRASHING if number == 70 else event(number) for number in range(100)])
    spawn = multiprocessing.get_context("spawn")
    # A member that died keeps its partitions for that long.
    worker = live.settings.worker.model_copy(update={"session_timeout_ms": 6_000})
    settings = live.settings.model_copy(update={"worker": worker})
    deaths = 0
    while len(live.predictions()) < 99:
        process = spawn.Process(target=_work_until_death, args=(settings,))
        process.start()
        while process.is_alive() and len(live.predictions()) < 99:
            process.join(0.5)
        deaths += process.exitcode == 9
        assert deaths <= MOST_ATTEMPTS + 2
        process.kill()
        process.join()
    check_exactly_once(live)
    (letter,) = live.read("dlq")
    assert source(letter)[1] == 70
    assert dict(letter.headers)["ithaca_detail"].startswith(b"the process ended 3 times")


def test_an_encoder_in_trouble_pauses_the_stream(kafka: str, stream_name: str) -> None:
    """Nothing becomes a dead letter, nothing is lost, and it goes on when the trouble is over."""
    live = LiveStream(kafka, stream_name)
    live.fill([event(number) for number in range(300)])
    failures = iter(range(3))

    class Remote(Letters):
        def encode(self, events: Sequence[Event]) -> list[NDArray[np.float32]]:
            if self.seen > 100 and next(failures, None) is not None:
                raise ConnectionError("no route to the encoder")
            return super().encode(events)

    def make(live_from: int) -> Task:
        task = make_task(live_from)
        task.encoder = Remote()
        return task

    with working(live.settings, make):
        live.wait_for(300)
    check_exactly_once(live)
    assert live.read("dlq") == []
    assert next(failures, None) is None


class Illegible(str):
    """A header name that is no UTF-8."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Return what no decoder takes."""
        del encoding, errors
        return b"na\xffme"


def test_a_header_name_that_nobody_can_read_does_not_stop_the_stream(kafka: str, stream_name: str) -> None:
    """Its record is an event like any other, or a dead letter that keeps all but that name."""
    live = LiveStream(kafka, stream_name)
    with Writer(live.settings.kafka, topic(stream_name, "events")) as writer:
        for value in (event(0), event(1), b"broken", event(2)):
            headers = () if value == event(0) else (("good", b"g"), (Illegible("x"), b"\xff\x00"))
            writer.send(value, b"k", headers)
    with working(live.settings):
        live.wait_for(4)
    assert [source(record)[1] for record, _ in live.predictions()] == [0, 1, 3]
    (letter,) = live.read("dlq")
    assert letter.headers[-2:] == ((f"{ORIGINAL}good", b"g"), (f"{ORIGINAL}na?me", b"\xff\x00"))
    assert letter.value == b"broken"


def test_the_embedded_broker_serves_too(embedded_kafka: str, stream_name: str) -> None:
    """Without long poll and without cooperative rebalancing."""
    live = LiveStream(embedded_kafka, stream_name, partitions=2)
    live.fill([*(event(position) for position in range(300)), POISON["tombstone"]])
    with working(live.settings):
        live.wait_for(200)
    live.fill([event(position) for position in range(100)])
    with working(live.settings):
        live.wait_for(401)
    check_exactly_once(live)


def test_a_broker_that_goes_and_comes_back_costs_nothing(tmp_path: Path, stream_name: str) -> None:
    """The worker keeps its state, finds out what became of the transaction in flight, and goes on."""
    broker = KafkaBroker(tmp_path)
    try:
        broker.start()
    except NoBrokerError as missing:
        pytest.skip(f"NO BROKER TO TEST WITH: {missing}")
    made: list[int] = []

    class Slow(Task):
        def process(self, records: Sequence[Record]) -> Outcome:
            time.sleep(0.001 * len(records))
            return super().process(records)

    def make(live_from: int) -> Task:
        made.append(live_from)
        plain = make_task(live_from)
        parts = plain.encoder, plain.model.learner, plain.observer.monitors
        return Slow(*parts, run="test", source="/test", live_from=live_from)

    telemetry = Telemetry()
    with ExitStack() as cleanup:
        cleanup.callback(broker.stop)
        live = LiveStream(broker.address, stream_name)
        live.fill([event(position) for position in range(5_000)])
        # Shorter than the broker is away, however soon it starts: what is in flight fails, and is in doubt.
        hasty = live.settings.worker.model_copy(update={"commit_timeout_s": 1.0})
        with working(live.settings.model_copy(update={"worker": hasty}), make, telemetry):
            live.wait_for(500)
            broker.stop()
            time.sleep(2.0)
            broker.port = int(broker.address.rpartition(":")[2])
            broker.start()
            live.wait_for(5_000)
        check_exactly_once(live)
    assert telemetry.status().failures > 0
    assert made == [0]
