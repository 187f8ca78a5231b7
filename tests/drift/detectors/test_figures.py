"""What detectors report of a comparison is what their definitions say, from all values since a drift."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp

from drift.detectors.catalogue import build
from tests.drift.detectors.series import bernoulli

Figures = tuple[float, float]
NONE = 0.0, math.inf


def ddm(values: Sequence[float]) -> Figures:
    """Return the error rate plus its deviation, and that at its lowest plus three deviations."""
    rates = [(n, float(np.mean(values[:n]))) for n in range(31, len(values) + 1)]
    if not rates:
        return NONE
    bounds = [(rate, math.sqrt(rate * (1 - rate) / n)) for n, rate in rates]
    lowest = min(reversed(bounds), key=lambda bound: round(sum(bound), 12))
    return sum(bounds[-1]), lowest[0] + 3 * lowest[1]


def eddm(values: Sequence[float]) -> Figures:
    """Return by what share the distances between errors have shrunk from their largest, and the limit."""
    errors = [n for n, value in enumerate(values, 1) if value == 1]
    spreads = [0.0]
    for many in range(1, len(errors) + 1):
        distances = np.diff([0, *errors[:many]])
        deviation = np.std(distances, ddof=1) if many > 1 else 0.0
        spreads.append(float(np.mean(distances) + 2 * deviation) if errors[many - 1] > 30 else 0.0)
    if len(errors) <= 30 or max(spreads) <= 0:
        return NONE
    return 1 - spreads[-1] / max(spreads), 1 - 0.7


def hddm_a(values: Sequence[float]) -> Figures:
    """Return the mean of all minus that of the values up to the lowest bound, or the highest; and a bound."""
    many = len(values)
    means = [(n, float(np.mean(values[:n]))) for n in range(1, many + 1)]
    width = [math.sqrt(math.log(1000) / (2 * n)) for n, _ in means]
    upper = [round(mean + more, 12) for (_, mean), more in zip(means, width, strict=True)]
    lower = [round(mean - more, 12) for (_, mean), more in zip(means, width, strict=True)]
    compared = []
    for n, mean in (means[_last(upper, min)], means[_last(lower, max)]):
        bound = math.sqrt((many - n) / n / many / 2 * math.log(2000)) if n < many else math.inf
        compared.append((means[-1][1] - mean, bound) if n < many else NONE)
    return max(compared, key=lambda figures: abs(figures[0]) / figures[1])


def _last(bounds: Sequence[float], best: Callable[[Sequence[float]], float]) -> int:
    """Return the last place of the best."""
    return max(place for place, bound in enumerate(bounds) if bound == best(bounds))


def weighted(values: Sequence[float]) -> Figures:
    """Return an exponentially weighted mean, and the sum of its squared weights."""
    weights = 0.95 ** np.arange(len(values))[::-1] * np.where(np.arange(len(values)), 0.05, 1.0)
    first = 0.05**2 + 0.95**2
    squares = sum(weights[1:] ** 2) + first * 0.95 ** (2 * (len(values) - 1))
    return float(weights @ values), float(squares)


def hddm_w(values: Sequence[float]) -> Figures:
    """Return the weighted mean since the lowest bound minus that up to it, or the highest; and a bound."""
    bounds, compared = [weighted(values[:n]) for n in range(1, len(values) + 1)], []
    for sign in (1, -1):
        reached = [sign * mean + math.sqrt(squares * math.log(1000) / 2) for mean, squares in bounds]
        cut = 1 + int(np.argmin(np.round(reached, 12)))
        if cut == len(values):
            compared.append(NONE)
            continue
        (before, first), (after, second) = weighted(values[:cut]), weighted(values[cut:])
        compared.append((after - before, math.sqrt((first + second) * math.log(1000) / 2)))
    return max(compared, key=lambda figures: abs(figures[0]) / figures[1])


PLAIN: list[tuple[str, dict[str, Any], Callable[[Sequence[float]], Figures]]] = [
    ("ddm", {}, ddm),
    ("eddm", {"alpha": 0.8, "beta": 0.7}, eddm),
    ("hddm-a", {"two_sided_test": True}, hddm_a),
    ("hddm-w", {"two_sided_test": True}, hddm_w),
]


@pytest.mark.parametrize(("name", "parameters", "plain"), PLAIN, ids=[each[0] for each in PLAIN])
@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_the_definition(
    name: str, parameters: dict[str, Any], plain: Callable[[Sequence[float]], Figures], seed: int
) -> None:
    """Of all values since the last drift, that of the drift included."""
    detector, values, drifts = build(name, **parameters), list[float](), 0
    for n, value in enumerate(bernoulli(seed, (150, 0.2), (70, 0.7), (90, 0.1))):
        values = [value] if detector.drift_detected else [*values, value]
        detector.update(value)
        assert (detector.statistic, detector.threshold) == pytest.approx(plain(values)), f"at {n}"
        assert detector.window == min(len(values), 40 if name == "hddm-w" else len(values))
        drifts += detector.drift_detected
    assert drifts


def test_kswin_reports_orders_of_magnitude() -> None:
    """Of the chance of a difference, and of the one that is allowed; nothing before the window is full."""
    detector, draw = (
        build("kswin", seed=3, window_size=40, stat_size=20, alpha=0.01),
        np.random.default_rng(0),
    )
    values: list[float] = []
    for n in range(120):
        values.append(float(draw.normal(3 * (n >= 80))))
        detector.update(values[-1])
        if n < 39:
            assert (detector.statistic, detector.threshold) == NONE
        else:
            # Of twenty older values, all twenty are drawn.
            p = ks_2samp(values[-40:-20], values[-20:]).pvalue
            assert detector.statistic == pytest.approx(-math.log10(p))
            assert detector.threshold == pytest.approx(2.0)
        assert detector.window == 20
        if detector.drift_detected:
            break
    assert 80 < n < 100
