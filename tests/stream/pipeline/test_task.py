"""The rules of the pipeline: test then train, whatever the batches, and bad input never stops it."""

from __future__ import annotations

import concurrent.futures
import functools
import json
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.alarms.alarm import Alarm, Observation
from drift.core import Vector, digest
from drift.monitors.monitors import Monitors
from learners.catalogue import LEARNERS
from learners.core.base import Learner
from learners.core.labels import Targets
from learners.dummy.priors import LabelPriors
from learners.extreme.classifier import ExtremeClassifier
from stream.encoders import Hashing
from stream.pipeline.outcome import LearnerError
from stream.pipeline.task import Task
from stream.records.decoding import MAX_ID_CHARACTERS, MAX_KEY_BYTES
from stream.records.outputs import ORIGINAL
from stream.records.schema import Output, Record
from tests.learners.checks import maker, through_json
from tests.stream.standins import POISON, EverySeventh, Letters, event, make_task, records

MIXED = records(
    [
        *(event(number) for number in range(20)),
        *POISON.values(),
        event(20, labels=None),
        event(21, labels_complete=False),
        event(22, labels=["grain"], labels_complete=False, **{"not": ["oil"]}),
        *(event(number) for number in range(23, 45)),
    ]
)


def outputs(task: Task, given: list[Record], cuts: list[int]) -> list[Output]:
    """Process records in batches that end at some positions."""
    edges = sorted({0, *cuts, len(given)})
    return [output for begin, end in pairwise(edges) for output in task.process(given[begin:end]).outputs]


def predictions(written: list[Output]) -> list[dict[str, Any]]:
    """Return the prediction records among outputs."""
    return [json.loads(output.value or b"") for output in written if output.kind == "predictions"]


class Diary(Learner):
    """Writes down what it is asked and told, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[tuple[str, float]] = []

    def score(self, x: Vector) -> Vector:
        """Note it; an even chance for everything."""
        self.entries.append(("predict", float(x[-1])))
        return np.full(len(self.label_space), 0.5, np.float32)

    def learn(self, x: Vector, targets: Targets) -> None:
        """Note it."""
        self._count(x)
        self.entries.append(("learn", float(x[-1])))


def test_every_message_is_predicted_before_it_is_learned_and_after_those_before_it() -> None:
    """Test, then train, one message at a time."""
    learner = Diary()
    task = Task(Letters(), learner, Monitors(), run="r", source="/s")
    task.process(records([event(0), event(1), event(2, labels=None), event(3)]))
    assert learner.entries == [
        ("predict", 1.0),
        ("learn", 1.0),
        ("predict", 2.0),
        ("learn", 2.0),
        ("predict", 3.0),
        ("predict", 4.0),
        ("learn", 4.0),
    ]


def test_a_new_label_is_not_known_to_the_prediction_of_the_message_that_brings_it() -> None:
    """The first prediction knows nothing."""
    first, second = predictions(make_task().process(records([event(0), event(0)])).outputs)
    assert first["scores"] == []
    assert [each["label"] for each in second["scores"]] == ["grain"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, len(MIXED)), max_size=12))
def test_batches_do_not_change_a_byte(cuts: list[int]) -> None:
    """Wherever the batches end."""
    singles, batched = make_task(), make_task()
    assert outputs(batched, MIXED, cuts) == outputs(singles, MIXED, list(range(len(MIXED))))
    assert digest(batched.state()) == digest(singles.state())


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_every_learner_ends_the_same_whatever_the_batches_and_restarts(name: str) -> None:
    """One by one, in batches, and saved, loaded and gone on: one digest."""

    def task() -> Task:
        return Task(Letters(), maker(name)(), EverySeventh(), run="test", source="/test")

    singles, batched, stopped, resumed = task(), task(), task(), task()
    written = outputs(singles, MIXED, list(range(len(MIXED))))
    assert outputs(batched, MIXED, [1, 8, 31]) == written
    stopped.process(MIXED[:29])
    resumed.load_state(through_json(stopped.state()))
    assert written[-1] == resumed.process(MIXED[29:]).outputs[-1]
    assert singles.model.learner.digest() == batched.model.learner.digest() == resumed.model.learner.digest()


def test_predictions_say_what_the_model_had_learned_always_below_the_own_offset() -> None:
    """The audit trail never goes back."""
    written = [output for output in make_task().process(MIXED).outputs if output.kind == "predictions"]
    previous = -1
    for output, record in zip(written, predictions(written), strict=True):
        offset = int(dict(output.headers)["ce_id"].split(b"/")[2])
        through = max((each["offset"] for each in record["trained_through"]), default=-1)
        assert previous <= through < offset
        previous = through
    first = {"topic": "s.events", "partition": 0, "offset": 0}
    assert [record["trained_through"] for record in predictions(written)][:2] == [[], [first]]


@pytest.mark.parametrize("exact", [True, False], ids=["exact", "shortlist"])
def test_a_micro_batch_is_named_once_it_has_been_learned(exact: bool) -> None:
    """`trained_through` steps over whole micro-batches; batches and restarts change no bit of the outputs."""

    def task() -> Task:
        learner = ExtremeClassifier(exact=exact, micro_batch=4, device="cpu")
        return Task(Letters(), learner, EverySeventh(), run="test", source="/test")

    given = records([event(number) for number in range(30)])
    written = outputs(task(), given, list(range(len(given))))
    through = [record["trained_through"] for record in predictions(written)]
    assert [each[0]["offset"] if each else -1 for each in through] == [n - n % 4 - 1 for n in range(30)]
    assert outputs(task(), given, [1, 2, 9, 23]) == written
    stopped, resumed = task(), task()
    before = stopped.process(given[:14]).outputs
    resumed.load_state(through_json(stopped.state()))
    assert before + resumed.process(given[14:]).outputs == written


def test_the_digest_changes_with_what_is_learned_and_with_nothing_else() -> None:
    """Equal digests mean equal models."""
    values = [event(0), event(1, labels=None), event(2), event(3)]
    models = [record["model"] for record in predictions(make_task().process(records(values)).outputs)]
    assert [model["updates"] for model in models] == [0, 1, 1, 2]
    assert len({model["digest"] for model in models}) == 3
    other = predictions(make_task(half_life=60.0).process(records(values)).outputs)
    assert other[0]["model"]["digest"] != models[0]["digest"]


SENT = (
    ("trace", b"\xff"),
    ("ce_id", b"one"),
    ("ce_id", b"two"),
    ("ce_type", b"x"),
    ("content-type", b"application/cloudevents+json"),
    ("traceparent", b"00-1-2-01"),
)


@pytest.mark.parametrize("kind", POISON)
def test_bad_input_is_a_dead_letter_once_with_its_bytes(kind: str) -> None:
    """Whatever is wrong with it, the reason is in the headers; the sender's own have names of ours."""
    value = POISON[kind]
    good, bad = (
        records([event(0), value, event(1)]),
        Record("s.events", 0, 1, 0, b"\x00key", value, SENT),
    )
    written = make_task().process([good[0], bad, good[2]]).outputs
    letters = [output for output in written if output.kind == "dlq"]
    assert len(letters) == 1
    assert (letters[0].key, letters[0].value) == (b"\x00key", value)
    assert [header for header in letters[0].headers if header[0].startswith(ORIGINAL)] == [
        (f"{ORIGINAL}trace", b"\xff"),
        (f"{ORIGINAL}ce_id", b"one"),
        (f"{ORIGINAL}ce_id", b"two"),
        (f"{ORIGINAL}ce_type", b"x"),
        (f"{ORIGINAL}content-type", b"application/cloudevents+json"),
    ]
    headers = dict(letters[0].headers)
    assert headers["ce_id"] == b"s.events/0/1/dead-letter"
    assert headers["ce_type"] == b"ithaca.dead-letter"
    assert headers["content-type"] == b"application/octet-stream"
    assert headers["traceparent"] == b"00-1-2-01"
    assert headers["ithaca_reason"] in (
        b"tombstone",
        b"json",
        b"schema",
        b"value",
        b"size",
        b"limit",
        b"encoder",
    )
    assert headers["ithaca_detail"]


def test_bad_input_leaves_everything_else_as_it_would_have_been() -> None:
    """Predictions and model are those of the stream without it."""
    clean = records([event(number) for number in range(30)])
    poisoned = list(clean)
    for position, value in enumerate(POISON.values()):
        poisoned.insert(2 * position, clean[0]._replace(value=value))
    poisoned = [record._replace(offset=offset) for offset, record in enumerate(poisoned)]
    task, expected = make_task(), make_task()
    written, wanted = task.process(poisoned).outputs, expected.process(clean).outputs
    without_offsets = [
        {name: value for name, value in record.items() if name != "trained_through"}
        for record in predictions(written)
    ]
    assert without_offsets == [
        {name: value for name, value in record.items() if name != "trained_through"}
        for record in predictions(wanted)
    ]
    assert task.dead_letters == len(POISON)
    assert digest(task.model.learner.state()) == digest(expected.model.learner.state())


def test_a_key_or_a_trace_that_is_too_large_swells_nothing() -> None:
    """The prediction, which repeats the key, would be too large for its topic."""
    plain = records([event(0)])[0]
    (letter,) = make_task().process([plain._replace(key=b"K" * (MAX_KEY_BYTES + 1))]).outputs
    assert (letter.kind, dict(letter.headers)["ithaca_reason"]) == ("dlq", b"size")
    (good,) = make_task().process([plain._replace(headers=(("tracestate", b"x" * 5_000),))]).outputs
    assert (good.kind, "tracestate" in dict(good.headers)) == ("predictions", False)


def test_a_name_as_long_as_the_event_does_not_swell_the_reason() -> None:
    """Headers stay small."""
    value = json.dumps({"id": "x" * 900_000, "ts": 0, "text": "wheat"}).encode()
    (letter,) = make_task().process(records([value])).outputs
    assert str(MAX_ID_CHARACTERS).encode() in dict(letter.headers)["ithaca_detail"]
    assert sum(len(text) for _, text in letter.headers) < 2_000


def test_an_encoder_that_returns_too_few_vectors_is_asked_one_by_one() -> None:
    """No event is lost, no vector goes to another's event."""

    class Forgetful(Letters):
        def encode(self, events: Any) -> Any:
            return super().encode(events)[: 1 if len(events) == 1 else -1]

    task = Task(Forgetful(), Diary(), Monitors(), run="r", source="/s")
    written = task.process(records([event(0), event(1), event(2)])).outputs
    assert [record["id"] for record in predictions(written)] == ["e0", "e1", "e2"]


@pytest.mark.parametrize("live_from", [0, 1, 17, 30, len(MIXED)])
def test_silent_learning_comes_to_the_same_place_and_writes_only_what_is_live(live_from: int) -> None:
    """A restarted task equals one that never stopped, and repeats nothing."""
    silent, loud = make_task(live_from), make_task()
    written, wanted = outputs(silent, MIXED, [5, 18]), outputs(loud, MIXED, [])
    assert written == [output for output in wanted if _source_offset(output) >= live_from]
    assert digest(silent.state()) == digest(loud.state())


def _source_offset(output: Output) -> int:
    return int(dict(output.headers)["ce_id"].split(b"/")[2])


@pytest.mark.parametrize("cut", [0, 1, 25, len(MIXED)])
def test_state_round_trip(cut: int) -> None:
    """Through JSON, at any cut."""
    one, other = make_task(), make_task()
    one.process(MIXED[:cut])
    other.load_state(json.loads(json.dumps(one.state(), default=np.ndarray.tolist)))
    assert other.next_offset == cut
    assert one.process(MIXED[cut:]) == other.process(MIXED[cut:])
    assert digest(one.state()) == digest(other.state())


def test_a_record_that_comes_again_is_an_error_and_changes_nothing() -> None:
    """A driver that lost its place is stopped before it does harm."""
    task = make_task()
    task.process(MIXED[:10])
    before = digest(task.state())
    with pytest.raises(ValueError, match=r"Offset 9 of s.events partition 0 came again after 9"):
        task.process(MIXED[9:12])
    assert digest(task.state()) == before


def test_drift_events_carry_where_they_come_from() -> None:
    """Each has an id of its own."""
    written = make_task().process(records([event(number) for number in range(7)])).outputs
    (drift,) = [output for output in written if output.kind == "drift"]
    assert dict(drift.headers)["ce_id"] == b"s.events/0/6/drift.0"
    assert json.loads(drift.value or b"")["detector"] == "seven"


class Numpy(EverySeventh):
    """Raises alarms whose figures are numpy's, as sums over arrays are."""

    def update(self, observation: Observation) -> list[Alarm]:
        """See `EverySeventh`."""
        return [
            alarm._replace(statistic=np.float64(0.25), before=np.float64(0.5))
            for alarm in super().update(observation)
        ]


def test_alarms_are_written_whatever_kind_of_number_they_carry() -> None:
    """A figure that cannot be written would stop the stream, and at the same record again after a restart."""
    task = Task(Letters(), maker("majority")(), Numpy(), run="r", source="/s")
    written = task.process(records([event(number) for number in range(7)])).outputs
    (drift,) = [json.loads(output.value or b"") for output in written if output.kind == "drift"]
    assert (drift["statistic"], drift["before"]) == (0.25, 0.5)


def test_trace_context_is_passed_on_and_other_headers_are_not() -> None:
    """The sender's other headers are not ours to spread."""
    record = records([event(0)])[0]._replace(headers=(("traceparent", b"00-1"), ("secret", b"x")))
    headers = dict(make_task().process([record]).outputs[0].headers)
    assert headers["traceparent"] == b"00-1"
    assert "secret" not in headers
    assert headers["ce_time"] == b"2023-11-14T22:13:20.000+00:00"


def test_a_time_stamp_that_no_calendar_holds_is_no_trouble() -> None:
    """Producers may write any 64-bit number."""
    record = records([event(0)])[0]._replace(timestamp=2**62)
    headers = dict(make_task().process([record]).outputs[0].headers)
    assert headers["ce_time"] == b"1970-01-01T00:00:00.000+00:00"


@pytest.mark.parametrize("error", [MemoryError("126,000 labels"), ValueError("odd")])
def test_a_learner_that_runs_out_of_memory_threw(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record asked for more than there is, and would at each start: it is refused as any other."""
    task = make_task()

    def learn(x: Vector, targets: Targets) -> None:
        raise error

    monkeypatch.setattr(task.model.learner, "learn", learn)
    with pytest.raises(LearnerError, match=f"at offset 0: {type(error).__name__}"):
        task.process(records([event(0)]))


def test_monitors_see_each_label_that_a_message_brings() -> None:
    """Once, by name, with the message that had it first."""
    appeared = []

    class Witness(EverySeventh):
        def update(self, observation: Observation) -> list[Alarm]:
            appeared.append(tuple(observation.appeared))
            return []

    task = Task(Letters(), LabelPriors(50.0), Witness(), run="test", source="/test")
    labels = [["x"], ["x", "y"], ["y"], [], ["z", "x", "w"]]
    task.process(records([event(number, labels=given) for number, given in enumerate(labels)]))
    assert [sorted(names) for names in appeared] == [["x"], ["y"], [], [], ["w", "z"]]


class Later(concurrent.futures.Executor):
    """Runs nothing by itself."""

    def __init__(self) -> None:
        self.given: list[tuple[concurrent.futures.Future[Any], Callable[[], Any]]] = []

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Keep a call for `run`."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self.given.append((future, functools.partial(call, *args, **kwargs)))
        return future

    def run(self) -> None:
        """Run the first call that has not run."""
        future, call = self.given.pop(0)
        future.set_result(call())


def test_what_is_encoded_ahead_is_waited_for_in_its_order() -> None:
    """Of two batches the first suffices to go on, and not the second."""
    task, later, batches = make_task(), Later(), records([event(number) for number in range(4)])
    task.encoder = Hashing(dimensions=64, device="cpu")
    task.encode_ahead(batches[:2], later)
    task.encode_ahead(batches[2:], later)
    waiting = threading.Thread(target=task.wait_encoded, daemon=True)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    later.run()
    waiting.join(10)
    assert not waiting.is_alive()
    assert len(task.process(batches[:2]).outputs) == 2
    later.run()
    assert len(task.process(batches[2:]).outputs) == 2
