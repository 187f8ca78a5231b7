"""Rows on a device: what they give does not depend on where in memory vectors lie."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from drift.core import Vector
from learners.extreme.classifier_rows import Centroids, ClassifierRows, DeviceRows, merged

CPU = torch.device("cpu")


def copies(vector: Vector) -> Iterator[Vector]:
    """Yield copies of a vector at each place that an allocator may choose within 64 bytes."""
    for offset in range(16):
        room = np.zeros(len(vector) + 32, dtype=np.float32)
        start = -room.ctypes.data % 64 // room.itemsize + offset
        room[start : start + len(vector)] = vector
        yield room[start : start + len(vector)]


@pytest.mark.parametrize("rows", [1, 3, 7, 11, 64, 500])
@pytest.mark.parametrize("columns", [10, 101, 257])
def test_bits_do_not_depend_on_alignment(rows: int, columns: int) -> None:
    """Products, a step and a mean are the same bits for a vector at any address."""
    rng = np.random.default_rng(rows)
    ids, x = np.arange(rows), rng.normal(size=columns).astype(np.float32)
    weights = rng.normal(size=(rows, columns)).astype(np.float32)
    errors = rng.normal(size=rows).astype(np.float32)
    found = set()
    for inputs in copies(x):
        classifiers, centroids = ClassifierRows(CPU, 4.0), Centroids(CPU)
        for some in (classifiers, centroids):
            some.reserve(rows, columns)
            for row in range(rows):
                some.put(np.array([row]), weights[row])
        centroids.add(0, inputs, times=3)
        before = classifiers.products(ids, inputs), classifiers.products(None, inputs)
        classifiers.step(ids, errors, inputs)
        after = classifiers.products(ids, inputs), centroids.cosines(ids, inputs)
        found.add(b"".join(each.tobytes() for each in (*before, *after)))
    assert len(found) == 1


@given(st.integers(0, 1000), st.lists(st.integers(1, 9), min_size=2, max_size=6))
def test_a_centroid_is_the_mean_of_all_that_was_added(seed: int, times: list[int]) -> None:
    """One vector at a time or means of several together come to the mean, and cosines follow."""
    vectors = np.random.default_rng(seed).normal(size=(len(times), 5)).astype(np.float32)
    centroids = Centroids(CPU)
    centroids.reserve(1, 5)
    for vector, count in zip(vectors, times, strict=True):
        centroids.add(0, vector, count)
    mean = np.average(vectors, axis=0, weights=times)
    row = np.array([0])
    assert centroids.take(row)[0] == pytest.approx(mean, abs=1e-5)
    together, total = merged(vectors, np.array(times, dtype=np.float32))
    assert together == pytest.approx(mean, abs=1e-5)
    assert centroids.counts[0] == total == sum(times)
    unit = vectors[0] / np.linalg.norm(vectors[0])
    assert centroids.cosines(row, unit)[0] == pytest.approx(mean @ unit / np.linalg.norm(mean), abs=1e-4)


def test_half_precision_takes_half_the_room() -> None:
    """Rows stored in half precision come out as float32, near what was put in, also after loading."""
    rows, restored = (DeviceRows(CPU, torch.float16) for _ in range(2))
    rows.reserve(2, columns=64)
    x = np.random.default_rng(0).normal(size=64).astype(np.float32)
    rows.put(np.array([1]), x)
    restored.load_state(rows.state())
    assert rows.state()["weights"].nbytes == 2 * 2 * 64
    taken = restored.take(np.array([0, 1]))
    assert taken.dtype == np.float32
    assert taken[0].tolist() == [0.0] * 64
    assert taken[1] == pytest.approx(x, rel=1e-3)


def test_nothing_is_left_of_what_a_row_was() -> None:
    """A shorter vector replaces a longer one whole."""
    rows = DeviceRows(CPU)
    rows.reserve(2, columns=3)
    rows.put(np.array([0, 1]), np.ones(3, dtype=np.float32))
    rows.put(np.array([1]), np.full(2, 5.0, dtype=np.float32))
    assert rows.take(np.array([0, 1])).tolist() == [[1.0, 1.0, 1.0], [5.0, 5.0, 0.0]]
