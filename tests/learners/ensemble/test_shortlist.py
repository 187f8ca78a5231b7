"""The shortlist of a large label space: what is listed, and what is learned of the rest."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.core import Ids, Vector
from learners.core import Features, Sparse
from learners.core.labels import Targets
from learners.ensemble import ihomer, shortlist
from learners.ensemble.ihomer import IHOMER
from learners.ensemble.models import Modelled
from learners.ensemble.scored import Seen
from tests.learners.checks import through_json
from tests.learners.streams import Message, prototype_stream, subset_accuracy

LABELS = 40


def listing(monkeypatch: pytest.MonkeyPatch, listed: int, many: int = LABELS) -> None:
    """Let so many labels be listed, from so many known ones on."""
    monkeypatch.setattr(ihomer, "MANY", many)
    monkeypatch.setattr(shortlist, "LISTED", listed)


def knowing() -> IHOMER:
    """Return a learner that knows all labels of the streams."""
    learner = IHOMER(k=3, window=50)
    learner.label_space.ids(f"l{label}" for label in range(LABELS))
    return learner


def stream(messages: int, seed: int = 0) -> list[Message]:
    """Return messages of three labels or fewer."""
    return prototype_stream(messages, LABELS, 12, seed, group=10, noise=0.5)


def test_the_likeliest_are_listed() -> None:
    """At most so many, nearly so many where they differ, and those that are named."""
    logits = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    named = np.array([3, 500])
    listed = set(shortlist.shortlist(logits, named).tolist())
    best = np.argsort(-logits)
    assert {*best[:112].tolist(), *named.tolist()} <= listed <= {*best[:128].tolist(), *named.tolist()}


def test_equal_labels_are_listed_all_or_not_at_all() -> None:
    """As those of which nothing is known."""
    logits = np.zeros(1000, dtype=np.float32)
    assert not len(shortlist.shortlist(logits))
    logits[[400, 999]] = 1.0
    assert shortlist.shortlist(logits, np.array([7])).tolist() == [7, 400, 999]


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=400), st.integers(1, 40), st.sets(st.integers(0, 9)))
def test_no_label_is_likelier_than_one_that_is_listed(values: list[int], most: int, named: set[int]) -> None:
    """However many are equal, and wherever they stand; those that are named are listed once."""
    logits, others = np.array(values, dtype=np.float32), np.array(sorted(named), dtype=np.intp)
    others = others[others < len(logits)]
    listed = shortlist.shortlist(logits, others, others, most=most)
    assert (np.diff(listed) > 0).all()
    assert np.isin(others, listed).all()
    likeliest, rest = np.setdiff1d(listed, others), np.setdiff1d(np.arange(len(logits)), listed)
    assert len(likeliest) <= most
    if len(likeliest) and len(rest):
        assert logits[likeliest].min() > logits[rest].max()
    best = np.flatnonzero(logits == logits.max())
    assert len(best) > most or np.isin(best, listed).all()


@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_missed_labels_are_put_in_their_places(listed: set[int], labels: set[int]) -> None:
    """The list stays ascending, and those that it lacked are told; also of an empty list."""
    ids = [np.array(sorted(each), dtype=np.intp) for each in (listed, labels)]
    whole, missed = shortlist.with_missed(*ids)
    assert whole is not None
    assert whole.tolist() == sorted(listed | labels)
    assert missed.tolist() == sorted(labels - listed)


@given(st.sets(st.integers(0, 19)), st.sets(st.integers(0, 19)))
def test_columns_of_missed_labels_are_put_in_their_places(listed: set[int], missed: set[int]) -> None:
    """Each label keeps its column, in every table; also where one of the lists is empty."""
    some, others = (np.array(sorted(each), dtype=np.intp) for each in (listed, missed - listed))

    def tables(labels: Ids) -> tuple[Vector, Vector]:
        return np.array([labels], dtype=np.float32), np.array([-labels, labels**2], dtype=np.float32)

    every, lacked = shortlist.with_missed(some, others)
    assert every is not None
    assert every.tolist() == sorted(listed | missed)
    rows = shortlist.joined(every, lacked, tables(some), tables(others))
    assert rows.tolist() == [every.tolist(), (-every).tolist(), (every**2).tolist()]


def test_a_list_of_all_labels_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is scored and taught by the list has the same bits as what is scored and taught as a whole."""
    monkeypatch.setattr(ihomer, "BUT_TREE", np.ones_like(ihomer.BUT_TREE))
    messages = stream(150)
    digests = set()
    for many in (sys.maxsize, LABELS):
        learner = knowing()
        # Only labels that something has been learned of are listed.
        learner.learn(messages[0].x, Targets(np.zeros(0, dtype=np.intp)))
        listing(monkeypatch, LABELS, many)
        for number, (x, names) in enumerate(messages):
            unlike = None if number % 5 else ["l0", "l1"]
            prediction = learner.predict(x)
            targets = learner.label_space.targets(names, [name for name in unlike or () if name not in names])
            learner.learn_predicted(x, targets if unlike else Targets(targets.positive), prediction)
        digests.add(learner.digest())
    assert len(digests) == 1


def test_the_tree_sleeps_while_labels_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It learns nothing of them; the other experts go on."""
    listing(monkeypatch, 5, many=30)
    learner = IHOMER(k=3, window=50)
    for x, names in stream(150):
        learner.learn(x, learner.label_space.targets(names))
    account = learner._tree.statistics(), learner._priors.statistics()
    assert 0 < account[0].messages < 100 < account[1].messages


def test_only_listed_labels_have_a_probability(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the explanation is about these."""
    listing(monkeypatch, 5)
    learner = knowing()
    for number, (x, names) in enumerate(stream(60)):
        prediction = learner.predict(x)
        if number >= 20:
            assert 5 <= np.count_nonzero(prediction.scores) < LABELS
            explanation = learner.explain(prediction, 3, 0)
            assert explanation is not None
            assert (prediction.scores[explanation.labels] > 0.0).all()
        learner.learn_predicted(x, learner.label_space.targets(names), prediction)


def test_a_label_that_was_not_listed_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another class, which came up when the list was full, is found after a few messages."""
    listing(monkeypatch, 5)
    learner, rng = knowing(), np.random.default_rng(0)
    for x, names in stream(100):
        learner.learn(x, learner.label_space.targets(names))
    far = np.zeros(12, dtype=np.float32)
    far[0] = 20.0
    late = learner.label_space.id("late")
    for _ in range(5):
        near = (far + rng.normal(size=12)).astype(np.float32)
        learner.learn(near, learner.label_space.targets(["late"]))
    assert learner.predict(far).labels.tolist() == [late]


@pytest.mark.parametrize("new", [False, True], ids=["known", "new"])
def test_learning_without_predicting_first_is_the_same(new: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether or not the true labels were listed, or known at all."""
    listing(monkeypatch, 5, many=10 if new else LABELS)
    one, other = (IHOMER(k=3, window=50) if new else knowing() for _ in range(2))
    for x, names in stream(150):
        prediction = one.predict(x)
        one.learn_predicted(x, one.label_space.targets(names), prediction)
        other.learn(x, other.label_space.targets(names))
    assert one.digest() == other.digest()


@pytest.mark.parametrize("listed", [False, True])
def test_labels_that_came_after_the_prediction_are_learned(
    listed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that the message is only known not to carry, and of the sparse part."""
    listing(monkeypatch, 5, many=10 if listed else sys.maxsize)
    one, other = IHOMER(k=3, window=50), IHOMER(k=3, window=50)
    for number, (x, names) in enumerate(stream(60)):
        part = Sparse(np.array([number % 7, 50], dtype=np.int32), np.full(2, 0.7, dtype=np.float32))
        mixed, unlike = Features(x, part), [f"not {number}", f"never {number}"]
        prediction = one.predict(mixed)
        one.learn_predicted(mixed, one.label_space.targets(names, unlike), prediction)
        other.learn(mixed, other.label_space.targets(names, unlike))
    assert len(one.label_space) > 100
    assert one.digest() == other.digest()


def test_true_labels_that_were_not_listed_need_no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the scores of all labels nor the neighbours are computed again."""
    listing(monkeypatch, 2, many=10)
    learner, looks, missed = IHOMER(k=3, window=50, memory=0), 0, 0
    look = learner._look

    def counted(x: Vector) -> Seen:
        nonlocal looks
        looks += 1
        return look(x)

    monkeypatch.setattr(learner, "_look", counted)
    messages = stream(150)
    for number, (x, names) in enumerate(messages):
        prediction = learner.predict(x)
        targets = learner.label_space.targets(names)
        listed = np.flatnonzero(prediction.scores)
        missed += number >= 50 and not np.isin(targets.positive, listed).all()
        if number == 50:
            looks = 0
        learner.learn_predicted(x, targets, prediction)
    assert missed > 20
    assert looks == len(messages) - 51


def test_a_rehearsed_message_teaches_few_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own and those that it could be taken for; only some are predicted as others are, to be judged."""
    listing(monkeypatch, 20, many=10)
    monkeypatch.setattr(ihomer, "CONFUSABLE", 2)
    learner, asked, rehearsed = knowing(), [], []
    assert learner._memory is not None
    ask, draw = learner._models.ask, learner._memory.draw

    def counted(*arguments: Any, **named: Any) -> Modelled:
        said = ask(*arguments, **named)
        asked.append(len(said.scores[0]))
        return said

    def drawn() -> int | None:
        # What is asked after it is asked about the message that was drawn.
        asked.clear()
        return draw()

    monkeypatch.setattr(learner._models, "ask", counted)
    monkeypatch.setattr(learner._memory, "draw", drawn)
    messages = stream(1_800)
    silent = set(messages[0].labels)
    for number, (x, names) in enumerate(messages):
        if number < 100 or not silent & set(names):
            learner.learn(x, learner.label_space.targets(names))
            rehearsed += asked if learner._messages % 12 in (3, 6, 9) else []
    assert len(rehearsed) > 30
    assert max(rehearsed) <= 2 + 3


def test_saved_and_loaded_it_goes_on_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before there are many labels, at the message that brings them, and after it."""
    listing(monkeypatch, 8, many=20)
    for cut in (5, 30, 120):
        running, restored = IHOMER(k=3, window=50), IHOMER(k=3, window=50)
        for number, (x, names) in enumerate(stream(150)):
            if number == cut:
                restored.load_state(through_json(running.state()))
            for learner in (running, restored)[: 1 + (number >= cut)]:
                learner.learn(x, learner.label_space.targets(names))
        assert restored.digest() == running.digest()


def test_a_short_list_serves_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten of forty labels are enough on messages of three."""
    right = []
    for listed, many in ((LABELS, sys.maxsize), (10, LABELS)):
        listing(monkeypatch, listed, many)
        right.append(subset_accuracy(knowing(), stream(800), after=200))
    whole, short = right
    assert short > whole - 0.02, right


def test_probabilities_promise_as_many_labels_as_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """True labels that the list missed teach the mixture nothing: it would expect 1.3 times as many."""
    listing(monkeypatch, 5)
    learner, expected, came = IHOMER(k=3, window=50), 0.0, 0
    for number, (x, names) in enumerate(prototype_stream(1_000, 200, 12, group=10, noise=0.5)):
        prediction = learner.predict(x)
        targets = learner.label_space.targets(names)
        if number >= 300:
            listed = np.flatnonzero(prediction.scores)
            expected += float(prediction.scores[listed].sum())
            came += int(np.isin(targets.positive, listed).sum())
        learner.learn_predicted(x, targets, prediction)
    assert 0.9 < expected / came < 1.15, (expected, came)


@pytest.mark.parametrize("messages", [0, 3])
def test_labels_that_were_not_listed_are_not_explained(messages: int) -> None:
    """No expert was asked about them: not about all, before anything is learned, nor about most later."""
    learner = IHOMER(max_labels=10_000)
    learner.label_space.ids(map(str, range(shortlist.MANY)))
    x = np.ones(3, dtype=np.float32)
    for _ in range(messages):
        learner.learn(x, Targets(np.array([7], dtype=np.intp)))
    prediction = learner.predict(x)
    explanation = learner.explain(prediction, 500, 1)
    assert explanation is not None
    explained = explanation.labels.tolist()
    assert (7 in explained) == bool(messages)
    assert len(explained) < 500
    for opinions in explanation.opinions.values():
        assert len(opinions) == len(explained)
