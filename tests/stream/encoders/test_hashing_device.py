"""Hashing with torch, as on a CUDA device: the bits of the compiled kernels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.core import sparse_part
from stream.encoders import Hashing
from stream.encoders.hashing_device import DeviceHashing
from stream.records.schema import Event
from tests.stream.encoders.test_hashing import TEXTS, bits


def with_torch(dimensions: int) -> Hashing:
    """Return an encoder that counts all texts with torch, on the CPU."""
    encoder = Hashing(dimensions, "cpu")
    encoder._on_device = DeviceHashing(dimensions, torch.device("cpu"))
    return encoder


def both(texts: list[str], dimensions: int) -> list[tuple[bytes, list[list[bytes]]]]:
    """Return the dense rows and the sparse parts that the kernels and torch give."""
    events = [Event(id="1", ts=0, text=text) for text in texts]
    found = []
    for encoder in (Hashing(dimensions, "cpu"), with_torch(dimensions)):
        xs = encoder.encode(events)
        dense = np.array(xs, np.float32).tobytes()
        found.append((dense, bits([sparse_part(x) for x in xs])))
        assert bits(encoder.words(texts)) == bits([sparse_part(x) for x in xs])
    return found


@pytest.mark.parametrize("dimensions", [16, 1000, 1024, 65536])
def test_the_kernels_and_torch_give_the_same_bits(dimensions: int) -> None:
    """Any length, any script, and texts without words."""
    kernels, torchs = both(TEXTS, dimensions)
    assert kernels == torchs


@settings(deadline=None)
@given(st.lists(st.text(st.characters(), max_size=60), max_size=5), st.sampled_from([16, 100, 1024]))
def test_they_do_for_any_texts(texts: list[str], dimensions: int) -> None:
    """Surrogates, control characters, and batches of none."""
    kernels, torchs = both(texts, dimensions)
    assert kernels == torchs
