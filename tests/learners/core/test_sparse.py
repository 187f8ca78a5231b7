"""Vectors with a sparse part: who sees it, and what stands for it where there is none."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest

from drift.core import Vector
from learners.core import Features, Sparse, given_part, sparse_part

DENSE = np.array([0.0, 3.0, np.nan, -4.0], dtype=np.float32)
PART = Sparse(np.array([5, 70_000], dtype=np.int32), np.array([0.6, 0.8], dtype=np.float32))


def test_the_vector_is_the_array_that_it_was() -> None:
    """Whoever does not ask for the sparse part notices nothing of it."""
    x = Features(DENSE, PART)
    assert x.tobytes() == DENSE.tobytes()
    assert given_part(x) is PART
    assert sparse_part(x) is PART


@pytest.mark.parametrize("derived", [lambda x: 2 * x, lambda x: x[1:], lambda x: x.copy(), np.nan_to_num])
def test_what_is_computed_from_it_has_no_sparse_part(derived: object) -> None:
    """It would not belong to it."""
    assert callable(derived)
    assert given_part(derived(Features(DENSE, PART))) is None


@pytest.mark.parametrize("carried", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
def test_it_comes_whole_to_another_process(carried: Callable[[Vector], Vector]) -> None:
    """Without its sparse part, its learner would go by the dense one, without a word; a slice has none."""
    x = Features(DENSE, PART)
    other = carried(x)
    part = given_part(other)
    assert part is not None
    assert other.tobytes() == x.tobytes()
    assert not np.shares_memory(other, x)
    assert [each.tobytes() for each in part] == [each.tobytes() for each in PART]
    assert given_part(carried(x[1:])) is None
    assert carried(x[1:]).tobytes() == DENSE[1:].tobytes()


def test_a_vector_without_a_part_stands_for_itself() -> None:
    """As its direction: missing values count as 0, and zeros are left out."""
    part = sparse_part(DENSE)
    assert part.indices.tolist() == [1, 3]
    assert part.values == pytest.approx([0.6, -0.8])
    assert [str(each.dtype) for each in part] == ["int32", "float32"]
    assert not len(sparse_part(np.zeros(3, dtype=np.float32)).indices)
