"""Micro-batches: one step of many messages, at the weights that they were predicted with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from drift.core import Ids, Vector
from learners.core.labels import Targets
from learners.core.prediction import Prediction
from learners.extreme.classifier import ExtremeClassifier
from learners.extreme.classifier_rows import GATHERED, ClassifierRows
from learners.extreme.label_tree import LabelTree
from learners.linear_model import with_intercept
from learners.preprocessing.scaling import unit
from tests.learners.checks import assert_same, through_json
from tests.learners.streams import prototype_stream

LABELS, FEATURES = 90, 12


def learner(micro_batch: int = 8, exact: bool = True) -> ExtremeClassifier:
    """Return one that knows the names of the labels."""
    made = ExtremeClassifier(exact=exact, micro_batch=micro_batch, fanout=4, beam=3, device="cpu")
    made.label_space.ids(f"l{label}" for label in range(LABELS))
    return made


EITHER = pytest.mark.parametrize("exact", [True, False], ids=["exact", "shortlist"])


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


@EITHER
def test_predictions_have_the_same_bits_however_many_are_made_at_once(exact: bool) -> None:
    """One by one, some at a time, and all that can be."""
    first, *others = (learner(24, exact) for _ in range(3))
    alone = predicted(first, [1] * 64)
    for ours, groups in zip(others, ([64], [5, 1, 17, 30, 11]), strict=True):
        for one, other in zip(alone, predicted(ours, groups), strict=True):
            assert_same(one, other)
        assert ours.digest() == first.digest()


@EITHER
@pytest.mark.parametrize("learned", [0, 13, 16])
def test_what_waits_for_a_step_is_saved(exact: bool, learned: int) -> None:
    """Saved within a micro-batch or between two, through JSON: it goes on as if nothing had happened."""
    whole, stopped, resumed = (learner(8, exact) for _ in range(3))
    stream = messages(30)
    for x, targets in stream[:learned]:
        whole.learn_predicted(x, targets, whole.predict(x))
        stopped.learn(x, targets)
    resumed.load_state(through_json(stopped.state()))
    assert resumed.unlearned == learned % 8
    for x, targets in stream[learned:]:
        whole.learn(x, targets)
        resumed.learn(x, targets)
    assert resumed.digest() == whole.digest()


@EITHER
def test_predictions_change_with_a_step_and_not_before(exact: bool) -> None:
    """The weights are those of the last step."""
    ours = learner(8, exact)
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


@EITHER
def test_little_is_lost_where_labels_are_many(exact: bool) -> None:
    """Sixteen messages at a time, on a planted stream: P@1 within three points of one by one."""
    found = []
    for micro_batch in (1, 16):
        ours = ExtremeClassifier(exact=exact, micro_batch=micro_batch, device="cpu")
        hits = []
        for x, names in prototype_stream(2000, 500, features=48):
            best, _ = ours.predict(x).best(1)
            targets = ours.label_space.targets(names)
            hits.append(bool(np.isin(best, targets.positive).any()))
            ours.learn(x, targets)
        found.append(np.mean(hits))
    assert found[0] > 0.5
    assert found[1] > found[0] - 0.03


def test_labels_that_are_new_together_are_not_predicted_for_everything() -> None:
    """In their own micro-batch, they are negatives of the messages that lack them."""
    ours = ExtremeClassifier(micro_batch=64, device="cpu")
    stream = prototype_stream(128, 40, features=48)
    for x, names in stream[:64]:
        ours.learn(x, ours.label_space.targets(names))
    predictions = ours.predict_many([x for x, _ in stream[64:]])
    predicted = sum(len(each.labels) for each in predictions)
    assert predicted < 4 * sum(len(names) for _, names in stream[64:])


def test_a_step_of_pairs_is_the_sum_of_gradients() -> None:
    """Beside plain sums, with rows that many messages share, and more rows than are added at once."""
    rng = np.random.default_rng(0)
    rows, labels = ClassifierRows(torch.device("cpu"), rate=2.0), 9000
    rows.reserve(labels, 5)
    inputs = rng.normal(size=(6, 5)).astype(np.float32)
    errors = rng.normal(size=(labels, 6)).astype(np.float32) * (rng.random((labels, 6)) < 0.4)
    weights, squares = np.zeros((labels, 5)), np.zeros(labels)
    for _ in range(2):
        ids, messages = np.nonzero(errors)
        order = rng.permutation(len(ids))
        rows.step_pairs(ids[order], messages[order], errors[ids, messages][order], inputs)
        squares += (errors**2) @ (inputs**2).sum(axis=1)
        weights -= 2.0 * (errors @ inputs) / np.sqrt(1.0 + squares)[:, None]
        np.testing.assert_allclose(rows.take(np.arange(labels)), weights, atol=1e-4)


def test_a_tree_taught_by_one_message_at_a_time_is_taught_alike_in_a_step() -> None:
    """Of one message, a step does what `lead` does."""
    for x, targets in messages(20)[11:15]:
        found = []
        for together in (False, True):
            ours = learner(1, exact=False)
            for before, labels in messages(20):
                ours.learn(before, labels)
            tree: LabelTree = vars(ours)["_tree"]
            inputs = with_intercept(unit(x))
            route = tree.route(inputs)
            if together:
                tree.lead_together([route], [targets], inputs[None])
            else:
                tree.lead(route, targets.positive, inputs, targets.complete)
            found.append([level.rows.take(np.arange(len(level))) for level in tree.levels])
        for one, other in zip(*found, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


@dataclass(frozen=True)
class Gathered:
    """Rows, with ids and inputs of messages."""

    rows: ClassifierRows
    ids: list[Ids]
    inputs: Vector


def gathered(device: str) -> Gathered:
    """Return products to make: more than fit in one operation, of shortlists of several lengths."""
    rng = np.random.default_rng(0)
    rows = ClassifierRows(torch.device(device), rate=1.0)
    rows.reserve(300, 13)
    for row in range(300):
        rows.set(row, rng.normal(size=13).astype(np.float32), like=row)
    ids = [np.sort(rng.choice(300, size, replace=False)) for size in rng.integers(0, 48, 2 * GATHERED + 5)]
    return Gathered(rows, ids, rng.normal(size=(len(ids), 13)).astype(np.float32))


def same_products(device: str) -> None:
    """Check that gathered products are right, and have the same bits in any group."""
    made = gathered(device)
    together = made.rows.products_many(made.ids, made.inputs, 48)
    for start, size in ((0, 1), (1, 70), (71, GATHERED - 2)):
        some = slice(start, start + size)
        apart = made.rows.products_many(made.ids[some], made.inputs[some], 48)
        for one, other in zip(apart, together[some], strict=True):
            assert one.tobytes() == other.tobytes()
    for one, other in zip(together, made.rows.products_many(made.ids, made.inputs, None), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_products_of_many_shortlists_have_the_same_bits_in_any_group() -> None:
    """Groups of one, of more than one operation, and beside single products."""
    same_products("cpu")


@pytest.mark.device
def test_a_device_makes_the_same_products_in_any_group() -> None:
    """On a CUDA device."""
    same_products("cuda")


def test_a_tree_that_multiplies_for_many_messages_finds_the_same() -> None:
    """As on a device, beside message by message: the same ids, and nearly the same logits."""
    ours = learner(1, exact=False)
    stream = messages(200)
    for x, targets in stream:
        ours.learn(x, targets)
    state, apart = ours.state()["tree"], LabelTree(torch.device("cpu"), 4.0, 16.0, 4, 3)
    together = LabelTree(torch.device("cpu"), 4.0, 16.0, 4, 3, together=True)
    apart.load_state(state)
    together.load_state(state)
    inputs = np.stack([with_intercept(unit(x)) for x, _ in stream[11:]])
    for route, beside in zip(together.route_many(inputs), apart.route_many(inputs), strict=True):
        for one, other in zip(route, beside, strict=True):
            assert one.ids.tolist() == other.ids.tolist()
            np.testing.assert_allclose(one.logits, other.logits, atol=1e-4)
