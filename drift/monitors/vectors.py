"""The distribution of the vectors: their location, spread and effective rank."""

from __future__ import annotations

import numpy as np

from drift.alarms import Alarm, Observation
from drift.core import Arrays, Floats, Parts, State, Stateful, Values, Vector, fields
from drift.statistics import BUDGET_MESSAGES, BlockMeans, BlockShift

DIRECTIONS = 64
"""Number of random directions: half the number of random features."""
STRIPE = 256
"""Features whose directions are drawn together, so that longer vectors keep the directions they had."""
VECTOR_TESTS = ("mean/frechet", "distribution/mmd", "rank/participation")


class VectorMonitor(Stateful):
    """Watches the distribution of the vectors. Scope *vector*.

    Messages are grouped in blocks; each block gives statistics that `BlockMeans` compares with those of the
    blocks before.

    * ``mean/frechet``: mean and standard deviation of each feature. Statistic and threshold are Fréchet
      distances between Gaussians with diagonal covariances, as shares of the total variance.
    * ``distribution/mmd``: the mean of random Fourier features of a Gaussian kernel, whose width is set by
      the first block (half of the features use half that width): the squared maximum mean discrepancy, which
      detects any change of shape.
    * ``rank/participation``: the participation ratio of the covariances' eigenvalues, their sum squared by
      the sum of their squares: how many directions the vectors use. A fall means that they collapse.
      `before` and `after` are such ratios. It is estimated without bias from pairs of messages, so it may be
      larger than a block: of normal vectors in 384, 120 and 60 equal directions it reads 384, 120 and 60 in
      the mean of blocks, and
      4 % more or less in a block of 50.

    A missing value counts as the running mean of its feature. Amortised O(d x directions) per message, in a
    few matrix products per block; memory is O(block x d).

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
        vectors = self._vectors.astype(np.float64)
        missing = np.isnan(vectors)
        if missing.any():
            usual = self._tests[VECTOR_TESTS[0]].past[::2]
            usual = np.pad(usual, (0, vectors.shape[1] - len(usual)))
            vectors = np.where(missing, usual, vectors)
        return vectors

    def _judge(self, vectors: Floats) -> list[Alarm]:
        mean, deviation = vectors.mean(axis=0), vectors.std(axis=0)
        variance = float(deviation @ deviation)
        seen = vectors @ self._directions
        if not self._width:
            self._width = variance**0.5
        figures = {
            VECTOR_TESTS[0]: np.stack([mean, deviation], axis=1).ravel(),
            VECTOR_TESTS[1]: _features(seen / (self._width or 1.0)),
            VECTOR_TESTS[2]: np.array([participation_ratio(vectors)]),
        }
        alarms = []
        for name, block in figures.items():
            found = self._tests[name].update(block)
            if found is not None:
                alarms.append(self._alarm(name, found, variance or 1.0))
        return alarms

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
