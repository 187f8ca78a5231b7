"""What learners, detectors and monitors compute on small streams: `python -m tests.arithmetic [--write]`.

A release that changes the arithmetic of a learner or a monitor says so in its changelog, for snapshots go on
with it. `arithmetic.json` has the figures of the last change that was said; tests compare. Where a figure
differs and is meant to, name the change in CHANGELOG.md and write the file. Written are only figures that
inputs changed by a millionth leave as they are, so that another processor's last bits do not matter.
"""

from __future__ import annotations

import inspect
import json
import math
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drift.alarms.alarm import Observation
from drift.detectors.catalogue import DETECTORS
from drift.monitors.monitors import MONITORS, Monitors
from learners.catalogue import LEARNERS, make
from learners.core.sparse import Features, Sparse
from learners.wrappers import RiverLearner

FILE = Path(__file__).parent / "arithmetic.json"
MESSAGES = {"ihomer": 2200}
"""Of a learner's stream; 700 for the others. Experts of `ihomer` sleep after 2,000 at the earliest."""
MILLIONTH = 1.000001

Figures = dict[str, list[float]]


class Change:
    """A cluster that was split."""

    kind, subject, statistic, threshold, labels = "split", "12", 0.1, 0.2, ()


def learner_figures(name: str, factor: float = 1.0) -> Figures:
    """Return, for every tenth of a stream, sums of scores and of labels that no two changes leave equal."""
    limited = "max_labels" in inspect.signature(LEARNERS[name]).parameters
    learner = make(name, **({"max_labels": 18} if limited else {}))
    messages = MESSAGES.get(name, 700)
    tenths = np.zeros((10, 2))
    draw = np.random.default_rng(7)
    for n in range(messages):
        x, labels, negative = _message(n, messages, draw, factor)
        prediction = learner.predict(x)
        scored = np.arange(len(prediction.scores)) if prediction.scored is None else prediction.scored
        weights = np.cos(scored + n)
        tenths[10 * n // messages] += prediction.scores @ weights, np.cos(prediction.labels + n).sum()
        targets = learner.label_space.targets(labels, negative)
        learner.learn_predicted(x, targets, prediction)
    return {f"{name} {what}": tenths[:, place].tolist() for place, what in enumerate(("scores", "labels"))}


def _message(
    n: int, messages: int, draw: np.random.Generator, factor: float
) -> tuple[Features, list[str], list[str] | None]:
    """Return a message of a stream with groups of labels, of which two exchange members in the middle."""
    group, member = int(draw.integers(4)), int(draw.integers(3))
    swapped = n > messages // 2 and group < 2
    x = draw.normal(size=12).astype(np.float32)
    x[group] += 3
    x[4 + member] += 2
    x[8] = 40 * (x[group] > 3) + draw.normal()
    x[9] = n % 5 == 0
    if n % 11 == 0:
        x[10] = math.nan
    labels = [f"g{group}", f"g{group}/m{(member + swapped) % 3}"]
    if member != 1 and x[11] > -1:
        labels.append(f"g{group}/m1")
    if n % 40 == 7:
        labels.append(f"rare{n % 3}")
    words = Sparse(
        np.array([group, 10 + 3 * group + member, 50 + n % 30], dtype=np.int32),
        np.array([0.6, 0.6, 0.5], dtype=np.float32),
    )
    return Features(x * np.float32(factor), words), labels, [f"g{(group + 1) % 4}"] if n % 6 == 0 else None


def detector_figures(name: str, factor: float = 1.0) -> Figures:
    """Return when a detector alarms, and what it compares now and then, on two series with two changes."""
    kind: Any = DETECTORS[name]
    figures: Figures = {}
    for series in ("rate", "level"):
        detector = kind(seed=1) if name == "kswin" else kind()
        draw, seen = np.random.default_rng(3), []
        for n in range(1500):
            high = 500 <= n < 1000
            value = float(draw.random() < (0.5 if high else 0.2))
            if series == "level" and name not in ("ddm", "eddm"):
                value = float(np.clip(draw.normal(0.7 if high else 0.4, 0.1), 0, 1)) * factor
            detector.update(value)
            if detector.drift_detected or n % 150 == 149:
                seen += [n, *(detector.statistic, detector.threshold, detector.window)]
        figures[f"{name} {series}"] = [each for each in seen if math.isfinite(each)]
    return figures


def monitor_figures(name: str, factor: float = 1.0) -> Figures:
    """Return the alarms of a monitor on a stream in which everything changes twice."""
    monitor, figures = Monitors(names=[name], budget=100.0), {}
    for n, observation in enumerate(_observations(4000, factor)):
        for alarm in monitor.update(observation):
            told = alarm.statistic, alarm.threshold, alarm.window, alarm.since, alarm.before, alarm.after
            figures[f"{name} {n} {alarm.detector} {alarm.subject}"] = [float(each or 0) for each in told]
    return figures


def _observations(messages: int, factor: float) -> Iterator[Observation]:
    draw = np.random.default_rng(5)
    for n in range(messages):
        other = messages // 3 <= n < 2 * messages // 3
        on = draw.random(6) < ((0.8, 0.3, 0.4, 0.2, 0.1, 0.1) if other else (0.2, 0.3, 0.05, 0.4, 0.1, 0.3))
        on[1] = on[0] if other else on[1]
        on[4] |= on[3]
        on[5] &= other or not on[3]
        actual = np.flatnonzero(on)
        wrong = draw.random(6) < (0.4 if other else 0.1)
        likely = np.flatnonzero(on == (draw.random() < (0.5 if other else 0.85)))
        x = draw.normal(size=6).astype(np.float32) * (2.0 if other else 1.0) + (1.5 if other else 0.0)
        yield Observation(
            np.flatnonzero(on ^ wrong),
            actual,
            appeared=[f"label {n}"] if n == 0 or (other and n % 9 == 0) else [],
            complete=n % 10 != 0,
            best=(int(draw.choice(likely)), float(draw.uniform(0.8, 0.9))) if len(likely) else None,
            x=(x * factor).astype(np.float32),
            text="words " * (n % (19 if other else 7)) + "\u03b1\u03b2" * (5 if other else 0),
            clusters=[0, 1 + n % 3],
            wrong=[0] if draw.random() < (0.6 if other else 0.2) else [],
            changes=[Change()] if n % 400 == 40 else [],
            delay=n % (40 if other else 4),
            unlabelled=n % (9 if other else 3),
        )


OURS = tuple(name for name in LEARNERS if not isinstance(make(name), RiverLearner))
FIGURES: dict[str, Callable[..., Figures]] = {
    **{f"learner {name}": partial(learner_figures, name) for name in OURS},
    **{f"detector {name}": partial(detector_figures, name) for name in DETECTORS},
    **{f"monitor {name}": partial(monitor_figures, name) for name in MONITORS},
}


def check(name: str) -> None:
    """Compare the figures of one of them with those in the file."""
    kept: dict[str, Figures] = json.loads(FILE.read_text(encoding="utf-8"))
    assert_close(FIGURES[name](), kept[name])


def assert_close(found: Figures, kept: Figures) -> None:
    """Compare figures, which are equal to four digits."""
    assert list(found) == list(kept)
    for name, figures in kept.items():
        assert found[name] == pytest.approx(figures, rel=1e-4, abs=1e-4), name


def main() -> int:
    """Compare, or write."""
    found = {name: figures() for name, figures in FIGURES.items()}
    for name, figures in FIGURES.items():
        assert_close(figures(MILLIONTH), found[name])
    written = {
        name: {each: [float(f"{value:.7g}") for value in values] for each, values in figures.items()}
        for name, figures in found.items()
    }
    text = json.dumps(written, indent=0) + "\n"
    if "--write" in sys.argv:
        FILE.write_text(text, encoding="utf-8")
    elif FILE.read_text(encoding="utf-8") != text:
        print(f"{FILE.name} differs from the code")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
