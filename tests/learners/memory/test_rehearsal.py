"""The rehearsal memory: which messages stay, which are rehearsed, and that its state comes back."""

from __future__ import annotations

import numpy as np

from learners.core import Features, Sparse, Targets, given_part, unpacked
from learners.memory import SILENCE, Rehearsal
from tests.learners.checks import through_json


def message(label: int, size: int = 2) -> tuple[np.ndarray, Targets, np.ndarray]:
    """Return a vector that shows its label, what the message says, and what it is kept for."""
    x: np.ndarray = np.full(size, label, dtype=np.float32)
    if label % 2:
        x = Features(x, Sparse(np.array([label], dtype=np.int32), np.ones(1, dtype=np.float32)))
    return (
        x,
        Targets(np.array([label]), np.array([], dtype=np.intp) if label == 4 else None),
        np.array([label]),
    )


def labels_of(memory: Rehearsal) -> list[int]:
    """Return the label of each message kept."""
    return [int(memory.targets(slot).positive[0]) for slot in range(len(memory))]


def test_rare_labels_stay() -> None:
    """A flood of one label pushes out that label, not the others."""
    memory = Rehearsal(capacity=12)
    for n in range(500):
        memory.add(*message(n if n < 5 else 7))
    assert sorted(set(labels_of(memory))) == [0, 1, 2, 3, 4, 7]
    assert len(memory) == 12


def test_silent_labels_are_rehearsed_in_proportion_to_what_is_remembered() -> None:
    """Of two silent labels, the one with twice as many messages is drawn twice as often, and in turn."""
    memory = Rehearsal(capacity=100, silence=10)
    for label in (1, 1, 1, 1, 2, 2):
        memory.add(*message(label))
    drawn = []
    for _ in range(2100):
        memory.add(*message(3))
        slot = memory.draw()
        if slot is not None:
            drawn.append(slot)
    counts = np.bincount(drawn)
    assert len(drawn) == 252
    assert counts.min() > 40
    assert len(counts) == 6
    assert counts.max() <= counts.min() + 2


def test_a_label_that_goes_on_is_not_rehearsed() -> None:
    """Without a silent label nothing is drawn, however unequal the labels are."""
    memory = Rehearsal(capacity=50, silence=20)
    for n in range(200):
        memory.add(*message(1 if n % 15 else 2))
        assert memory.draw() is None


def test_what_a_label_meant_before_is_replaced_as_it_occurs_again() -> None:
    """Old messages of a common label leave in the long run, so an old meaning is not rehearsed for ever."""
    memory = Rehearsal(capacity=20)
    for n in range(3000):
        x, targets, labels = message(2 * (n % 2))
        memory.add(np.full_like(x, n), targets, labels)
    kept = [memory.vector(slot)[0] for slot in range(20)]
    assert min(kept) >= 1500
    assert np.median(kept) >= 2700


def test_few_wrong_labels_of_a_silent_label_do_not_replace_its_right_ones() -> None:
    """A label that is told rightly 400 times, then wrongly 100 times, keeps about a fifth of wrong ones."""
    memory = Rehearsal(capacity=100)
    for n in range(2500):
        right = n < 500
        told = 0 if (n % 5 if right else n % 20 == 0) else 2
        memory.add(message(0 if right else 2)[0], Targets(np.array([told])), np.array([told]))
    wrong = [memory.vector(slot)[0] for slot, label in enumerate(labels_of(memory)) if label == 0]
    assert len(wrong) >= 40
    assert np.mean(np.array(wrong) == 2) < 0.35


def test_a_silent_label_is_unknown_where_it_is_absent() -> None:
    """Absence counts as negative for labels that occurred lately or never; what is told positive stays so."""
    memory, size = Rehearsal(capacity=50), 4
    for label in (0, 1):
        memory.add(*message(label))
    for _ in range(SILENCE):
        memory.add(*message(2))
    told = memory.without_silent(Targets(np.array([1])), size)
    assert told.positive.tolist() == [1]
    assert told.negative is not None
    assert told.negative.tolist() == [2, 3]
    partial = memory.without_silent(Targets(np.array([2]), np.array([0])), size)
    assert partial.negative is not None
    assert partial.negative.tolist() == []
    memory.add(*message(0))
    memory.add(*message(1))
    assert memory.without_silent(Targets(np.array([2])), size).complete


def test_a_message_of_a_silent_label_is_told_from_one_of_a_label_that_goes_on() -> None:
    """A label is silent from `SILENCE` messages without it on; a message of no label never is."""
    memory = Rehearsal(capacity=2 * SILENCE)
    memory.add(*message(0))
    for _ in range(SILENCE - 1):
        memory.add(*message(2))
    assert not memory.is_silent(0)
    memory.add(*message(2))
    assert memory.is_silent(0)
    assert not memory.is_silent(1)
    memory.refile(0, np.zeros(0, dtype=np.intp))
    assert not memory.is_silent(0)


def test_a_single_silent_label_is_rehearsed_at_most_twice_as_often_as_its_share_of_the_memory() -> None:
    """With a tenth of the memory it is rehearsed every fifth message, however often that is asked for."""
    memory = Rehearsal(capacity=100, silence=SILENCE)
    for n in range(1000):
        memory.add(*message(0 if n < 10 else 2))
    share, rehearsed = memory._slots.counts(1)[0] / 100, 0
    assert share == 0.1
    for _ in range(300):
        memory.add(*message(2))
        rehearsed += memory.draw() is not None
    assert 300 * 2 * share - 1 <= rehearsed <= 300 * 2 * share + 1


def test_a_label_that_is_told_much_less_often_than_before_is_silent() -> None:
    """Of a label of every fifth message, one of forty is silence; at the usual rate it soon returns."""
    memory = Rehearsal(capacity=50)

    def goes_on(messages: int, every: int) -> bool:
        for n in range(1, messages + 1):
            memory.add(*message(2 if n % every else 0))
        return memory.without_silent(Targets(np.array([2])), 3).complete

    assert goes_on(500, every=5)
    assert goes_on(40, every=40)
    assert not goes_on(400, every=40)
    assert not goes_on(2000, every=40)
    assert not goes_on(10, every=5)
    assert goes_on(200, every=5)
    assert goes_on(1000, every=25)


def test_wrong_labels_of_labels_that_go_on_are_not_gathered() -> None:
    """With a fifth of the labels wrong, about a fifth of the memory is wrong too."""
    draw, memory, wrong = np.random.default_rng(0), Rehearsal(capacity=100), 0.2
    for _ in range(2000):
        label = int(draw.integers(5))
        told = int(draw.integers(5)) if draw.random() < wrong / 0.8 else label
        memory.add(message(label)[0], Targets(np.array([told])), np.array([told]))
    told_wrong = [int(memory.vector(slot)[0]) != label for slot, label in enumerate(labels_of(memory))]
    assert 0.1 < np.mean(told_wrong) < 0.3


def test_what_is_rehearsed_is_judged_by_how_long_its_label_is_silent() -> None:
    """A label silent for 1,500 messages counts among those of 1,000 to 10,000, and the others stay at 1."""
    memory = Rehearsal(capacity=50, silence=200)
    memory.add(*message(1))
    for _ in range(1500):
        memory.add(*message(2))
    assert memory.f1() == [1.0, 1.0, 1.0]
    slot = memory.draw()
    assert slot is not None
    memory.judge(slot, np.array([1]))
    assert memory.f1() == [1.0, 1.0, 1.0]
    memory.judge(slot, np.array([2]))
    assert memory.f1()[0] == memory.f1()[2] == 1.0
    assert 0.4 < memory.f1()[1] < 0.6


def test_state_round_trip() -> None:
    """A restored memory gives up and rehearses the same from then on; vectors grow, parts are sparse."""
    memory, restored = Rehearsal(capacity=8), Rehearsal(capacity=8)
    restored.load_state(through_json(memory.state()))
    for n in range(30):
        memory.add(*message(n % 5))
        memory.draw()
    restored.load_state(through_json(memory.state()))
    for each in (memory, restored):
        for n in range(20):
            each.add(*message(n % 7, size=5))
            slot = each.draw()
            assert slot is not None
            each.refile(slot, np.array([1, 9]))
    assert labels_of(memory) == labels_of(restored)
    np.testing.assert_equal(restored.state(), memory.state())
    odd = labels_of(memory).index(5)
    part = given_part(memory.vector(odd))
    assert part is not None
    assert part.indices.tolist() == [5]
    assert len(memory.vector(0)) == 5


def test_labels_that_leave_are_struck_off_every_message_and_nothing_else_changes() -> None:
    """Positives, known negatives, and what it is kept for; as one label after the other would be."""
    rng = np.random.default_rng(3)
    memory = Rehearsal(capacity=40)
    memory.forget(np.array([2]))
    for _ in range(90):
        named = np.flatnonzero(rng.random(12) < 0.3)
        absent = None if rng.random() < 0.5 else np.setdiff1d(np.flatnonzero(rng.random(12) < 0.3), named)
        memory.add(np.zeros(1, dtype=np.float32), Targets(named, absent), named[:2])
    before = [memory.targets(slot) for slot in range(40)]
    gone = {2, 5, 11}
    memory.forget(np.array(sorted(gone)))
    for slot, (positive, negative) in enumerate(before):
        now = memory.targets(slot)
        assert now.positive.tolist() == [label for label in positive.tolist() if label not in gone]
        assert (now.negative is None) is (negative is None)
        if now.negative is not None and negative is not None:
            assert now.negative.tolist() == [label for label in negative.tolist() if label not in gone]
    kept = unpacked(memory.state()["labels"])
    for filed, (positive, _) in zip(kept, before, strict=True):
        assert filed.positive.tolist() == [label for label in positive[:2].tolist() if label not in gone]
