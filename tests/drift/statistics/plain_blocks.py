"""`BlockMeans` written plainly: all blocks since the last change in a list, every mean taken anew."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from drift.core import Floats
from drift.statistics.blocks import (
    LEAST_BLOCKS,
    MOST_BLOCKS,
    MOST_DISTANCE,
    MOST_NOISE,
    NULL_DRAWS,
    RECENT_BLOCKS,
)


class Ratio(NamedTuple):
    """How many ratios of a kind were seen, and the mean and variance of their cube roots."""

    seen: float = 0.0
    mean: float = 0.0
    variance: float = 0.0


class PlainBlocks:
    """Compares the latest blocks with those before; for blocks of one length."""

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha / len(RECENT_BLOCKS)
        self.blocks: list[Floats] = []
        self.steps: list[Floats] = []
        self.history = dict.fromkeys(RECENT_BLOCKS, Ratio())
        self.watched = (0.0, 0.0)

    def update(self, block: Floats) -> tuple[int, int, float, float] | None:
        """Return blocks since and in all, distance and p of a change."""
        self.blocks.append(block)
        found = self._compare() if len(self.steps) >= LEAST_BLOCKS else None
        if found is not None:
            self.blocks, self.steps = self.blocks[-found[0] :], []
        steps = [(new - old) / np.sqrt(2.0) for old, new in pairwise(self.blocks)]
        if self.steps:
            self.steps.append(self._limited(steps[-1], self._noise()[0]))
        elif len(steps) >= LEAST_BLOCKS:
            median = float(np.median([step @ step for step in steps]))
            self.steps = [self._limited(step, median) for step in steps]
        return found

    def _limited(self, step: Floats, usual: float) -> Floats:
        size = float(step @ step)
        limited: Floats = step * (min(1.0, (MOST_NOISE * usual / size) ** 0.5) if usual else 1.0)
        return limited

    def _noise(self) -> tuple[float, float]:
        """Return estimates of the trace of the blocks' covariance, and of that of its square."""
        variance = squared = 0.0
        for n, step in enumerate(self.steps, 1):
            variance += (float(step @ step) - variance) / min(n, NULL_DRAWS)
        odd = [np.zeros_like(self.steps[0]), *self.steps[::2]]
        for n, (one, other) in enumerate(pairwise(odd), 1):
            squared += (float(one @ other) ** 2 - squared) / min(n, NULL_DRAWS)
        return variance, squared

    def _compare(self) -> tuple[int, int, float, float] | None:
        variance, squared = self._noise()
        strongest, chance = None, self.alpha
        assert len(self.blocks) <= MOST_BLOCKS
        for n in RECENT_BLOCKS:
            older, newer = self.blocks[:-n], self.blocks[-n:]
            if len(older) < max(LEAST_BLOCKS, n):
                break
            before = np.mean(older, axis=0)
            difference = np.mean(newer, axis=0) - before
            distance, noise = float(difference @ difference), variance * (1 / n + 1 / len(older))
            freedom = min(max(1.0, variance**2 / squared), len(difference))
            p, least = self._judge(n, distance / noise, freedom)
            if n == RECENT_BLOCKS[0] and np.isfinite(least):
                self.watched = distance, noise * least
            there = all((each - before) @ difference >= distance / 2 for each in self.blocks[-2:])
            if p < chance and there:
                strongest = n, len(self.blocks), distance, min(1.0, p * len(RECENT_BLOCKS))
                chance = p
        return strongest

    def _judge(self, n: int, ratio: float, freedom: float) -> tuple[float, float]:
        seen, mean, variance = self.history[n]
        root, apart = float(np.cbrt(ratio)), seen / n
        known = freedom * min(len(self.steps), NULL_DRAWS) / 1.5
        of_ratios = f_distribution(freedom, known)
        by_noise = float(of_ratios.isf(self.alpha))
        p, least = 1.0, np.inf
        if apart > 2:
            deviation = np.sqrt(variance * (1 + 1 / apart))
            of_roots = t_distribution(apart - 1, loc=mean, scale=deviation + 1e-12)
            p = max(float(of_ratios.sf(ratio)), float(of_roots.sf(root)))
            least = max(by_noise, float(of_roots.isf(self.alpha)) ** 3)
        if p >= self.alpha:
            weight = 1 / min(seen + 1, MOST_BLOCKS)
            apart_from = min(root, float(np.cbrt(MOST_DISTANCE * by_noise))) - mean
            variance = (1 - weight) * (variance + weight * apart_from**2)
            self.history[n] = Ratio(seen + 1, mean + weight * apart_from, variance)
        return p, least
