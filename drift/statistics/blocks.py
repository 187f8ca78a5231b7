"""Change of the mean of many figures at once, from blocks of messages."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import fdtrc, fdtri, stdtr, stdtrit

from drift.core import Arrays, Floats, Parametrised, State, fields

RECENT_BLOCKS = (2, 4, 8, 16)
"""Numbers of latest blocks compared with those before: few detect a jump, many a slow change."""
LEAST_BLOCKS = 8
"""Blocks required before the latest ones can be compared with them."""
MOST_BLOCKS = 1000
"""Most blocks in the running mean of the past, so that it follows slow changes."""
NULL_DRAWS = 200
"""Most differences between blocks in the running estimate of the noise."""
MOST_NOISE = 10.0
"""Most that a difference between blocks counts in the estimate of the noise, as a multiple of it."""
MOST_DISTANCE = 2.0
"""Most that a distance counts among the earlier ones, as a multiple of what noise alone can explain."""


class BlockShift(NamedTuple):
    """A change between two adjacent stretches of blocks.

    Parameters
    ----------
    distance, threshold
        Squared Euclidean distance between the two mean blocks, and the value it exceeded.
    blocks, window
        Number of blocks since the change, and in both stretches together.
    p
        Probability of such a distance without a change, corrected for the number of stretches tried.
    before, after
        The two mean blocks, shape (figures,).
    """

    distance: float
    threshold: float
    blocks: int
    window: int
    p: float
    before: Floats
    after: Floats


class BlockMeans(Parametrised):
    """Compares the mean of the latest blocks with the mean of those before, for any number of figures.

    A block is a vector of figures about some messages, such as their mean vector. The noise between blocks
    is estimated from differences of adjacent blocks, which include any correlation between adjacent
    messages. The squared distance of two mean blocks is then, by Satterthwaite's approximation, an F
    variable whose degrees of freedom are the *effective* number of figures, tr(S)²/tr(S²): both traces take
    O(figures) per block, where the covariance matrix would take the square of that.

    The approximation is too optimistic in the far tail where a few directions hold most of the variance.
    Therefore a distance must also be an outlier among the cube roots of all earlier ones, which are nearly
    normal (Student's t; overlapping stretches count once); an alarm's `p` is the larger of the two.

    After an alarm the past begins at the change, and so does the estimate of the noise.

    No block hides later changes for long, however far out it lies. A difference counts as noise up to ten
    times the estimate, which begins with the median of the first ones; a distance counts among the earlier
    ones up to twice what noise can explain; and the mean of a past with such a block is soon found to differ
    from the blocks after it: an alarm, with which that past ends.

    Parameters
    ----------
    alpha
        Probability of a false alarm per block, in (0, 1).

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> test = BlockMeans()
    >>> for n in range(60):
    ...     if (found := test.update(generator.normal(2.0 * (n >= 50), 1.0, size=20))) is not None:
    ...         print(n, found.blocks, found.distance > found.threshold)
    51 2 True

    References
    ----------
    E. B. Wilson and M. M. Hilferty. The distribution of chi-square. PNAS 17, 1931: the cube root.
    F. E. Satterthwaite. An approximate distribution of estimates of variance components. Biometrics
    Bulletin 2(6), 1946.
    """

    state_fields = fields(Arrays("_latest", "_past", "_step", "_history"))

    def __init__(self, alpha: float = 1e-4) -> None:
        if not 0 < alpha < 1:
            raise ValueError(
                f"The 'alpha' parameter of BlockMeans must be a float in (0, 1). Got {alpha!r} instead."
            )
        self.alpha = alpha
        self._latest: Floats = np.zeros((0, 0))
        self._past: Floats = np.zeros(0)
        self._blocks = 0.0
        self._step: Floats = np.zeros(0)
        self._draws = 0
        self._variance = self._squared = 0.0
        self._compared = (0.0, 0.0)
        self._history: Floats = np.zeros(
            (len(RECENT_BLOCKS), 3)
        )  # Of the cube roots: how many, mean, variance.

    @property
    def past(self) -> Floats:
        """Mean of all blocks since the last change, shape (figures,)."""
        return self._past / max(self._blocks, 1.0)

    @property
    def settled(self) -> bool:
        """Whether the past has as many blocks as a comparison requires."""
        return self._blocks >= LEAST_BLOCKS

    @property
    def watched(self) -> tuple[float, float]:
        """Distance of the latest blocks from those before, and its threshold; (0, infinity) at first."""
        return self._compared

    def update(self, block: Floats) -> BlockShift | None:
        """Take in one block, shape (figures,), and return a change, if any; later blocks may be longer."""
        self._widen(len(block))
        self._latest = np.concatenate([self._latest, block[None]])[-max(RECENT_BLOCKS) :]
        if self._blocks >= MOST_BLOCKS:
            self._past *= 1.0 - 1.0 / MOST_BLOCKS
            self._blocks *= 1.0 - 1.0 / MOST_BLOCKS
        self._past = self._past + block
        self._blocks += 1.0
        found = self._compare()
        if found is not None:
            self._latest = self._latest[-found.blocks :]
            self._past, self._blocks = self._latest.sum(axis=0), float(found.blocks)
            self._draws = 0
        elif self._draws:
            self._learn_noise((self._latest[-1] - self._latest[-2]) / np.sqrt(2.0), self._variance)
        if not self._draws and len(self._latest) > LEAST_BLOCKS:
            self._begin_noise()
        return found

    def _widen(self, figures: int) -> None:
        if figures > len(self._past):
            more = figures - len(self._past)
            self._past = np.pad(self._past, (0, more))
            self._latest = np.pad(self._latest, ((0, 0), (0, more)))
            self._step = np.pad(self._step, (0, figures - len(self._step)))

    def _begin_noise(self) -> None:
        steps = np.diff(self._latest, axis=0) / np.sqrt(2.0)
        usual = float(np.median((steps**2).sum(axis=1)))
        self._variance = self._squared = 0.0
        self._step = np.zeros_like(self._past)
        for step in steps:
            self._learn_noise(step, usual)

    def _learn_noise(self, step: Floats, usual: float) -> None:
        size = float(step @ step)
        if 0.0 < MOST_NOISE * usual < size:
            step = step * (MOST_NOISE * usual / size) ** 0.5
        self._draws += 1
        weight = 1.0 / min(self._draws, NULL_DRAWS)
        self._variance += weight * (float(step @ step) - self._variance)
        # For two differences without a common block, the expected square of their product is tr(S^2).
        if self._draws % 2:
            product = float(step @ self._step)
            weight = 1.0 / min(1 + self._draws // 2, NULL_DRAWS)
            self._squared += weight * (product * product - self._squared)
            self._step = step

    def _compare(self) -> BlockShift | None:
        if self._draws < LEAST_BLOCKS or self._variance <= 0.0:
            return None
        latest, strongest, chance = self._latest[::-1], None, self.alpha / len(RECENT_BLOCKS)
        total, added = np.zeros_like(self._past), 0
        for place, n in enumerate(RECENT_BLOCKS):
            if n > len(latest) or self._blocks - n < max(LEAST_BLOCKS, n):
                break
            for block in latest[added:n]:
                total += block
            added = n
            after, before = total / n, (self._past - total) / (self._blocks - n)
            difference = after - before
            distance = float(difference @ difference)
            noise = self._variance * (1.0 / n + 1.0 / (self._blocks - n))
            p, least = self._judge(place, distance / noise)
            if place == 0 and np.isfinite(least):
                self._compared = (distance, float(noise * least))
            # Both of the last two blocks must lie there: with heavy tails, single blocks are often outliers.
            there = (self._latest[-2:] - before) @ difference >= 0.5 * distance
            if p < chance and there.all():
                corrected, chance = min(1.0, p * len(RECENT_BLOCKS)), p
                window = int(self._blocks)
                strongest = BlockShift(distance, float(noise * least), n, window, corrected, before, after)
        return strongest

    def _judge(self, place: int, ratio: float) -> tuple[float, float]:
        """Return the p-value of a ratio of distance to noise, and its threshold; record the ratio."""
        alpha = self.alpha / len(RECENT_BLOCKS)
        freedom = min(max(1.0, self._variance**2 / max(self._squared, 1e-300)), float(len(self._past)))
        known = freedom * min(self._draws, NULL_DRAWS) / 1.5  # Adjacent differences share a block.
        seen, mean, variance = self._history[place]
        apart = seen / RECENT_BLOCKS[place]
        root, by_noise = float(np.cbrt(ratio)), float(fdtri(freedom, known, 1.0 - alpha))
        p, least = 1.0, np.inf
        if apart > 2.0:
            deviation = np.sqrt(variance * (1.0 + 1.0 / apart)) + 1e-12
            by_history = float(stdtr(apart - 1.0, (mean - root) / deviation))
            p = max(float(fdtrc(freedom, known, ratio)), by_history)
            bar = mean + float(stdtrit(apart - 1.0, 1.0 - alpha)) * deviation
            least = max(by_noise, bar**3)
        if p >= alpha:
            weight = 1.0 / min(seen + 1.0, MOST_BLOCKS)
            root = min(root, float(np.cbrt(MOST_DISTANCE * by_noise)))
            self._history[place, 0] += 1.0
            self._history[place, 1] += weight * (root - mean)
            self._history[place, 2] += weight * ((1.0 - weight) * (root - mean) ** 2 - variance)
        return p, least

    def state(self) -> State:
        """Return everything learned, as arrays."""
        return super().state() | {
            "compared": np.array(self._compared),
            "noise": np.array([self._blocks, self._draws, self._variance, self._squared]),
        }

    def load_state(self, state: State) -> None:
        """Load the state of an object with equal parameters."""
        super().load_state(state)
        self._blocks, draws, self._variance, self._squared = np.asarray(state["noise"]).tolist()
        self._draws = int(draws)
        distance, least = np.asarray(state["compared"]).tolist()
        self._compared = (distance, least)
