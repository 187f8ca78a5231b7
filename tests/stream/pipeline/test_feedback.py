"""F10 without a broker: labels that come later, early, twice, in parts, corrected, for nobody, or never."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.alarms.alarm import Alarm, Observation
from drift.core import Vector, digest
from drift.monitors.monitors import Monitors
from learners.core.labels import Targets
from learners.core.prediction import Prediction
from learners.core.structure import Change
from learners.dummy.priors import LabelPriors
from stream.pipeline.feedback import OUTCOMES, OVERHEAD, FeedbackStore
from stream.pipeline.packed_prediction import PackedPrediction
from stream.pipeline.task import Task
from stream.records.decoding import decode
from stream.records.predictions import LISTED
from stream.records.schema import Event, Feedback, Output, Record
from tests.stream.pipeline.plain_feedback import PlainStore, Table
from tests.stream.standins import Letters, disorder, event, feedback, make_task, records

PREDICTION = Prediction(np.array([1]), np.array([0.1, 0.9], dtype=np.float32))
LABEL_LISTS = st.lists(st.sampled_from("abc"), max_size=3)
MESSAGES = st.builds(
    lambda kind, name, ts, labels, complete, negative: kind(
        id=name, ts=ts, labels=labels, labels_complete=complete, not_=negative
    ),
    st.sampled_from([Event, Feedback]),
    st.sampled_from(["1", "2", "3", "4", "5"]),
    st.integers(0, 40).map(float),
    st.none() | LABEL_LISTS,
    st.booleans(),
    LABEL_LISTS,
).filter(lambda message: isinstance(message, Event) or message.teaches)


def table(labels: tuple[str, ...], negative: tuple[str, ...] | None) -> Table:
    """Return what is known of labels as the plain model has it."""
    given = {"": False} if negative is None else dict.fromkeys(negative, False)
    return given | dict.fromkeys(labels, True)


def known(given: Table) -> Table:
    """Return a table without the negatives that go without saying."""
    return {name: yes for name, yes in given.items() if name == "" or yes or "" not in given}


@settings(max_examples=400)
@given(st.lists(MESSAGES, max_size=60), st.integers(1, 5), st.integers(1, 30))
def test_every_outcome_is_that_of_the_plain_model(
    messages: list[Event | Feedback], events: int, horizon: int
) -> None:
    """Counters, what is learned and what is kept, after every message, through a saved state at times."""
    plain, store = PlainStore(events, horizon), FeedbackStore(events, horizon_s=horizon)
    heard = 0
    for number, message in enumerate(messages):
        x = np.full(1, number, dtype=np.float32)
        if isinstance(message, Event):
            lesson = store.remember(message, x, PREDICTION)
        else:
            lesson = store.join(message)
            heard += 1
        learned = [] if lesson is None else [(message.id, known(table(*lesson.known)))]
        assert learned == [(name, known(given)) for name, given in plain.take(message)]
        statistics = store.statistics()
        assert {name: getattr(statistics, name) for name in plain.statistics()} == plain.statistics()
        assert sum(getattr(statistics, outcome) for outcome in OUTCOMES) + statistics.waiting == heard
        if number % 7 == 3:
            state, store = store.state(), FeedbackStore(events, horizon_s=horizon)
            store.load_state(state)
            assert digest(store.state()) == digest(state)
            assert store.statistics() == statistics


@given(st.lists(st.tuples(st.text(max_size=50), st.integers(0, 600)), max_size=40))
def test_memory_is_bounded(given: list[tuple[str, int]]) -> None:
    """Whatever the vectors and labels are, and the oldest go first."""
    store = FeedbackStore(max_bytes=4_000)
    for number, (text, length) in enumerate(given):
        store.remember(Event(id=f"{text}{number}", ts=0), np.ones(length, np.float32), PREDICTION)
        store.join(Feedback(id=f"{text}{number}", ts=0, labels=[text or "x"]))
        assert store.statistics().kept_bytes <= 4_000
        held = sum(part.nbytes for part in store.state()["guesses"].values())
        assert held <= 4_000
    assert store.statistics().kept <= 4_000 // OVERHEAD


def test_a_lesson_says_how_many_events_were_predicted_since_its_own() -> None:
    """None where labels came at once or early; through a saved state as well."""
    store = FeedbackStore()
    x = np.ones(1, np.float32)
    store.join(Feedback(id="4", ts=0, labels=["a"]))
    early = [store.remember(Event(id=str(number), ts=0), x, PREDICTION) for number in range(5)][4]
    assert early is not None
    assert early.delay == 0
    state, store = store.state(), FeedbackStore()
    store.load_state(state)
    lessons = [store.join(Feedback(id=str(number), ts=0, labels=["a"])) for number in (3, 0)]
    assert [lesson.delay for lesson in lessons if lesson] == [1, 4]


def test_labels_in_the_event_count_more_than_feedback_that_waited_for_it() -> None:
    """The event is the later record: what it says holds, and the feedback fills what it leaves open."""
    x = np.ones(1, np.float32)
    for own, outcome, expected in (
        (Event(id="1", ts=1, labels=["y"]), "duplicate", None),
        (Event(id="1", ts=1, labels=["y"], labels_complete=False, not_=["x"]), "duplicate", None),
        (Event(id="1", ts=1, not_=["x"]), "extended", ((), {"y", "x"})),
        (Event(id="1", ts=1, labels=["z"], labels_complete=False), "extended", (("x", "z"), {"y"})),
    ):
        store = FeedbackStore()
        store.join(Feedback(id="1", ts=0, labels=["x"], labels_complete=False, not_=["y"]))
        lesson = store.remember(own, x, PREDICTION)
        assert getattr(store.statistics(), outcome) == 1
        said = None if lesson is None else (lesson.known.labels, set(lesson.known.negative or ()))
        assert said == expected
        again = Feedback(id="1", ts=2, labels=own.labels, labels_complete=own.labels_complete, not_=own.not_)
        assert store.join(again) is None


def test_two_records_in_another_order_give_another_fingerprint() -> None:
    """They teach something else: of each label the later record counts."""
    said = Feedback(id="1", ts=0, labels=["x", "w"], labels_complete=False)
    own = Event(id="1", ts=0, not_=["x"])
    x, first, second = np.ones(1, np.float32), b"1" * 16, b"2" * 16
    early, late = FeedbackStore(), FeedbackStore()
    early.join(said, first)
    late.remember(own, x, PREDICTION, second)
    lessons = early.remember(own, x, PREDICTION, second), late.join(said, first)
    assert lessons[0] is not None
    assert lessons[1] is not None
    assert [set(each.known.labels) for each in lessons if each] == [{"w"}, {"w", "x"}]
    assert lessons[0].fingerprint != lessons[1].fingerprint


def test_without_room_nothing_is_kept() -> None:
    """Then all feedback is for nobody."""
    store = FeedbackStore(events=0)
    store.remember(Event(id="1", ts=0), np.ones(1, np.float32), PREDICTION)
    assert store.join(Feedback(id="1", ts=0, labels=["a"])) is None
    statistics = store.statistics()
    assert (statistics.orphan, statistics.kept, statistics.kept_bytes) == (1, 0, 0)


@given(st.lists(st.sampled_from([0.0, -0.0, 1.5, -2.0, np.nan, 1e-45]), max_size=40), st.integers(0, 30))
def test_a_prediction_is_unpacked_to_the_bit(numbers: list[float], labels: int) -> None:
    """The vector, the labels and the best scores."""
    x = np.array(numbers, dtype=np.float32)
    scores = np.random.default_rng(labels).random(labels, dtype=np.float32)
    pending = PackedPrediction.of(x, Prediction(np.flatnonzero(scores > 0.5), scores))
    assert pending.x.tobytes() == x.tobytes()
    assert pending.prediction.labels.tolist() == np.flatnonzero(scores > 0.5).tolist()
    best = np.argsort(-scores, kind="stable")[:LISTED]
    kept = pending.prediction.best(LISTED)
    assert kept[0].tolist() == best.tolist()
    assert (kept[1] == scores[best]).all()


# In a task --------------------------------------------------------------------------------------------


def predictions(written: list[Output]) -> list[dict[str, Any]]:
    """Return the prediction records among outputs."""
    return [json.loads(output.value or b"") for output in written if output.kind == "predictions"]


def test_feedback_at_once_equals_labels_in_the_event() -> None:
    """The same model, the same scores, the same predictions: when labels come makes no other difference."""
    numbers = range(60)
    later, inline = make_task(), make_task()
    values = [value for n in numbers for value in (event(n, labels=None), feedback(n))]
    written = predictions(later.process(records(values)).outputs)
    expected = predictions(inline.process(records([event(n) for n in numbers])).outputs)
    for one, other in zip(written, expected, strict=True):
        assert {key: one[key] for key in ("id", "labels", "scores")} == {
            key: other[key] for key in ("id", "labels", "scores")
        }
    assert digest(later.model.learner.state()) == digest(inline.model.learner.state())
    assert digest(later.observer.monitors.state()) == digest(inline.observer.monitors.state())
    assert later.observer.scores.summary() == inline.observer.scores.summary()
    assert later.model.updates == 60


def test_early_labels_do_not_help_to_predict_their_own_event() -> None:
    """Test, then train: they are learned when the event comes, after its prediction."""
    before = [event(number) for number in range(10)]
    early = make_task().process(records([*before, feedback(10), event(10, labels=None), event(11)])).outputs
    without = make_task().process(records([*before, event(10, labels=None), event(11)])).outputs
    assert predictions(early)[10]["scores"] == predictions(without)[10]["scores"]
    assert predictions(early)[10]["model"]["updates"] == 10
    assert predictions(early)[11]["model"]["updates"] == 11
    assert [each["offset"] for each in predictions(early)[11]["trained_through"]] == [11]
    assert [each["offset"] for each in predictions(without)[11]["trained_through"]] == [9]


def test_a_score_is_booked_when_the_labels_come_with_the_prediction_made_then() -> None:
    """Once, whatever is corrected later."""
    task = make_task()
    task.process(records([event(0, labels=["grain"])]))
    (written,) = predictions(
        task.process(
            [each._replace(offset=each.offset + 1) for each in records([event(1, labels=None)])]
        ).outputs
    )
    assert written["labels"] == ["grain"]
    assert task.observer.scores.summary().messages == 1
    rest = [*(event(n, labels=["oil"]) for n in range(2, 30)), feedback(1, labels=["grain"])]
    task.process([each._replace(offset=each.offset + 2) for each in records(rest)])
    scored = task.observer.scores.counts()
    assert scored[0] == 30
    exact = scored[1].exact
    correction = records([feedback(1, labels=["oil"])])[0]._replace(offset=40)
    assert task.process([correction]).outputs == []
    assert task.observer.scores.counts()[0] == 30
    assert task.observer.scores.counts()[1].exact == exact
    assert task.model.updates == 31


class Restless(LabelPriors):
    """Changes its structure at every lesson."""

    def learn(self, x: Vector, targets: Targets) -> None:
        """Learn, and say that the lesson's first label moved."""
        super().learn(x, targets)
        moved = self.label_space.names(targets.positive[:1])
        self.changes = (Change("move", "4", 1.0, 0.5, moved),)


class Witness(Monitors):
    """Keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__(names=())
        self.seen: list[Observation] = []

    def update(self, observation: Observation) -> list[Alarm]:
        """Keep it."""
        self.seen.append(observation)
        return []


def test_monitors_see_how_late_labels_are_and_what_corrections_changed() -> None:
    """A correction is not scored: what it changes is seen with the next lesson, across a restart too."""

    def task() -> tuple[Task, Witness]:
        witness = Witness()
        return Task(Letters(), Restless(50.0), witness, run="r", source="/s"), witness

    (first, _), (second, witness) = task(), task()
    events = [event(n, labels=None) for n in range(4)]
    values = [*events, feedback(0), feedback(0, labels=["oil"]), feedback(2, labels=["ship"])]
    first.process(records(values)[:6])
    second.load_state(json.loads(json.dumps(first.state(), default=np.ndarray.tolist)))
    second.process(records(values)[6:])
    (seen,) = witness.seen
    assert seen.delay == 1
    assert [change.labels for change in seen.changes] == [["oil"], ["ship"]]


@pytest.mark.parametrize("seed", range(4))
def test_batches_and_restarts_change_nothing(seed: int) -> None:
    """A stream in disorder: same bytes, same state, model digest and counters; I5 throughout."""
    given = records(disorder(300, seed))
    whole = make_task()
    expected = whole.process(given).outputs
    rng = np.random.default_rng(seed)
    task, written = make_task(), []
    begin = 0
    while begin < len(given):
        end = begin + int(rng.integers(1, 60))
        written += task.process(given[begin:end]).outputs
        if rng.random() < 0.3:
            state, task = task.state(), make_task()
            task.load_state(json.loads(json.dumps(state, default=np.ndarray.tolist)))
        begin = end
    assert written == expected
    assert digest(task.state()) == digest(whole.state())
    assert task.feedback.statistics() == whole.feedback.statistics()
    for output in expected:
        if output.kind == "predictions":
            offset = int(dict(output.headers)["ce_id"].split(b"/")[2])
            through = json.loads(output.value or b"")["trained_through"]
            assert all(each["offset"] < offset for each in through)


@pytest.mark.parametrize("seed", range(4))
def test_a_tasks_counters_are_those_of_the_plain_model(seed: int) -> None:
    """On a stream in disorder, every outcome occurs."""
    given = records(disorder(400, seed))
    task = make_task()
    task.feedback = FeedbackStore(events=60, horizon_s=50)
    plain = PlainStore(60, 50)
    task.process(given)
    learned = 0
    for record in given:
        message = decode(record.value)
        assert isinstance(message, Event | Feedback)
        learned += len(plain.take(message)) + (isinstance(message, Event) and message.teaches)
    statistics = task.feedback.statistics()
    assert {name: getattr(statistics, name) for name in plain.statistics()} == plain.statistics()
    assert all(getattr(statistics, outcome) for outcome in (*OUTCOMES, "expired"))
    assert task.model.updates == learned


def test_feedback_that_is_bad_is_a_dead_letter() -> None:
    """Its reason says what is wrong with it."""
    bad = Record("s.events", 0, 0, 0, b"k", b'{"id": "1", "ts": 0}', (("ce_type", b"ithaca.feedback"),))
    (letter,) = make_task().process([bad]).outputs
    assert (letter.kind, letter.value) == ("dlq", bad.value)
    assert b"neither labels nor not" in dict(letter.headers)["ithaca_detail"]


def test_different_events_with_equal_feedback_give_different_digests() -> None:
    """The model's digest stands for what was learned, not for the feedback's bytes alone."""
    digests = set()
    for text in ("wheat", "corn"):
        task = make_task()
        task.process(records([event(0, labels=None, text=text), feedback(0)]))
        digests.add(task.state()["digest"])
    assert len(digests) == 2
