"""Micro-batches: one step of many messages, at the weights that they were predicted with."""

from __future__ import annotations

import numpy as np
import pytest

from drift.core import Vector
from learners.core.labels import Targets
from learners.core.prediction import Prediction
from learners.extreme.classifier import ExtremeClassifier
from learners.linear_model.logistic import with_intercept
from learners.preprocessing.scaling import unit
from tests.learners.checks import assert_same, through_json
from tests.learners.streams import prototype_stream

LABELS, FEATURES = 90, 12


def learner(micro_batch: int = 8) -> ExtremeClassifier:
    """Return one that knows the names of the labels."""
    made = ExtremeClassifier(exact=True, micro_batch=micro_batch, device="cpu")
    made.label_space.ids(f"l{label}" for label in range(LABELS))
    return made


def messages(number: int, seed: int = 0) -> list[tuple[Vector, Targets]]:
    """Return vectors that get longer, with labels; every fifth message names only some labels."""
    rng = np.random.default_rng(seed)
    made = []
    for each in range(number):
        named = rng.choice(LABELS, 6, replace=False)
        x = rng.normal(size=FEATURES - (each < 11)).astype(np.float32)
        made.append((x, Targets(np.sort(named[:3]), np.sort(named[3:]) if each % 5 == 4 else None)))
    return made


def test_a_step_is_the_sum_of_gradients_at_the_weights_before_it() -> None:
    """Beside plain sums, message by message."""
    ours, rate = learner(), 4.0
    weights, squares = np.zeros((LABELS, FEATURES + 1)), np.zeros(LABELS)
    seen, base = np.zeros(LABELS, dtype=bool), np.array([1.0, 10.0])
    stream = messages(40)
    for start in range(0, len(stream), 8):
        block = [
            (np.resize(with_intercept(unit(x)), FEATURES + 1), x, targets)
            for x, targets in stream[start:][:8]
        ]
        for padded, x, _ in block:
            padded[len(x) + 1 :] = 0.0
        for _, _, targets in block:
            new = targets.positive[~seen[targets.positive]]
            weights[new, 0] = np.log(base[0] / base[1])
            seen[new] = True
        for _, _, targets in block:
            if targets.complete:
                base = 0.999 * base + (len(targets.positive), seen.sum())
        gradients = []
        for padded, _, targets in block:
            error = 1.0 / (1.0 + np.exp(-weights @ padded)) - targets.dense(LABELS)
            error[~seen | targets.unknown(LABELS) | (abs(error) <= 0.01)] = 0.0
            gradients.append((error, padded))
            squares += error**2 * (padded @ padded)
        for error, padded in gradients:
            weights -= np.outer(rate * error / np.sqrt(1.0 + squares), padded)
        for x, targets in stream[start : start + 8]:
            ours.learn(x, targets)
        x = stream[start][0]
        expected = 1.0 / (1.0 + np.exp(-weights @ np.resize(block[0][0], FEATURES + 1)))
        prediction = ours.predict(x)
        assert prediction.scored is not None
        known = seen[prediction.scored]
        np.testing.assert_allclose(prediction.scores[known], expected[prediction.scored][known], atol=1e-5)


def predicted(ours: ExtremeClassifier, groups: list[int]) -> list[Prediction]:
    """Predict and learn a stream in groups, as far as a micro-batch allows."""
    stream, made = messages(64), []
    for group in groups:
        some, stream = stream[:group], stream[group:]
        while some:
            together = some[: ours.predictable]
            made += ours.predict_many([x for x, _ in together])
            for x, targets in together:
                ours.learn(x, targets)
            some = some[len(together) :]
    return made


def test_predictions_have_the_same_bits_however_many_are_made_at_once() -> None:
    """One by one, some at a time, and all that can be."""
    first, *others = (learner(24) for _ in range(3))
    alone = predicted(first, [1] * 64)
    for ours, groups in zip(others, ([64], [5, 1, 17, 30, 11]), strict=True):
        for one, other in zip(alone, predicted(ours, groups), strict=True):
            assert_same(one, other)
        assert ours.digest() == first.digest()


def test_what_waits_for_a_step_is_saved() -> None:
    """Saved in the middle of a micro-batch, through JSON: it goes on as if nothing had happened."""
    whole, stopped, resumed = learner(), learner(), learner()
    stream = messages(30)
    for x, targets in stream[:13]:
        whole.learn(x, targets)
        stopped.learn(x, targets)
    resumed.load_state(through_json(stopped.state()))
    assert resumed.unlearned == 5
    for x, targets in stream[13:]:
        whole.learn(x, targets)
        resumed.learn(x, targets)
    assert resumed.digest() == whole.digest()


def test_predictions_change_with_a_step_and_not_before() -> None:
    """The weights are those of the last step."""
    ours = learner()
    stream = messages(24)
    for x, targets in stream[:16]:
        ours.learn(x, targets)
    asked = stream[0][0]
    before = ours.predict(asked)
    for number, (x, targets) in enumerate(stream[16:], start=1):
        assert ours.holds(before)
        ours.learn(x, targets)
        assert ours.unlearned == number % 8
    assert not ours.holds(before)
    assert (ours.predict(asked).scores != before.scores).any()


def test_little_is_lost_where_labels_are_many() -> None:
    """Sixteen messages at a time, on a planted stream: P@1 within three points of one by one."""
    found = []
    for micro_batch in (1, 16):
        ours = ExtremeClassifier(exact=True, micro_batch=micro_batch, device="cpu")
        hits = []
        for x, names in prototype_stream(2000, 500, features=48):
            best, _ = ours.predict(x).best(1)
            targets = ours.label_space.targets(names)
            hits.append(bool(np.isin(best, targets.positive).any()))
            ours.learn(x, targets)
        found.append(np.mean(hits))
    assert found[0] > 0.5
    assert found[1] > found[0] - 0.03


def test_a_shortlist_has_no_micro_batches() -> None:
    """The error says why, and what to do."""
    with pytest.raises(ValueError, match=r"grows message by message.* Add exact=True"):
        ExtremeClassifier(micro_batch=2)
