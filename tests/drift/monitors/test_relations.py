"""Relations between labels: what is planted is proposed, once, and nothing else; exact when restored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from drift.alarms.alarm import Alarm, Monitor, Observation
from drift.monitors.exclusions import ExclusionMonitor
from drift.monitors.relations import RelationMonitor
from drift.statistics.companions import TIDY_PERIOD
from learners.hierarchy.taxonomy import Taxonomy
from tests.drift.detectors.series import stored
from tests.drift.monitors.plain_relations import PlainRelations

NAMES = ["oil", "petroleum", "crude", "brent", "everything", "left", "right", *(f"n{n}" for n in range(13))]
OIL, PETROLEUM, CRUDE, BRENT, EVERYTHING, LEFT, RIGHT = range(7)


def planted(seed: int, length: int, changed: bool = False) -> list[list[int]]:
    """Return labels of messages: petroleum is oil, brent lies in crude in oil, left and right never meet.

    One label is on nearly every message; thirteen come at random, some rarely. Once it has changed, oil and
    petroleum, brent and crude, left and right come independently.
    """
    draw = np.random.default_rng(seed)
    rates = np.geomspace(0.3, 0.02, 13)
    messages = []
    for _ in range(length):
        labels = set((7 + np.flatnonzero(draw.random(13) < rates)).tolist())
        oil, crude, brent, side = draw.random(4)
        if oil < 0.3:
            labels |= {OIL, PETROLEUM} | ({CRUDE} if crude < 0.5 else set())
        if CRUDE in labels and brent < 0.6:
            labels.add(BRENT)
        labels |= {LEFT} if side < 0.35 else {RIGHT} if side < 0.7 else set()
        if draw.random() < 0.97:
            labels.add(EVERYTHING)
        if changed:
            labels -= {PETROLEUM, BRENT, RIGHT}
            labels |= set(np.array([PETROLEUM, BRENT, RIGHT])[draw.random(3) < (0.3, 0.2, 0.35)].tolist())
        # Labels are sometimes left out by mistake.
        messages.append(sorted(label for label in labels if draw.random() < 0.995))
    return messages


def seen(labels: list[int], **more: Any) -> Observation:
    """Return a message that carries some labels."""
    ids = np.array(labels, dtype=np.intp)
    return Observation(ids, ids, name=NAMES.__getitem__, **more)


def told(monitor: Monitor, messages: list[list[int]]) -> list[tuple[str, str]]:
    """Return what was said of what, in order."""
    alarms = [alarm for labels in messages for alarm in monitor.update(seen(labels))]
    return [(alarm.action, alarm.subject) for alarm in alarms]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_planted_is_proposed_once_and_nothing_else(seed: int) -> None:
    """The same label twice, a chain of which only the links are proposed, and labels that never meet."""
    messages = planted(seed, 10_000)
    relations, exclusions = told(RelationMonitor(), messages), told(ExclusionMonitor(), messages)
    assert sorted(relations) == [
        ("proposed", "brent in crude"),
        ("proposed", "crude in oil"),
        ("proposed", "petroleum = oil"),
    ]
    assert exclusions == [("reported", "left | right")]


@pytest.mark.parametrize("seed", range(3))
def test_what_holds_no_more_is_withdrawn_once(seed: int) -> None:
    """After the change, within the labels' windows; what still holds stays."""
    monitors: list[Monitor] = [RelationMonitor(), ExclusionMonitor()]
    before, after = planted(seed, 10_000), planted(seed + 50, 10_000, changed=True)
    first = [told(monitor, before) for monitor in monitors]
    assert [len(said) for said in first] == [3, 1]
    relations, exclusions = (told(monitor, after) for monitor in monitors)
    assert sorted(relations) == [("withdrawn", "brent in crude"), ("withdrawn", "petroleum = oil")]
    assert exclusions == [("withdrawn", "left | right")]


def test_a_proposal_says_what_to_do_and_how_sure_it_is() -> None:
    """The operation, the share, how many messages, and the chance."""
    monitor = RelationMonitor()
    alarms = [alarm for labels in planted(0, 3000) for alarm in monitor.update(seen(labels))]
    assert monitor.state()["messages"] == 3000
    by_subject = {alarm.subject: alarm for alarm in alarms}
    merge, move = by_subject["petroleum = oil"], by_subject["brent in crude"]
    assert (merge.detector, merge.operation) == ("identical/chernoff", ("merge", "petroleum", ("oil",)))
    assert (move.detector, move.operation) == ("subsumes/chernoff", ("move", "brent", ("crude",)))
    for alarm in (merge, move):
        assert (alarm.scope, alarm.threshold) == ("relation", 0.9)
        assert 0.9 < alarm.statistic <= 1
        assert alarm.p is not None
        assert alarm.p < 1e-4
        assert 80 < alarm.window <= 500


@pytest.mark.parametrize("seed", range(3))
def test_independent_labels_are_not_related(seed: int) -> None:
    """300 of them, from every other message to one in a hundred thousand; and bursts of a few."""
    draw = np.random.default_rng(seed)
    rates = 0.5 / np.arange(1, 301)
    messages = [np.flatnonzero(draw.random(300) < rates).tolist() for _ in range(20_000)]
    for monitor in (RelationMonitor(), ExclusionMonitor()):
        assert [
            alarm for labels in messages for alarm in monitor.update(seen(labels)._replace(name=str))
        ] == []


def test_rare_labels_do_not_hold_all_that_they_ever_met() -> None:
    """Of a million labels most are rare; while they take on others, they hold those of a few messages."""
    draw, monitor, held = np.random.default_rng(0), RelationMonitor(), []
    for message in range(5_000):
        labels = np.sort(draw.choice(500, 5, replace=False)).tolist()
        monitor.update(seen(labels)._replace(name=str))
        if message % 100 == 99:
            held.append(len(monitor.state()["companions"]))
    assert max(held) < 500 * 4 * TIDY_PERIOD
    assert held[-1] < 500


def in_a_tree(taxonomy: Taxonomy, monitor: Monitor, paths: list[str]) -> list[Alarm]:
    """Return what is said of a message whose labels are in a taxonomy."""
    told = taxonomy.targets(paths)
    ids = told.positive
    return monitor.update(
        Observation(ids, ids, complete=told.complete, name=taxonomy.name, above=taxonomy.above)
    )


def test_what_the_taxonomy_says_is_not_proposed_and_what_it_is_told_is_not_said_again() -> None:
    """Ancestors come along always; a proposal that was accepted ends without a word."""
    taxonomy, monitor = Taxonomy(), RelationMonitor()
    draw = np.random.default_rng(0)

    def run(messages: int) -> list[Alarm]:
        alarms = []
        for _ in range(messages):
            some = [path for path in ("t/grain/rice", "t/ship", "u/v") if draw.random() < 0.3]
            if draw.random() < 0.3:
                some += ["t/wheat", "t/grain", "t/cereal"] if draw.random() < 0.6 else ["t/grain", "t/cereal"]
            alarms += in_a_tree(taxonomy, monitor, some)
        return alarms

    first = run(4000)
    assert sorted(alarm.subject for alarm in first) == ["t/cereal in t/grain", "t/wheat in t/cereal"]
    for alarm in first:
        assert alarm.operation is not None
        kind, label, (to,) = alarm.operation
        assert kind == "move"
        taxonomy.move(label, to)
    assert taxonomy.name(taxonomy.id("t/wheat")) == "t/grain/cereal/wheat"
    assert run(4000) == []


def test_incomplete_labels_exclude_nothing() -> None:
    """A label that is not named is not known to be absent."""
    monitor = ExclusionMonitor()
    assert not any(monitor.update(seen(labels, complete=False)) for labels in planted(0, 2000))
    np.testing.assert_equal(monitor.state(), ExclusionMonitor().state())


@settings(max_examples=4, phases=[Phase.explicit, Phase.generate])
@given(st.integers(0, 10**6), st.sampled_from([0.8, 0.9, 0.95]), st.sampled_from([1.0, 1000.0]))
def test_equals_the_plain_one(seed: int, share: float, budget: float) -> None:
    """The same proposals at the same messages, through generations, changes and crowded messages."""
    messages = planted(seed, 1200) + planted(seed + 1, 900, changed=True)
    draw = np.random.default_rng(seed)
    for number in draw.integers(len(messages), size=30).tolist():
        messages[number] = list(range(seed % 3, 60))
    monitor, plain = RelationMonitor(budget, share), PlainRelations(budget, share)
    for labels in messages:
        alarms = monitor.update(seen(labels)._replace(name=str))
        expected = [
            (action, f"{lower} {'=' if identical else 'in'} {upper}")
            for action, (lower, upper), identical in plain.update(labels)
        ]
        assert [(alarm.action, alarm.subject) for alarm in alarms] == expected


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.integers(0, 2500), st.sampled_from([RelationMonitor, ExclusionMonitor]))
def test_state_round_trip(seed: int, cut: int, kind: type[RelationMonitor | ExclusionMonitor]) -> None:
    """Stored and restored anywhere, it says what it would have said and ends in the same state."""
    messages = planted(seed, 1500) + planted(seed + 1, 1000, changed=True)
    whole, restored = kind(100.0), kind(100.0)
    before = kind(100.0)
    for labels in messages[:cut]:
        before.update(seen(labels))
    restored.load_state(stored(before.state()))
    expected = [whole.update(seen(labels)) for labels in messages]
    assert [restored.update(seen(labels)) for labels in messages[cut:]] == expected[cut:]
    np.testing.assert_equal(restored.state(), whole.state())


def test_memory_is_what_labels_have_of_companions() -> None:
    """A label that meets ten thousand others keeps a few of them."""
    monitor = RelationMonitor()
    draw = np.random.default_rng(0)
    for _ in range(600):
        monitor.update(seen([0, *np.unique(draw.integers(1, 10_000, size=15)).tolist()])._replace(name=str))
    companions = monitor.state()["companions"]
    assert int((companions[:, 0] == 0).sum()) <= 15 * 32
    assert len(companions) < 600 * 16 * 15


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        (RelationMonitor, {"budget": 0.0}),
        (RelationMonitor, {"share": 0.5}),
        (RelationMonitor, {"share": 1.0}),
        (ExclusionMonitor, {"budget": float("nan")}),
    ],
)
def test_refuses_bad_parameters(kind: type[Any], bad: dict[str, float]) -> None:
    """Says what is allowed and what was got."""
    with pytest.raises(ValueError, match=rf"{next(iter(bad))} in \(.*Got"):
        kind(**bad)
