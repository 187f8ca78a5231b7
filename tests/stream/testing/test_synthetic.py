"""The streams with planted drifts: what is planted is there, and nothing else."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any, cast, get_args

import msgspec
import numpy as np
import pytest

from stream.records.decoding import decode_event
from stream.records.schema import encode
from stream.testing.synthetic import Kind, Pattern, PlantedDrift, Synthetic

LENGTH, START = 3000, 1500


def halves(kind: Kind, pattern: Pattern = "sudden") -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the events before and after a drift has come to its end."""
    events = list(Synthetic([PlantedDrift(kind, pattern, START, 300)], seed=3).events(LENGTH))
    return events[:START], events[START + 300 :]


def shares(events: list[dict[str, Any]]) -> dict[str, float]:
    """Return how often labels occur."""
    counts = Counter(label for event in events for label in event["labels"])
    return {label: count / len(events) for label, count in counts.items()}


def mean(events: list[dict[str, Any]]) -> Any:
    """Return the mean vector."""
    return np.mean([event["vector"] for event in events], axis=0)


def met(events: list[dict[str, Any]], first: str, second: str) -> float:
    """Return a pair's Jaccard index."""
    both = sum({first, second} <= set(event["labels"]) for event in events)
    return both / sum(bool({first, second} & set(event["labels"])) for event in events)


def rounded(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event without the last digits of its vector."""
    return event | {"vector": [round(value, 4) for value in event["vector"]]}


def test_the_streams_are_those_of_the_published_figures() -> None:
    """Whoever changes them measures anew what READMEs quote of planted drifts."""
    digest = hashlib.blake2b(digest_size=8)
    for pattern in get_args(Pattern):
        planted = [PlantedDrift(kind, pattern, 60, 90) for kind in get_args(Kind)]
        for drifts in ([], planted, *([each] for each in planted)):
            for event in Synthetic(drifts, labels=12, features=5, noise=0.5, seed=3).events(200):
                digest.update(msgspec.json.encode(rounded(event)))
    assert digest.hexdigest() == "f070014518699cf6"


def test_events_are_events_and_the_same_every_time() -> None:
    """They pass the service's own decoder."""
    events = list(Synthetic(seed=1).events(50))
    assert events == list(Synthetic(seed=1).events(50))
    assert events != list(Synthetic(seed=2).events(50))
    for event in events:
        decoded = decode_event(msgspec.json.encode(event))
        assert decoded.labels == event["labels"]
        assert len(encode(decoded)) > 0


@pytest.mark.parametrize("kind", get_args(Kind))
def test_nothing_happens_before_the_start(kind: Kind) -> None:
    """A drift changes no event before it; the random numbers of later ones may differ."""
    planted = list(Synthetic([PlantedDrift(kind, start=200)], seed=5).events(200))
    again = list(Synthetic([PlantedDrift(kind, start=400)], seed=5).events(200))
    assert planted == again


def test_input_moves_vectors_and_not_labels() -> None:
    """p(x) alone."""
    before, after = halves("input")
    assert np.linalg.norm(mean(after) - mean(before)) == pytest.approx(3.0, abs=0.4)
    old, new = shares(before), shares(after)
    assert all(abs(old[label] - new[label]) < 0.06 for label in old)
    assert "old" in before[0]["text"]
    assert not any("old" in event["text"] for event in after)


def test_prior_makes_a_group_frequent() -> None:
    """p(y), and with it p(x)."""
    before, after = halves("prior")
    assert shares(after)["a0"] > 1.5 * shares(before)["a0"]
    assert shares(after)["e0"] < 0.5 * shares(before)["e0"]


def test_concept_swaps_the_words_of_two_groups() -> None:
    """p(y|x): the same words, other labels."""
    before, after = halves("concept")
    for events, label in ((before, "a0"), (after, "b0")):
        about = [event for event in events if "a0w" in event["text"]]
        assert all(label in event["labels"] for event in about)


def test_correlation_changes_partners_and_not_frequencies() -> None:
    """Who goes with whom, alone."""
    before, after = halves("correlation")
    assert met(before, "a0", "a1") > 0.3
    assert met(before, "a0", "a2") == 0.0
    assert met(after, "a0", "a1") == 0.0
    assert met(after, "a0", "a2") > 0.3
    assert shares(after)["a0"] == pytest.approx(shares(before)["a0"], abs=0.05)


def test_labels_are_born_die_and_get_children() -> None:
    """The label space itself."""
    before, after = halves("birth")
    assert "newborn" not in shares(before)
    assert shares(after)["newborn"] == pytest.approx(0.1, abs=0.03)
    before, after = halves("death")
    assert shares(before)["a0"] > 0.1
    assert "a0" not in shares(after)
    before, after = halves("taxonomy")
    assert not any("/" in label for label in shares(before))
    assert {"a0/x", "a0/y", "a3/x"} <= set(shares(after))


@pytest.mark.parametrize("pattern", get_args(Pattern))
def test_patterns(pattern: Pattern) -> None:
    """How a change comes about: at once, mixed, half-way, in turns."""
    drift = PlantedDrift("input", pattern, start=100, width=100)
    levels = [drift.level(n, 0.4) for n in range(500)]
    assert set(levels[:100]) == {0.0}
    if pattern == "recurring":
        assert [levels[100 + 100 * turn] for turn in range(4)] == [1.0, 0.0, 1.0, 0.0]
    else:
        assert levels[-1] == 1.0
    if pattern == "gradual":
        assert levels[120] == 0.0
        assert levels[160] == 1.0
    if pattern == "incremental":
        assert levels[149] == 0.5


def test_refuses_bad_parameters() -> None:
    """The errors say what there is."""
    with pytest.raises(ValueError, match="labels as a multiple of 4"):
        Synthetic(labels=10)
    with pytest.raises(ValueError, match=r"'sudenly'.* its pattern one of sudden"):
        Synthetic([PlantedDrift("input", cast(Pattern, "sudenly"))])
