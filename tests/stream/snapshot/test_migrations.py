"""Snapshots are a promise: a state of another shape is another format."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drift.core import digest
from learners.catalogue import make
from learners.core.labels import Targets, packed
from stream.snapshot.migrations import VERSION, migrate
from tests import states
from tests.learners.checks import stream, teach
from tests.stream.snapshot.test_format import snapshot_of


def test_states_have_the_shape_of_their_format() -> None:
    """Where this fails: raise VERSION, add a step, then `python -m tests.states --write`."""
    assert states.written() == states.FILE.read_text(encoding="utf-8")


def test_another_shape_in_the_same_format_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a new version older snapshots would be taken for new ones."""
    file = tmp_path / "states.txt"
    monkeypatch.setattr(states, "FILE", file)
    monkeypatch.setattr(states, "written", lambda: f"version {VERSION}\na new field\n")
    monkeypatch.setattr(sys, "argv", ["states", "--write"])
    kept = f"version {VERSION}\nan old field\n"
    file.write_text(kept)
    assert states.main() == 1
    assert "raise it and add a step" in capsys.readouterr().out
    assert file.read_text() == kept
    file.write_text("version 1\nan old field\n")
    assert states.main() == 0
    assert "a new field" in file.read_text()


def of_format_5(learner: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a learner that was saved in format 5, in the present one."""
    migrated: dict[str, Any] = migrate(snapshot_of({"learner": learner}), 5, "it").state["learner"]
    return migrated


@pytest.mark.parametrize("messages", [0, 3, 5, 12])
def test_messages_in_a_window_of_format_5_are_numbered_as_they_came(messages: int) -> None:
    """Each took the place of the oldest; the first is number 1."""
    numbers = np.zeros(min(messages, 5), np.int64)
    for message in range(messages):
        numbers[message % 5] = message + 1
    norms = np.zeros(len(numbers))
    window = {"vectors": norms[:, None], "norms": norms, "positive": [], "messages": messages}
    assert of_format_5({"window": window})["window"]["numbers"].tolist() == numbers.tolist()


def test_a_memory_of_format_5_held_the_latest_messages() -> None:
    """Its labels count as heard of just now."""
    targets = [Targets(np.array(labels, np.intp)) for labels in ([0], [4, 2], [1])]
    vectors = np.eye(3, dtype=np.float32)
    former = {"vectors": vectors, "targets": packed(targets), "classes": packed(targets), "seen": 10}
    memory = of_format_5({"inner": former | {"importance": np.ones(3)}})["inner"]
    assert memory["numbers"].tolist() == memory["turns"].tolist() == [8, 9, 10]
    assert memory["occurred"].tolist() == memory["taught"].tolist() == [10] * 5
    assert (memory["now"], memory["vectors"].tolist()) == (10, vectors.tolist())
    assert memory["sparse"]["ends"].tolist() == [0, 0, 0]


def test_an_ihomer_of_format_5_is_awake_and_remembers_nothing() -> None:
    """As one that begins."""
    learner, restored, new = make("ihomer"), make("ihomer"), make("ihomer").state()
    teach(learner, stream(60))
    state = learner.state()
    del state["sleepers"], state["memory"]
    restored.load_state(of_format_5(state))
    for part in ("sleepers", "memory"):
        assert digest(restored.state()[part]) == digest(new[part])


def test_an_expansion_of_format_5_has_no_claims_yet() -> None:
    """It goes on, and counts them from here."""
    learner, restored = make("expansion"), make("expansion")
    teach(learner, stream(60))
    state = learner.state()
    del state["branches"]["claims"], state["branches"]["vacant"]
    restored.load_state(of_format_5(state))
    for each in (learner, restored):
        teach(each, stream(30))
    claims = restored.state()["branches"]["claims"]
    assert (claims["now"], learner.state()["branches"]["claims"]["now"]) == (30, 90)


@pytest.mark.parametrize("version", [3, 5])
def test_feedback_of_earlier_formats_keeps_what_awaits_its_labels(version: int) -> None:
    """With the parts of guesses that came later: no sparse vectors, and no label admitted since."""
    sizes, came = np.array([2, 1]), np.array([4.0, 5.0])
    former = {"came": came, "guesses": {"size": sizes, "labels": np.arange(3)}}
    feedback = migrate(snapshot_of({"feedback": former}), version, "it").state["feedback"]
    assert feedback["came"].tolist() == [4.0, 5.0]
    guesses = {name: values.tolist() for name, values in feedback["guesses"].items()}
    later = {"indices": [], "sparse": [], "indices_lengths": [0, 0], "sparse_lengths": [0, 0]}
    expected = {"size": [2, 1], "labels": [0, 1, 2], "admitted": [0, 0]}
    assert guesses == expected | (later if version == 3 else {})


def with_former_mixtures(state: Any) -> Any:
    """Return a learner's state as formats up to 7 have it: shared weights learned by AdaGrad, no rivals."""
    if not isinstance(state, dict):
        return state
    former = {name: with_former_mixtures(value) for name, value in state.items()}
    if "covariance" in former:
        common = former.pop("shared")[:-1].astype(np.float32)
        del former["covariance"]
        former |= {"common": common, "common_squares": np.ones_like(common)}
    return former


def test_an_expansion_of_format_6_has_the_means_of_what_it_remembers() -> None:
    """They are a novice among the opinions, and the others keep what they have earned."""
    learner, restored = make("expansion"), make("expansion")
    paths = {"even": "x", "both": "x/both", "rare": "y/rare"}
    teach(learner, ((x, [paths[name] for name in names]) for x, names in stream(60)))
    state = with_former_mixtures(learner.state())
    del state["means"]
    former = state["mixture"] = {name: np.delete(rows, -2, axis=0) for name, rows in state["mixture"].items()}
    migrated = migrate(snapshot_of({"learner": {"wrapped": state}}), 6, "it").state["learner"]["wrapped"]
    restored.load_state(migrated)
    shared = restored.state()["mixture"]["shared"]
    np.testing.assert_array_equal(shared, [*former["common"][:-1], 0.0, former["common"][-1], 0.0])
    for name, novice in (("own", 0.0), ("own_squares", 1.0)):
        rows = restored.state()["mixture"][name]
        assert (rows[-2] == novice).all()
        np.testing.assert_array_equal(np.delete(rows, -2, axis=0), former[name])
    for name in ("common_trust", "trust"):
        rows = restored.state()["mixture"][name]
        np.testing.assert_allclose(rows[-2], 0.01)
        np.testing.assert_allclose(np.delete(rows, -2, axis=0), 0.99 * former[name], rtol=1e-6)
    means, expected = restored.state()["means"], learner.state()["means"]
    assert len(state["branches"]["rehearsal"]["turns"]) == 60
    np.testing.assert_allclose(means["means"], expected["means"], atol=1e-5)
    np.testing.assert_array_equal(means["seen"], expected["seen"])


@pytest.mark.parametrize("version", [6, 7])
def test_an_ihomer_of_an_earlier_format_goes_on_from_its_weights(version: int) -> None:
    """Of its mixture only how the shared weights are learned begins anew, and rivals have no weight yet."""
    learner, restored = make("ihomer"), make("ihomer")
    teach(learner, stream(60))
    state = learner.state()
    former = with_former_mixtures(state)
    migrated = migrate(snapshot_of({"learner": former}), version, "it").state["learner"]
    mixture = migrated["mixture"]
    np.testing.assert_array_equal(mixture["shared"], [*former["mixture"]["common"], 0.0])
    np.testing.assert_array_equal(mixture["covariance"], 0.05 * np.eye(len(mixture["shared"])))
    same = {name: state["mixture"][name] for name in ("shared", "covariance")}
    assert digest(migrated | {"mixture": mixture | same}) == digest(state)
    restored.load_state(migrated)
    teach(restored, stream(60))
