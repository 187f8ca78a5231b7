"""iHOMER as a whole: it learns, its clusters reach it, and labels come and go."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.core import Vector, digest
from learners.core import Features, Sparse
from learners.core.labels import Targets
from learners.core.structure import Change
from learners.dummy.persistence import Persistence
from learners.ensemble.ihomer import IHOMER, JUDGED_EVERY, REHEARSED_EVERY
from tests.learners.checks import through_json
from tests.learners.streams import Message, learn_all, linear_stream, subset_accuracy, threshold_stream


def paired(messages: int, seed: int = 0, prefix: str = "") -> list[Message]:
    """Return a stream of four kinds of message, each with its own pair of labels."""
    rng = np.random.default_rng(seed)
    stream = []
    for _ in range(messages):
        kind, x = rng.integers(4), rng.normal(size=8).astype(np.float32)
        x[kind] += 3
        stream.append(Message(x, [f"{prefix}{kind}a", f"{prefix}{kind}b"]))
    return stream


def test_beats_its_own_baselines() -> None:
    """Beats its own baselines."""
    stream = linear_stream(3000, 20, 4, shift=0.3)
    own, previous = (
        subset_accuracy(IHOMER(), stream, after=500),
        subset_accuracy(Persistence(), stream, after=500),
    )
    assert own > 2 * previous
    assert own > 0.5


def test_it_learns_from_the_sparse_part() -> None:
    """Of vectors that are equal but for it."""
    learner, dense = IHOMER(), np.ones(8, dtype=np.float32)
    kinds = [Features(dense, Sparse(np.array([n + 9], np.int32), np.ones(1, np.float32))) for n in (0, 1)]
    for n in np.random.default_rng(0).integers(2, size=100).tolist():
        learner.learn(kinds[n], learner.label_space.targets([str(n)]))
    assert [learner.label_space.names(learner.predict(x).labels) for x in kinds] == [["0"], ["1"]]


def test_the_expert_on_the_sparse_part_abstains_where_there_is_none() -> None:
    """It says 0.5, and learns nothing."""
    learner = IHOMER()
    learn_all(learner, paired(50))
    explanation = learner.explain(learner.predict(np.ones(8, dtype=np.float32)), 3, 0)
    assert explanation is not None
    assert explanation.opinions["linear_sparse"] == [0.5] * 3
    assert learner.state()["experts"]["linear_sparse"]["messages"] == 0


def test_clusters_reach_the_decision() -> None:
    """Clusters reach the decision."""
    learner = IHOMER()
    learn_all(learner, paired(6000))
    prediction = learner.predict(np.array([4, 0, 0, 0, 0, 0, 0, 0], dtype=np.float32))
    assert learner.label_space.names(prediction.labels) == ["0a", "0b"]
    # One cluster for both of the pair, and another pair's labels live elsewhere.
    assert len(learner.clusters_of(prediction.labels)) == 1
    assert learner.statistics().clusters == 4
    assert learner.statistics().largest_cluster == 2


def test_a_label_that_never_occurred_is_in_no_cluster() -> None:
    """It may be predicted all the same, where it inherits from its parent."""
    learner = IHOMER()
    for x, labels in paired(20):
        learner.learn(x, learner.label_space.targets(labels))
    known = np.arange(len(learner.label_space))
    (new,) = learner.label_space.ids(["never"]).tolist()
    assert learner.clusters_of(np.array([*known, new])) == learner.clusters_of(known)
    assert learner.clusters_of(np.array([new])) == []


def test_structure_changes_are_told_once() -> None:
    """Structure changes are told once."""
    learner = IHOMER()
    told: list[Change] = []
    for message in paired(6000):
        learner.learn(message.x, learner.label_space.targets(message.labels))
        told += learner.changes
    assert {change.kind for change in told} == {"split"}
    assert len(told) == 3
    # One pair stays; each change names the labels of a pair that left.
    assert all(sorted(change.labels) == [f"{n}a", f"{n}b"] for change in told for n in change.labels[0][:1])


def test_labels_replaced_by_others_are_learned_and_the_old_ones_fade() -> None:
    """Labels replaced by others are learned and the old ones fade."""
    learner = IHOMER()
    learn_all(learner, paired(1500))
    assert subset_accuracy(learner, paired(1500, seed=1, prefix="new "), after=300) > 0.8
    assert not [
        name for name in learner.label_space.names(learner.predict(paired(1)[0].x).labels) if name[0] != "n"
    ]


def test_partial_targets_teach_only_what_they_name() -> None:
    """Messages that never name the second label of a pair must not unlearn it."""
    learner = IHOMER()
    learn_all(learner, paired(1500))
    b = learner.label_space.id("0b")
    before = learner.score(np.array([4, 0, 0, 0, 0, 0, 0, 0], dtype=np.float32))[b]
    for message in paired(300, seed=2):
        first = learner.label_space.id(message.labels[0])
        learner.learn(message.x, Targets(np.array([first]), np.zeros(0, dtype=np.intp)))
    after = learner.score(np.array([4, 0, 0, 0, 0, 0, 0, 0], dtype=np.float32))[b]
    assert after > 0.5 * before


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 119), st.integers(0, 1000))
def test_saved_and_loaded_at_any_message_goes_on_the_same(cut: int, seed: int) -> None:
    """Whatever has come before: new labels and features, missing values, partial labels, a full window."""
    rng = np.random.default_rng(seed)
    running, restored = IHOMER(k=3, window=20, patience=10), IHOMER(k=3, window=20, patience=10)
    for message in range(120):
        if message == cut:
            restored.load_state(through_json(running.state()))
        x = rng.normal(size=3 + message // 30 - int(rng.integers(0, 2))).astype(np.float32)
        x[rng.random(len(x)) < 0.1] = np.nan
        names = [f"l{message // 10 + int(label)}" for label in rng.integers(0, 5, 2)]
        unlike = None if rng.random() < 0.7 else [f"l{message // 10 + 5}"]
        for learner in (running, restored)[: 1 + (message >= cut)]:
            learner.predict(x)
            learner.learn(x, learner.label_space.targets(names, unlike))
    assert restored.digest() == running.digest()


def test_learning_without_predicting_first_is_the_same() -> None:
    """Learning without predicting first is the same."""
    one, other = IHOMER(), IHOMER()
    for message in linear_stream(300, 6, 4):
        one.predict(message.x)
        one.learn(message.x, one.label_space.targets(message.labels))
        other.learn(message.x, other.label_space.targets(message.labels))
    assert one.digest() == other.digest()


def test_a_reused_buffer_is_not_mistaken_for_the_same_message() -> None:
    """A reused buffer is not mistaken for the same message."""
    one, other = IHOMER(), IHOMER()
    buffer = np.zeros(6, dtype=np.float32)
    for message in linear_stream(100, 6, 3):
        one.learn(message.x, one.label_space.targets(message.labels))
        other.score(buffer)
        buffer[:] = message.x
        other.learn(buffer, other.label_space.targets(message.labels))
    assert one.digest() == other.digest()


@pytest.mark.parametrize(
    "parameters", [{"rule": "best"}, {"k": 0}, {"window": 5}, {"linkage": 0.0}, {"memory": -1}]
)
def test_bad_parameters_are_refused(parameters: dict[str, float]) -> None:
    """Bad parameters are refused."""
    with pytest.raises(ValueError, match="parameter of"):
        IHOMER(**parameters)  # type: ignore[arg-type]


def test_one_wild_number_does_not_own_the_model() -> None:
    """A value near the end of float32 is one odd message, not the end of the service."""
    stream = paired(1500)
    wild = np.full(8, 3e38, dtype=np.float32)
    learner = IHOMER()
    learn_all(learner, stream[:700])
    for x in (wild, -wild):
        assert np.isfinite(learner.score(x)).all()
        learner.learn(x, learner.label_space.targets(["odd"]))
    learn_all(learner, stream[700:])
    assert np.isfinite(learner.score(stream[0].x)).all()
    assert subset_accuracy(learner, paired(500, seed=1)) > 0.8


@pytest.mark.parametrize("exponent", [-40, 40])
def test_the_unit_of_measurement_does_not_matter(exponent: int) -> None:
    """To the last bit, where the factor is a power of two."""
    stream = paired(300)
    plain, scaled = IHOMER(), IHOMER()
    learn_all(plain, stream)
    learn_all(scaled, [Message(np.ldexp(message.x, exponent), message.labels) for message in stream])
    x = stream[0].x
    np.testing.assert_array_equal(scaled.score(np.ldexp(x, exponent)), plain.score(x))


def test_what_thresholds_decide_is_learned() -> None:
    """Label-sets of regions that no line divides: the tree knows them, and the mixture comes to trust it."""
    learner = IHOMER()
    learn_all(learner, threshold_stream(4000, 30, 40))
    assert subset_accuracy(learner, threshold_stream(1000, 30, 40, seed=2)) > 0.9


def test_many_labels_at_once_are_learned() -> None:
    """The most labels an event may name are only slow, and bounded."""
    learner = IHOMER()
    x = np.ones(3, dtype=np.float32)
    learner.learn(x, learner.label_space.targets([f"l{label}" for label in range(1000)]))
    learner.learn(x, learner.label_space.targets([f"l{label}" for label in range(0, 1000, 2)]))
    assert len(learner.predict(x).scores) == 1000
    assert learner.statistics().largest_cluster <= 64


def test_a_label_that_fell_silent_is_remembered() -> None:
    """After 1,200 messages without it a label is still found, and without the memory hardly ever."""
    draw = np.random.default_rng(0)
    directions = draw.normal(size=(8, 16))

    def message(label: int) -> Vector:
        x: Vector = (directions[label] + draw.normal(size=16)).astype(np.float32)
        return x

    old, gap = draw.integers(0, 8, size=600).tolist(), draw.integers(1, 8, size=1200).tolist()
    stream = [(message(label), label) for label in old + gap]
    returned = [message(0) for _ in range(50)]
    right = {}
    for memory in (0, 200):
        learner = IHOMER(memory=memory)
        learner.label_space.ids(map(str, range(8)))
        for x, label in stream:
            learner.learn(x, Targets(np.array([label])))
        right[memory] = float(np.mean([learner.score(x)[0] for x in returned]))
    assert right[200] > right[0] + 0.1, right


def test_judging_rehearsed_messages_changes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Predicting every one of them, or one in sixteen, leaves the same model."""
    states = []
    for every in (REHEARSED_EVERY, JUDGED_EVERY):
        monkeypatch.setattr("learners.ensemble.ihomer.JUDGED_EVERY", every)
        learner = IHOMER(window=50)
        learn_all(learner, paired(60, prefix="old"))
        learn_all(learner, paired(400, seed=1))
        states.append(learner.state())
    judged = [state["memory"].pop("judged") for state in states]
    assert not np.array_equal(*judged)
    assert digest(states[0]) == digest(states[1])
