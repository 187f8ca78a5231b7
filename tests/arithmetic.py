"""What learners, detectors and monitors compute on small streams: `python -m tests.arithmetic [--write]`.

A release that changes the arithmetic of a learner or a monitor says so in its changelog, for snapshots go on
with it. `arithmetic.json` has the figures of the last change that was said; tests compare. Where a figure
differs and is meant to, name the change in CHANGELOG.md and write the file. Figures that inputs changed by a
millionth alter are left out, so that another processor's last bits do not matter.
"""

from __future__ import annotations

import inspect
import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drift.alarms.alarm import Observation
from drift.core import Vector
from drift.detectors.catalogue import DETECTORS
from drift.monitors.monitors import MONITORS, Monitors
from learners.catalogue import LEARNERS, make
from learners.core import Learner, Prediction
from learners.core.sparse import Features, Sparse
from learners.wrappers import RiverLearner

FILE = Path(__file__).parent / "arithmetic.json"
MESSAGES = {"ihomer": 2200}
"""Of a learner's plain stream; 700 for the others. Experts of `ihomer` sleep after 2,000 at the earliest."""
ROUGH = 1000
"""Messages of the rough stream."""
MILLIONTH = 1.000001

Figures = dict[str, list[float]]


class Change:
    """A cluster that was split."""

    kind, subject, statistic, threshold, labels = "split", "12", 0.1, 0.2, ()


def learner_figures(name: str, factor: float = 1.0) -> Figures:
    """Return, for every tenth of two streams, sums that no two changes leave equal.

    Those are of scores, of labels, of what explains them, and of the structure with the figures of the
    learner's account.
    """
    limited = "max_labels" in inspect.signature(LEARNERS[name]).parameters
    found = {}
    for kind, messages, most in ((_message, MESSAGES.get(name, 700), 18), (_rough, ROUGH, 60)):
        learner = make(name, **({"max_labels": most} if limited else {}))
        tenths = np.zeros((10, 4))
        draw = np.random.default_rng(7)
        for n in range(messages):
            x, labels, negative = kind(n, messages, draw, factor)
            prediction = learner.predict(x)
            tenths[10 * n // messages] += _figures(learner, prediction, n, n % (messages // 20) == 0)
            targets = learner.label_space.targets(labels, negative)
            learner.learn_predicted(x, targets, prediction)
        stream = "" if kind is _message else " rough"
        for place, what in enumerate(("scores", "labels", "explanation", "account")):
            found[f"{name}{stream} {what}"] = tenths[:, place].tolist()
    return found


def _figures(learner: Learner, prediction: Prediction, n: int, all_of_them: bool) -> tuple[float, ...]:
    scored = np.arange(len(prediction.scores)) if prediction.scored is None else prediction.scored
    plain = float(prediction.scores @ np.cos(scored + n)), float(np.cos(prediction.labels + n).sum())
    if not all_of_them:
        return (*plain, 0.0, 0.0)
    explanation, structure = learner.explain(prediction, 3, 3), learner.structure()
    told = _numbers(explanation)
    account = _numbers([learner.statistics().figures(), structure])
    return (*plain, *(float(np.cos(1.0 + np.arange(len(each))) @ each) for each in (told, account)))


def _numbers(value: Any) -> list[float]:
    """Return the numbers in a tree of values, in order."""
    if isinstance(value, dict):
        return _numbers([*value.values()])
    if isinstance(value, list | tuple | np.ndarray):
        return [number for each in value for number in _numbers(each)]
    return [float(value)] if isinstance(value, int | float | np.number) else []


def _rough(
    n: int, messages: int, draw: np.random.Generator, factor: float
) -> tuple[Vector, list[str], list[str] | None]:
    """Return a message of a stream as nobody likes it.

    Features come one by one, are all 0 or all missing, or far out; a feature tells the topics in the first
    half as it denies them in the second; labels lie up to three levels deep, are many and mostly rare, and
    some fall silent for a third of the stream; of some messages no label is known, or some are only ruled
    out; some have no label, no words, or no word.
    """
    late = n > messages // 2
    topic = min(int(draw.exponential(3.0)), 19)
    if messages // 3 < n < 2 * messages // 3 and topic == 2:
        topic = 0
    x = draw.normal(size=min(2 + n // 20, 14)).astype(np.float32)
    x[0] = (topic % 2) * (-3.0 if late else 3.0) + 0.2 * draw.normal()
    x[1] = -2.0 if topic < 2 else 2.0
    if len(x) > 6:
        x[2 + topic % 4] += 4.0
        x[6] = n % 7 == 0
    if n % 101 == 50:
        x[0] = 50.0
    if n % 17 == 3:
        x[:] = 0.0
    if n % 23 == 5:
        x[:] = math.nan
    elif n % 9 == 4:
        x[n % len(x)] = math.nan
    labels = [f"t{topic}", f"t{topic}/s{n % 2}"] if n % 19 else []
    if topic < 3 and n % 19:
        labels.append(f"t{topic}/s{n % 2}/u{n % 3}")
    if late and topic == 1:
        labels.append("t0")
    words = np.unique([topic, 20 + topic % 5, 2**17 + n % 50, 40 + n % 11]).astype(np.int32)
    words = words[: 0 if n % 29 == 0 else None]
    part = Sparse(words, np.full(len(words), 0.5, dtype=np.float32)) if n % 13 else None
    negative = None
    if n % 6 == 1:
        negative = [f"t{(topic + 1) % 20}", f"t{topic}/s{1 - n % 2}"]
    elif n % 31 == 2:
        labels, negative = [], []
    x *= np.float32(factor)
    return x if part is None else Features(x, part), labels, negative


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
            done = sum(map(int, re.findall(r"\d+", alarm.action)))
            figures[f"{name} {n} {alarm.detector} {alarm.subject}"] = [
                float(each or 0) for each in (*told, done)
            ]
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
            changes=[Change()] if n % 50 == 40 else [],
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
    """Compare the figures of one of them with those in the file, where it has any, to four digits."""
    kept: dict[str, dict[str, list[float | None]]] = json.loads(FILE.read_text(encoding="utf-8"))
    found = FIGURES[name]()
    assert list(found) == list(kept[name])
    for each, figures in kept[name].items():
        assert len(found[each]) == len(figures), each
        places = [place for place, figure in enumerate(figures) if figure is not None]
        wanted = [figures[place] for place in places]
        assert [found[each][place] for place in places] == pytest.approx(wanted, rel=1e-4, abs=1e-4), each


def _steady(found: Figures, changed: Figures) -> dict[str, list[float | None]]:
    """Return figures with seven digits, and None for those that a tiny change of the inputs alters."""
    assert list(found) == list(changed)
    return {
        name: [
            float(f"{value:.7g}") if value == pytest.approx(other, rel=1e-5, abs=1e-5) else None
            for value, other in zip(values, changed[name], strict=True)
        ]
        for name, values in found.items()
    }


def main() -> int:
    """Compare, or write."""
    written = {name: _steady(figures(), figures(MILLIONTH)) for name, figures in FIGURES.items()}
    text = json.dumps(written, indent=0) + "\n"
    if "--write" in sys.argv:
        FILE.write_text(text, encoding="utf-8")
    elif FILE.read_text(encoding="utf-8") != text:
        print(f"{FILE.name} differs from the code")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
