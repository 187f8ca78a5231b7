"""What a release promised: its snapshots are loaded by every later version, and gone on with."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stream.pipeline.factory import make_task
from stream.records.schema import Output
from stream.snapshot.migrations import VERSION
from tests import released

CHANGED = {"ihomer": 0.25, "expansion": 0.45}
"""Learners with arithmetic that is another since the first release, on purpose, and how far that moves a
score after so few events. Of the sparse expert: other labels are in doubt, so it has other pairs and leads to
other predictions; its state has the same form. Of mixtures: their shared weights move sooner, so after some
hundred messages they are others. Of label expansion: it mixes probabilities given the parent, and the labels'
means with them."""
KEPT = sorted(path.name.split(".")[0].split("-") for path in released.FOLDER.glob("*.gz"))


@pytest.mark.parametrize(("version", "learner"), KEPT)
def test_a_released_snapshot_is_gone_on_with(version: str, learner: str) -> None:
    """As a model taught today goes on, but for the last bits, which differ between processors.

    Where this fails, the format has changed: raise `VERSION`, add a step to `stream/snapshot/migrations.py`,
    and let `python -m tests.released --write` add files of the new format; files of a released version stay
    as they are. While the format is not released, the command makes its files anew. Where arithmetic has
    changed on purpose, so that the model is another from here on, say so in CHANGELOG.md, and compare only
    what is not touched by it.
    """
    snapshot = released.kept(learner, int(version))
    assert snapshot.offset == released.EVENTS
    assert snapshot.identity.configuration == released.settings(learner).configuration
    goes_on, today = make_task(released.settings(learner), released.EVENTS), released.taught(learner)
    goes_on.load_state(snapshot.state)
    sizes = learner not in CHANGED
    assert shape(goes_on.state(), sizes) == shape(today.state(), sizes)
    end = released.EVENTS + 100
    outputs = [released.process(task, released.EVENTS, end) for task in (goes_on, today)]
    assert scores(outputs[0]) == pytest.approx(scores(outputs[1]), abs=CHANGED.get(learner, 0.01))


@pytest.mark.parametrize(("version", "learner"), [each for each in KEPT if each[1] in CHANGED])
def test_what_has_not_changed_goes_on_as_today(version: str, learner: str) -> None:
    """All of a changed learner that the new arithmetic does not reach, but for processors' last bits."""
    goes_on, today = make_task(released.settings(learner), released.EVENTS), released.taught(learner)
    goes_on.load_state(released.kept(learner, int(version)).state)
    for task in (goes_on, today):
        released.process(task, released.EVENTS, released.EVENTS + 100)
    kept, expected = (untouched(task.state()["learner"]) for task in (goes_on, today))
    assert kept.keys() == expected.keys()
    assert any("/linear/" in name for name in kept)
    for name, value in kept.items():
        np.testing.assert_allclose(value, expected[name], rtol=0.01, atol=0.01, err_msg=name)


def untouched(state: Any, name: str = "") -> dict[str, np.ndarray]:
    """Return the arrays of a learner's state that nothing changed reaches, by their paths: see `CHANGED`."""
    if isinstance(state, np.ndarray):
        return {name: state}
    if not isinstance(state, Mapping):
        return {}
    # Of the tree, statistics bound wild values. What weighs opinions, and decides by the sum, follows them.
    follows = {
        "linear_sparse",
        "gaussians",
        "mixture",
        "sleepers",
        "decision",
        "thresholds",
        "means",
        "branches",
        "debuts",
    }
    parts = (untouched(value, f"{name}/{key}") for key, value in state.items() if key not in follows)
    return {path: value for part in parts for path, value in part.items()}


def shape(state: Any, sizes: bool) -> Any:
    """Return the names and kinds of what is in a state, and its sizes or else numbers of dimensions."""
    if isinstance(state, Mapping):
        return {name: shape(value, sizes) for name, value in state.items()}
    if isinstance(state, np.ndarray):
        return state.dtype, state.shape if sizes else state.ndim
    return type(state)


def scores(outputs: Sequence[Output]) -> dict[tuple[str, str], float]:
    """Return what each event's prediction says of each label."""
    predictions = [json.loads(each.value or b"") for each in outputs if each.kind == "predictions"]
    assert len(predictions) == 100
    return {
        (prediction["id"], score["label"]): score["score"]
        for prediction in predictions
        for score in prediction["scores"]
    }


def test_each_learner_of_the_first_release_is_kept() -> None:
    """So that none is forgotten when files are made."""
    assert [[str(released.FIRST), learner] for learner in sorted(released.LEARNERS)] == [
        each for each in KEPT if each[0] == str(released.FIRST)
    ]


def test_released_files_are_as_they_were_released() -> None:
    """Each that is named, and each of a format before the present one."""
    kept = {path.name: released.digest(path) for path in released.FOLDER.glob("*.gz")}
    assert released.sums().items() <= kept.items()
    earlier = {name for name in kept if int(name.split("-")[0]) < VERSION}
    assert earlier <= released.sums().keys()


def test_what_is_released_is_not_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even by the command that makes the files."""
    monkeypatch.setattr(released, "FOLDER", tmp_path)
    monkeypatch.setattr(released, "LEARNERS", ("priors",))
    for arguments, status in ((["--write"], 0), (["--write"], 0), (["--release"], 0), (["--write"], 1)):
        monkeypatch.setattr(sys, "argv", ["released", *arguments])
        assert released.main() == status
    assert f"Format {VERSION} is released" in capsys.readouterr().out
    (path,) = tmp_path.glob("*.gz")
    assert released.sums() == {path.name: released.digest(path)}
