"""How sure predictions are said to be: what is written, and that it is what labels are judged by later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.monitors.monitors import Monitors
from learners.core.prediction import Prediction
from learners.dummy.priors import LabelPriors
from learners.uncertainty.conformal import Conformal
from stream.config.loading import ConfigError, load
from stream.pipeline.factory import make_task as assembled
from stream.pipeline.packed_prediction import PackedPrediction
from stream.pipeline.task import Task
from stream.records.predictions import LISTED
from stream.records.schema import Output
from tests.learners.checks import through_json
from tests.stream.standins import LABELS, Letters, event, feedback, make_task, records


def said(written: list[Output]) -> list[dict[str, Any]]:
    """Return what predictions say of how sure they are."""
    return [json.loads(each.value or b"")["confidence"] for each in written if each.kind == "predictions"]


def test_predictions_say_which_labels_cannot_be_excluded_and_whether_to_rely_on_them() -> None:
    """Ever the same label, until one comes that nobody has seen."""
    task = make_task()
    values = [event(n, labels=["grain"]) for n in range(200)]
    written = said(task.process(records([*values, event(200, labels=["new"])])).outputs)
    assert written[0] == {"labels": [], "reject": True}
    assert {"labels": ["grain"], "reject": False} in written
    assert task.model.confidence is not None
    statistics = task.model.confidence.statistics()
    # Neither the first message nor the last could be covered.
    covered = sum(each["labels"] == ["grain"] for each in written[:-1])
    assert statistics.messages == 201
    assert statistics.coverage == pytest.approx(covered / 201)
    assert statistics.coverage == pytest.approx(statistics.target, abs=0.15)


def test_switched_off_nothing_is_said(tmp_path: Path) -> None:
    """Neither in the record nor in the state; settings say so, and what they cannot be."""
    silent = Task(Letters(), LabelPriors(), Monitors(), run="r", source="/s")
    assert said(silent.process(records([event(0), event(1)])).outputs) == [None, None]
    assert silent.state()["confidence"] is None
    file = tmp_path / "ithaca.toml"
    for text, enabled in (("", True), ("enabled = false\n", False)):
        file.write_text(f'[learner]\nname = "priors"\n[confidence]\ncoverage = 0.8\n{text}')
        task = assembled(load(file))
        assert (task.model.confidence is not None) is enabled
        if task.model.confidence is not None:
            assert (task.model.confidence.sets.coverage, task.model.confidence.abstention.error) == (0.8, 0.1)
    file.write_text("[confidence]\ncoverage = 1.5\n")
    with pytest.raises(
        ConfigError, match=r"confidence\.coverage cannot be 1\.5: .*less than or equal to 0\.999"
    ):
        load(file)


def test_the_settings_determine_what_snapshots_are_of(tmp_path: Path) -> None:
    """With another target its level would mean something else; the model goes on."""
    file = tmp_path / "ithaca.toml"
    file.write_text("[confidence]\nerror = 0.2\n")
    assert load(file).configuration == load().configuration
    assert load(file).parts["confidence"] != load().parts["confidence"]


def test_feedback_at_once_equals_labels_in_the_event() -> None:
    """What is kept with the pending is all that judging needs: one state, and the same said of all events."""
    numbers = range(150)
    together, apart = make_task(), make_task()
    written = together.process(records([event(n) for n in numbers])).outputs
    values = [value for n in numbers for value in (event(n, labels=None), feedback(n))]
    assert said(apart.process(records(values)).outputs) == said(written)
    assert together.model.confidence is not None
    assert apart.model.confidence is not None
    np.testing.assert_equal(
        through_json(apart.model.confidence.state()), through_json(together.model.confidence.state())
    )


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(8)), st.integers(0, 40))
def test_labels_are_judged_by_what_was_said_with_the_prediction(order: list[int], cut: int) -> None:
    """Whenever they come, in whatever order, and through a restart: coverage is that of the written sets."""
    task = make_task()
    values = [event(n) for n in range(30)] + [event(n, labels=None) for n in range(30, 38)]
    values += [feedback(30 + n) for n in order] + [feedback(30 + n, labels=["ship"]) for n in order]
    given_records = records(values)
    written = task.process(given_records[:cut]).outputs
    restored = make_task()
    restored.load_state(json.loads(json.dumps(task.state(), default=np.ndarray.tolist)))
    written += restored.process(given_records[cut:]).outputs
    truth = [sorted({LABELS[n % 7], LABELS[n * n % 5]}) for n in range(38)]
    covered = [set(labels) <= set(each["labels"]) for labels, each in zip(truth, said(written), strict=True)]
    assert restored.model.confidence is not None
    statistics = restored.model.confidence.statistics()
    assert statistics.messages == 38
    assert statistics.coverage == pytest.approx(np.mean(covered))


def test_what_was_said_is_kept_to_the_bit_also_of_many_labels() -> None:
    """A set larger than what is kept anyway."""
    draw = np.random.default_rng(0)
    prediction = Prediction(np.array([3]), draw.random(300, dtype=np.float32))
    conformal = Conformal()
    confidence = conformal.judge(prediction, LISTED)
    assert confidence.size > LISTED
    kept = PackedPrediction.of(np.ones(2, np.float32), prediction, confidence).confidence
    assert kept is not None
    np.testing.assert_array_equal(kept.best, confidence.best)
    np.testing.assert_array_equal(kept.scores, confidence.scores)
    assert kept[2:] == confidence[2:]
    assert PackedPrediction.of(np.ones(2, np.float32), prediction).confidence is None
