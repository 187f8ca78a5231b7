"""The distribution of the vectors: their location, spread and effective rank."""

from __future__ import annotations

import numpy as np

from drift.alarms import Alarm, Observation
from drift.core import Arrays, Floats, Parametrised, Parts, State, Values, Vector, fields
from drift.statistics import BUDGET_MESSAGES, BlockMeans, BlockShift

DIRECTIONS = 64
"""Number of random directions: half the number of random features."""
STRIPE = 256
"""Features whose directions are drawn together, so that longer vectors keep the directions they had."""
MOST = 0.9
"""Share of a block's messages that set how far out one may lie."""
FAR = 3.0
"""Distance beyond which a message is a stray, as a multiple of the distance of most."""
WIDTHS = 4.0
"""Ratio of the vectors' spread to the kernel's width, either way, beyond which the width is set anew."""
VECTOR_TESTS = ("mean/frechet", "distribution/mmd", "rank/participation")


class VectorMonitor(Parametrised):
    """Watches the distribution of the vectors. Scope *vector*.

    Messages are grouped in blocks; each block gives statistics that `BlockMeans` compares with those of the
    blocks before.

    * ``mean/frechet``: mean and standard deviation of each feature. Statistic and threshold are Fréchet
      distances between Gaussians with diagonal covariances, as shares of the total variance.
    * ``distribution/mmd``: the mean of random Fourier features of a Gaussian kernel (half of the features use
      half its width): the squared maximum mean discrepancy, which detects any change of shape. The width is
      the spread of the first block, and set anew, with the test, when that has become another by a factor of
      four.
    * ``rank/participation``: the participation ratio of the covariances' eigenvalues, their sum squared by
      the sum of their squares: how many directions the vectors use. A fall means that they collapse.
      `before` and `after` are such ratios. It is estimated without bias from pairs of messages, so it may be
      larger than a block: of normal vectors in 384, 120 and 60 equal directions it reads 384, 120 and 60 in
      the mean of blocks, and
      4 % more or less in a block of 50.

    A message far from all others is no drift and hides none: up to a tenth of a block that lie more than
    three times as far out as the rest count as lying as far out as that (see `drawn_in`). More of them are a
    drift. A missing value counts as the running mean of its feature, in the first block as its median.

    Amortised O(d x directions) per message, in a few matrix products per block; memory is O(block x d).

    Parameters
    ----------
    budget
        False alarms per 100,000 messages for each of the three, positive.
    block
        Messages in a block, at least 10. Larger blocks cost less per message and detect smaller changes; a
        change is detected after two full blocks at the earliest.

    Examples
    --------
    >>> generator, monitor, nothing = np.random.default_rng(0), VectorMonitor(), np.zeros(0, dtype=np.intp)
    >>> for n in range(3000):
    ...     x = generator.normal(0.0 if n < 2500 else 1.0, 1.0, size=8).astype(np.float32)
    ...     for alarm in monitor.update(Observation(nothing, nothing, x=x)):
    ...         print(n, alarm.detector, alarm.since)
    2599 mean/frechet 100
    2599 distribution/mmd 100

    References
    ----------
    A. Gretton et al. A kernel two-sample test. JMLR 13, 2012. A. Rahimi and B. Recht. Random features for
    large-scale kernel machines. NIPS 2007. Q. Garrido et al. RankMe: assessing the downstream performance
    of pretrained self-supervised representations by their rank. ICML 2023: why a rank. T. Himeno, T. Yamada.
    Estimations for some functions of covariance matrix in high dimension under non-normality. Journal of
    Multivariate Analysis 130, 2014: the rank's estimate. M. Heusel et al. GANs trained by a two time-scale
    update rule. NIPS 2017: the Fréchet distance of embeddings.
    """

    state_fields = fields(Arrays("_vectors"), Values("_filled", "_width"), Parts("_tests"))

    def __init__(self, budget: float = 1.0, block: int = 50) -> None:
        if not (budget > 0 and block >= 10):
            raise ValueError(
                "VectorMonitor needs budget in (0, inf) and block in [10, inf). "
                f"Got {budget!r}, {block!r} instead."
            )
        self.budget = budget
        self.block = block
        self._tests = {name: BlockMeans(min(0.5, budget * block / BUDGET_MESSAGES)) for name in VECTOR_TESTS}
        self._vectors: Vector = np.zeros((block, 0), dtype=np.float32)
        self._filled = 0
        self._width = 0.0
        self._directions: Floats = np.zeros((0, DIRECTIONS))

    def update(self, observation: Observation) -> list[Alarm]:
        """See `Monitor`."""
        x = observation.x
        if x is None or not len(x):
            return []
        if len(x) > self._vectors.shape[1]:
            self._widen(len(x))
        self._vectors[self._filled, : len(x)] = x
        self._vectors[self._filled, len(x) :] = 0.0
        self._filled += 1
        if self._filled < self.block:
            return []
        self._filled = 0
        return self._judge(self._complete())

    def _widen(self, features: int) -> None:
        more = features - self._vectors.shape[1]
        self._vectors = np.pad(self._vectors, ((0, 0), (0, more)))
        self._directions = _directions(features)

    def _complete(self) -> Floats:
        """Return the vectors of the block, usual values for missing ones, strays drawn in."""
        vectors = self._vectors.astype(np.float64)
        missing, usual = np.isnan(vectors), self._usual(vectors)
        if missing.any():
            vectors = np.where(missing, usual, vectors)
        return drawn_in(vectors, usual)

    def _usual(self, vectors: Floats) -> Floats:
        past = self._tests[VECTOR_TESTS[0]].past[::2]
        if not len(past):
            return _medians(vectors)
        more = vectors.shape[1] - len(past)
        return np.pad(past, (0, more)) if more else past

    def _judge(self, vectors: Floats) -> list[Alarm]:
        mean, deviation = vectors.mean(axis=0), vectors.std(axis=0)
        variance = float(deviation @ deviation) or 1.0
        alarms = self._test(VECTOR_TESTS[0], np.stack([mean, deviation], axis=1).ravel(), variance)
        self._fit_width()
        seen = vectors @ self._directions / (self._width or 1.0)
        alarms += self._test(VECTOR_TESTS[1], _features(seen), variance)
        alarms += self._test(VECTOR_TESTS[2], np.array([participation_ratio(vectors)]), variance)
        return alarms

    def _fit_width(self) -> None:
        """Set the kernel's width, and its test anew, where it is not that of the vectors since a change."""
        frechet = self._tests[VECTOR_TESTS[0]]
        spread = float(np.linalg.norm(frechet.past[1::2]))
        if not self._width or (frechet.settled and not spread / WIDTHS <= self._width <= WIDTHS * spread):
            self._width = spread
            self._tests[VECTOR_TESTS[1]] = BlockMeans(frechet.alpha)

    def _test(self, name: str, block: Floats, variance: float) -> list[Alarm]:
        found = self._tests[name].update(block)
        return [] if found is None else [self._alarm(name, found, variance)]

    def _alarm(self, name: str, found: BlockShift, variance: float) -> Alarm:
        statistic, threshold = found.distance, found.threshold
        before = after = None
        if name == VECTOR_TESTS[0]:
            statistic, threshold = statistic / variance, threshold / variance
        elif name == VECTOR_TESTS[2]:
            before, after = float(found.before[0]), float(found.after[0])
            statistic, threshold = after - before, threshold**0.5
        window, since = found.window * self.block, found.blocks * self.block
        return Alarm(
            name,
            "vector",
            "stream",
            statistic,
            threshold,
            window,
            p=found.p,
            since=since,
            before=before,
            after=after,
        )

    def watched(self) -> dict[str, tuple[float, float]]:
        """Return the latest distance and threshold of each test, by its name."""
        return {name: test.watched for name, test in self._tests.items()}

    def load_state(self, state: State) -> None:
        """See `Monitor`."""
        super().load_state(state)
        self._directions = _directions(self._vectors.shape[1])


def drawn_in(vectors: Floats, usual: Floats) -> Floats:
    """Return the vectors of a block, in which strays lie as far out as most do; shape (messages, d).

    A stray is a message more than three times as far from the usual one as nine tenths of the block are, and
    from the message nearest to that too. Where nine tenths are equal there are none: rare values of features
    that are mostly 0 would be.

    Parameters
    ----------
    vectors, usual
        Shapes (messages, d) and (d,); finite.

    Examples
    --------
    >>> vectors = np.array([[1.0], [-1.0], [2.0], [-2.0]] * 5 + [[1e30]])
    >>> drawn_in(vectors, np.zeros(1))[-3:].ravel().tolist()
    [2.0, -2.0, 4.0]
    """
    lengths, most = _distances(vectors, usual)
    if lengths.max() <= FAR * most:
        return vectors
    centre = vectors[lengths.argmin()]
    lengths, most = _distances(vectors, centre)
    strays = lengths > FAR * most
    if most > 0.0 and strays.any():
        vectors = vectors.copy()
        vectors[strays] = centre + (vectors[strays] - centre) * (most / lengths[strays])[:, None]
    return vectors


def _distances(vectors: Floats, centre: Floats) -> tuple[Floats, float]:
    """Return the distance of each vector from a point, and the one that most do not exceed."""
    away = vectors - centre
    distances: Floats = np.sqrt(np.einsum("nd,nd->n", away, away))
    return distances, float(np.sort(distances)[int(MOST * len(distances)) - 1])


def _medians(vectors: Floats) -> Floats:
    """Return the median of each feature's known values, 0 where none is known; shape (d,)."""
    known = np.count_nonzero(~np.isnan(vectors), axis=0)
    medians: Floats = np.sort(vectors, axis=0)[known // 2, np.arange(len(known))]
    return np.nan_to_num(medians)


def _directions(features: int) -> Floats:
    """Return the random directions for vectors of a length, shape (features, DIRECTIONS); deterministic."""
    stripes = [np.random.default_rng([DIRECTIONS, n]) for n in range(-(-features // STRIPE))]
    drawn = [stripe.normal(size=(STRIPE, DIRECTIONS)) for stripe in stripes]
    return np.concatenate([np.zeros((0, DIRECTIONS)), *drawn])[:features]


def _features(seen: Floats) -> Floats:
    """Return the mean random Fourier features of a block, widths 1 and 1/2; shape (2 directions,)."""
    seen = np.where(np.arange(DIRECTIONS) % 2, seen, 2.0 * seen)
    features: Floats = np.concatenate([np.cos(seen).mean(axis=0), np.sin(seen).mean(axis=0)])
    features /= DIRECTIONS**0.5
    return features


def participation_ratio(vectors: Floats) -> float:
    """Return the participation ratio of the covariance matrix that vectors were drawn from; shape (n, d).

    The plain ratio of n vectors is below n whatever they were drawn from. Here the trace of the squared
    matrix is estimated without bias, which needs n >= 4 and no normality.

    Examples
    --------
    >>> drawn = np.random.default_rng(0).normal(size=(50, 400))
    >>> 350 < participation_ratio(drawn) < 450, participation_ratio(np.ones((50, 400)))
    (True, 1.0)
    """
    n = len(vectors)
    centred = vectors - vectors.mean(axis=0)
    # Not divided by n - 1: the ratio is of no scale.
    products = centred @ centred.T
    trace = float(products.trace())
    fourth = (n - 1) * float((products.diagonal() ** 2).sum())
    square = (n - 1) * (n - 2) * float((products**2).sum()) + trace**2 - n * fourth
    square *= (n - 1) / (n * (n - 2) * (n - 3))
    # No covariance matrix of d dimensions has a squared trace beyond these bounds.
    square = min(max(square, trace**2 / vectors.shape[1]), trace**2)
    return trace**2 / square if square > 0.0 else 1.0
