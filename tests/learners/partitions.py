"""Streams of label-sets with planted groups: the truth that clusters are measured against."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


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
        active = rng.random((256, groups)) < density / within
        present = active[:, truth] & (rng.random((256, len(truth))) < within)
        rows, columns = np.nonzero(present)
        stray = rng.random(len(columns)) < noise
        columns[stray] = rng.integers(0, len(truth), int(stray.sum()))
        for part in np.split(columns, np.searchsorted(rows, np.arange(1, 256))):
            yield np.unique(part)


def exclusive_label_sets(
    truth: NDArray[np.intp], density: float, noise: float, seed: int
) -> Iterator[NDArray[np.intp]]:
    """Yield label-sets without end: one group on each message, its labels as often as `density` asks.

    Labels of sparse groups then share few of their messages, those of different groups none but by noise.
    """
    rng, groups = np.random.default_rng(seed), int(truth.max()) + 1
    members = [np.flatnonzero(truth == group) for group in range(groups)]
    while True:
        own = members[rng.integers(groups)]
        labels = own[rng.random(len(own)) < density * groups]
        stray = rng.random(len(labels)) < noise
        yield np.unique(np.where(stray, rng.integers(0, len(truth), len(labels)), labels))


def independent_label_sets(labels: int, density: float, seed: int) -> Iterator[NDArray[np.intp]]:
    """Yield label-sets without end and without any structure."""
    rng = np.random.default_rng(seed)
    while True:
        for present in rng.random((256, labels)) < density:
            yield np.flatnonzero(present)
