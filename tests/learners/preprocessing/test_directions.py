"""Directions: plain where features are of a kind, and of use where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.core import Vector
from learners.core.labels import Targets
from learners.ensemble.ihomer import IHOMER
from learners.preprocessing.directions import Directions
from learners.preprocessing.scaling import CLIP, StandardScaler, unit


def taught(rows: Vector) -> Directions:
    """Return directions that have seen some rows."""
    scaler = StandardScaler()
    directions = Directions(scaler)
    for row in rows:
        scaler.learn(row)
        directions.learn()
    return directions


def topics_of(messages: int) -> list[int]:
    """Return one of four topics for each message."""
    topics: list[int] = np.random.default_rng(2).integers(0, 4, size=messages).tolist()
    return topics


def words(messages: int, size: int = 1000) -> Vector:
    """Return messages that each hold a few of the words of their topic, and others."""
    rng = np.random.default_rng(0)
    rows = (rng.random((messages, size)) < 0.01).astype(np.float32)
    for topic, row in zip(topics_of(messages), rows, strict=True):
        row[topic::4][rng.random(size // 4) < 0.03] = 1.0
    return rows


@given(seed=st.integers(0, 2**32 - 1), messages=st.integers(0, 100), density=st.floats(0.05, 1.0))
def test_features_of_a_kind_are_left_alone(seed: int, messages: int, density: float) -> None:
    """To the last bit, before anything was learned and afterwards."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(1.0, 1.0, size=(messages + 1, 7)).astype(np.float32)
    rows[rng.random(rows.shape) > density] = 0.0
    assert taught(rows[1:]).of(rows[0]).tobytes() == unit(rows[0]).tobytes()


@pytest.mark.parametrize("measured", ["kelvin", "timestamp", "huge"])
def test_one_feature_of_another_kind_does_not_drown_the_rest(measured: str) -> None:
    """Messages of one topic point the same way, those of another do not, whatever is measured beside."""
    rows, rng = words(400), np.random.default_rng(1)
    column = {
        "kelvin": rng.normal(290.0, 5.0, size=400),
        "timestamp": 1.7e9 + 60.0 * np.arange(400),
        "huge": rng.exponential(1e6, size=400),
    }[measured]
    directions = taught(np.hstack([rows, column[:, None]]).astype(np.float32))
    topics = [np.array([*(np.arange(1000) % 4 == n), np.median(column)], dtype=np.float32) for n in (0, 1)]
    one, other = (directions.of(topic) for topic in topics)
    assert one @ other < 0.5
    assert np.linalg.norm(one) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("exponent", [-40, 40])
def test_the_unit_of_measurement_does_not_matter(exponent: int) -> None:
    """The same bits where all features are measured in another power of two."""
    rows = np.hstack([words(100), np.full((100, 1), 290.0, dtype=np.float32)])
    plain, scaled = taught(rows), taught(np.ldexp(rows, exponent))
    assert plain.of(rows[3]).tobytes() == scaled.of(np.ldexp(rows[3], exponent)).tobytes()


def test_missing_wild_and_new_values() -> None:
    """Missing is 0; what is centred is cut; a feature that was never learned counts as it is."""
    rows = np.random.default_rng(0).normal((0.0, 1000.0), 1.0, size=(200, 2)).astype(np.float32)
    directions = taught(rows)
    assert directions.of(np.array([np.nan, np.nan], dtype=np.float32)).tolist() == [0.0, 0.0]
    wild = directions.of(np.array([1.0, -1e30], dtype=np.float32))
    np.testing.assert_allclose(wild[1] / wild[0], -CLIP, rtol=0.1)
    new = directions.of(np.array([3.0, np.nan, 4.0], dtype=np.float32))
    np.testing.assert_allclose(new, [0.6, 0.0, 0.8], rtol=1e-6)


def test_what_is_restored_goes_on_the_same() -> None:
    """Between two looks at the usual size, too."""
    rows = np.hstack([words(200), np.full((200, 1), 290.0, dtype=np.float32)])
    whole, half = taught(rows), taught(rows[:101])
    scaler = StandardScaler()
    scaler.load_state(half._scaler.state())
    restored = Directions(scaler)
    restored.load_state(half.state())
    for row in rows[101:]:
        scaler.learn(row)
        restored.learn()
    assert restored.of(rows[0]).tobytes() == whole.of(rows[0]).tobytes()


def test_ihomer_reads_words_beside_a_clock() -> None:
    """A timestamp in each message costs hardly a right answer; with plain directions it cost many."""
    rows = words(400)
    clock = (1.7e9 + 60.0 * np.arange(400)).astype(np.float32)[:, None]
    right = []
    for stream in (rows, np.hstack([rows, clock])):
        learner, exact = IHOMER(), 0
        learner.label_space.ids(["a", "b", "c", "d"])
        for x, topic in zip(stream, topics_of(400), strict=True):
            exact += learner.predict(x).labels.tolist() == [topic]
            learner.learn(x, Targets(np.array([topic])))
        right.append(exact)
    assert right[1] > 0.85 * right[0]
