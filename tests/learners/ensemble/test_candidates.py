"""The numbers of label-sets, and the labels that candidates are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.ensemble import candidates as module
from learners.ensemble.candidates import codes, likely_labels
from learners.ensemble.thresholds import LEAST_PREDICTED

SPLIT_MIX = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC]
"""The first numbers of SplitMix64 from 0, as published with it."""


def plain(function: Any) -> Any:
    """Return a function that is not compiled: beyond an array's end, a compiled one reads without a word."""
    return function.py_func


def test_labels_have_the_numbers_of_split_mix() -> None:
    """A set has the sum of those of its labels, so that sets that differ have others."""
    alone = codes(np.eye(4, dtype=np.bool_))
    assert alone.tolist() == SPLIT_MIX
    every = codes(np.array([[False] * 4, [True, False, True, False], [True] * 4]))
    assert every.tolist() == [0, (SPLIT_MIX[0] + SPLIT_MIX[2]) % 2**64, sum(SPLIT_MIX) % 2**64]


def test_compiled_equals_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled equals plain."""
    sets = np.random.default_rng(0).random((6, 9)) < 0.4
    quick = codes(sets)
    monkeypatch.setattr(module, "_code", plain(module._code))
    with np.errstate(over="ignore"):
        assert plain(codes)(sets).tolist() == quick.tolist()


@given(st.lists(st.floats(0.0, 0.9990234375, width=32), min_size=1, max_size=200), st.data())
def test_likely_labels_are_those_that_a_plain_search_finds(values: list[float], data: st.DataObject) -> None:
    """What is likely, previous or a neighbour's; none of the others is true by the product of their odds."""
    labels = st.lists(st.integers(0, len(values) - 1), max_size=4, unique=True)
    previous, near = (np.array(data.draw(labels), dtype=np.intp) for _ in range(2))
    probabilities = np.array(values, dtype=np.float32)
    for function in (likely_labels, plain(likely_labels)):
        active, place, none = function(probabilities, previous, near)
        chosen = (probabilities >= LEAST_PREDICTED) | np.isin(np.arange(len(values)), [*previous, *near])
        assert active.tolist() == np.flatnonzero(chosen).tolist()
        assert place[active].tolist() == list(range(len(active)))
        assert (place[~chosen] == -1).all()
        assert none == pytest.approx(np.log1p(-probabilities[~chosen].astype(float)).sum())
