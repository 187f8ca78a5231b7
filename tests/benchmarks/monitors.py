"""The monitors' cost: their time per message beside the learner's, all together and one by one.

Run `python -m tests.benchmarks.monitors [--profile] [--scale 1.0]`. Target: all monitors together at most 30
% of the default learner's time at 1,000 labels and 256 features.
"""

from __future__ import annotations

import cProfile
import pstats
import statistics
import time

import numpy as np

from drift.alarms.alarm import Alarm, Observation
from drift.monitors.monitors import MONITORS, Monitors
from learners.core.labels import Targets
from learners.ensemble.ihomer import IHOMER
from tests.benchmarks.timing import parser, scaled

LABELS, FEATURES, WARM, TIMED = 1000, 256, 1500, 500


def stream(messages: int) -> list[tuple[np.ndarray, Targets]]:
    """Return messages from groups of ten labels, each with its own centre, three labels per message."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(LABELS // 10, FEATURES))
    made = []
    for _ in range(messages):
        group = int(generator.integers(len(centres)))
        x = (centres[group] + generator.normal(size=FEATURES)).astype(np.float32)
        chosen = [*(group * 10 + generator.integers(0, 10, 2)), generator.integers(LABELS)]
        made.append((x, Targets(np.unique(chosen).astype(np.intp))))
    return made


def learn(learner: IHOMER, messages: list[tuple[np.ndarray, Targets]]) -> tuple[list[Observation], float]:
    """Predict and learn; return the observations for monitors, and the median seconds per message."""
    shown, seconds = [], []
    for x, targets in messages:
        began = time.thread_time()
        prediction = learner.predict(x)
        learner.learn(x, targets)
        seconds.append(time.thread_time() - began)
        best, score = prediction.best(1)
        predicted, actual = prediction.labels, targets.positive
        shown.append(
            Observation(
                predicted,
                actual,
                name=str,
                best=(int(best[0]), float(score[0])),
                x=x,
                text="wheat rose again " * 20,
                clusters=learner.clusters_of(np.union1d(predicted, actual)),
                wrong=learner.clusters_of(np.setxor1d(predicted, actual, assume_unique=True)),
                changes=learner.changes,
            )
        )
    return shown, statistics.mean(seconds)


def watch(monitors: Monitors, shown: list[Observation]) -> list[Alarm]:
    """Update monitors with all observations."""
    return [alarm for observation in shown for alarm in monitors.update(observation)]


def cost(names: list[str], warm: list[Observation], timed: list[Observation]) -> float:
    """Return the seconds per message of some monitors: the median of three runs."""
    runs = []
    for _ in range(3):
        monitors = Monitors(names=names)
        watch(monitors, warm)
        began = time.thread_time()
        watch(monitors, timed)
        runs.append((time.thread_time() - began) / len(timed))
    return statistics.median(runs)


def main() -> None:
    """Print times and the ratio, or a profile."""
    arguments = parser(__doc__)
    arguments.add_argument("--profile", action="store_true")
    given = arguments.parse_args()
    warming = scaled(WARM, given.scale)
    messages = stream(warming + scaled(TIMED, given.scale))
    learner = IHOMER()
    learner.label_space.ids(map(str, range(LABELS)))
    warm, _ = learn(learner, messages[:warming])
    timed, learning = learn(learner, messages[warming:])
    if given.profile:
        monitors = Monitors()
        watch(monitors, warm)
        with cProfile.Profile() as profile:
            watch(monitors, timed)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        return
    every = cost(list(MONITORS), warm, timed)
    print(f"learner {learning * 1e6:,.0f} us, monitors {every * 1e6:,.0f} us: {every / learning:.0%}")
    for name in MONITORS:
        print(f"   {name}: {cost([name], warm, timed) * 1e6:,.0f} us")


if __name__ == "__main__":
    main()
