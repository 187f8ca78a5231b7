"""Streams of label-sets with planted groups: the truth that clusters are measured against."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BATCH = 256
"""Messages drawn at a time."""


def partition(labels: int, groups: int, seed: int) -> NDArray[np.intp]:
    """Return a random partition of labels into groups of equal size (as nearly as it goes): shape (L,)."""
    return np.random.default_rng(seed).permutation(np.arange(labels) % groups)


def label_sets(
    truth: NDArray[np.intp], density: float, noise: float, seed: int, within: float = 0.8
) -> Iterator[NDArray[np.intp]]:
    """Yield label-sets without end: groups are on independently, an active group's labels mostly.

    Parameters
    ----------
    truth
        The group of each label, shape (L,).
    density
        Share of messages that carry a label, the same for all.
    noise
        Share of occurrences that are put on a label drawn from all of them instead.
    within
        Chance of a label whose group is on, more than `density`. Groups are on as often as that asks.
    """
    rng, groups = np.random.default_rng(seed), int(truth.max()) + 1
    while True:
        active = rng.random((BATCH, groups)) < density / within
        present = active[:, truth] & (rng.random((BATCH, len(truth))) < within)
        yield from _with_noise(present, noise, rng)


def exclusive_label_sets(
    truth: NDArray[np.intp], density: float, noise: float, seed: int
) -> Iterator[NDArray[np.intp]]:
    """Yield label-sets without end: one group on each message, its labels as often as `density` asks.

    Labels of sparse groups then share few of their messages, those of different groups none but by noise.
    """
    rng, groups = np.random.default_rng(seed), int(truth.max()) + 1
    while True:
        active = rng.integers(groups, size=(BATCH, 1)) == truth
        present = active & (rng.random((BATCH, len(truth))) < density * groups)
        yield from _with_noise(present, noise, rng)


def _with_noise(
    present: NDArray[np.bool_], noise: float, rng: np.random.Generator
) -> Iterator[NDArray[np.intp]]:
    """Yield the label-sets of a batch, shape (messages, L), a share of their occurrences put elsewhere."""
    rows, columns = np.nonzero(present)
    stray = rng.random(len(columns)) < noise
    present[rows[stray], columns[stray]] = False
    present[rows[stray], rng.integers(0, present.shape[1], int(stray.sum()))] = True
    rows, columns = np.nonzero(present)
    yield from np.split(columns, np.searchsorted(rows, np.arange(1, len(present))))


def independent_label_sets(labels: int, density: float, seed: int) -> Iterator[NDArray[np.intp]]:
    """Yield label-sets without end and without any structure."""
    rng = np.random.default_rng(seed)
    while True:
        for present in rng.random((256, labels)) < density:
            yield np.flatnonzero(present)
