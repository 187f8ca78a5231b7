"""What a change did, against plain sums."""

from __future__ import annotations

import pytest

from stream.monitoring.effects import STEP, effect_on_cluster, effect_on_scores, micro_f1, moved, segments
from stream.monitoring.label_figures import Label
from stream.monitoring.recent_predictions import RecentPrediction
from stream.pipeline import KnownLabels


def seen(n: int, labels: str, truth: str | None) -> RecentPrediction:
    """Return a prediction; each character is a label."""
    known = None if truth is None else KnownLabels(tuple(truth), None)
    return RecentPrediction(0, n, None, str(n), "r", n, tuple(labels), known, True, b"")


def test_micro_f1_is_of_the_labels_that_are_asked_for() -> None:
    """And of messages whose truth is known; of few of them it is not told."""
    messages = [seen(n, "ab", "a") for n in range(50)] + [seen(n, "c", "d") for n in range(50)]
    assert micro_f1(messages) == pytest.approx(2 * 50 / (150 + 100))
    assert micro_f1(messages, {"a"}) == 1.0
    assert micro_f1(messages, {"c", "d"}) == 0.0
    assert micro_f1(messages[: STEP // 5 - 1] + [seen(n, "a", None) for n in range(500)]) is None


def test_the_cluster_is_that_of_the_label() -> None:
    """A tree that has one cluster has nothing to tell, nor has a label without one."""
    clusters = {4: [Label("a"), Label("b")], 6: [Label("c")]}
    before, after = [seen(n, "ac", "ac") for n in range(100)], [seen(n, "bc", "ac") for n in range(100)]
    assert effect_on_cluster(clusters, "b", before, after) == (4, ["a", "b"], 1.0, 0.0)
    assert effect_on_cluster(clusters, "c", before, after) == (6, ["c"], 1.0, 1.0)
    assert effect_on_cluster(clusters, "x", before, after) is None
    assert effect_on_cluster({4: clusters[4]}, "a", before, after) is None
    assert effect_on_cluster(clusters, "a", [], after) is None


def test_a_fall_counts_in_its_own_windows_and_until_it_is_back() -> None:
    """A worse window later is another change's."""
    usual, bad = [seen(n, "a", "a") for n in range(STEP)], [seen(n, "b", "a") for n in range(STEP)]
    assert effect_on_scores(usual, bad + usual + bad, 1) == (1.0, 0.0, 0.0, 2 * STEP)
    assert effect_on_scores(usual, usual + usual + bad, 2) == (1.0, 1.0, 0.0, 0)
    assert effect_on_scores(usual, usual + bad, 2) == (1.0, 0.0, 0.0, None)
    assert effect_on_scores([], usual, 1) is None
    assert effect_on_scores(usual, usual[1:], 1) is None


def test_what_moved_is_beyond_chance() -> None:
    """Both ways, or only upwards."""
    before, after = [{"a", "c"}] * 100, [{"b", "c"}] * 99 + [{"d"}]
    assert moved(before, after) == [("a", 1.0, 0.0), ("b", 0.0, 0.99)]
    assert moved(before, after, rises=True) == [("b", 0.0, 0.99)]
    assert moved([], after) == moved(before, []) == []


def test_a_segment_is_hit_more_than_all() -> None:
    """Words that are everywhere are no segment; nor are those that came only now, or were wrong before."""
    parts = ({"the", "parcel"}, {"the", "login"})
    before = [(n % 2 == 1 and n % 20 == 1, parts[n % 2]) for n in range(400)]
    after = [(n % 2 == 0 or n % 20 == 1, parts[n % 2]) for n in range(400)]
    assert segments(before, after) == [("parcel", 0.0, 1.0)]
    assert segments(before, [(wrong, {*traits, "new"}) for wrong, traits in after]) == [("parcel", 0.0, 1.0)]
    worse = [
        (wrong, {*traits, "van"} if wrong or n % 2 else traits) for n, (wrong, traits) in enumerate(after)
    ]
    assert [trait for trait, _, _ in segments([(False, {"van"})] * 20 + before, worse)] == ["parcel", "van"]
    assert segments(before, before) == segments([], after) == segments(before, []) == []
