"""Relations between the labels of a stream: what is proposed and reported, and the cost of monitoring.

Run `python -m tests.benchmarks.relations EVENTS.jsonl.gz [--field labels] [--flat]`. Labels are used as
paths of a taxonomy, or (`--flat`) as they are; nothing is predicted.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from pathlib import Path

from drift.alarms.alarm import Monitor, Observation
from drift.monitors.exclusions import ExclusionMonitor
from drift.monitors.relations import RelationMonitor
from learners.core.label_space import LabelSpace
from learners.hierarchy.taxonomy import Taxonomy


def main() -> None:
    """Print what the monitors report on a file of events, and microseconds of CPU time per message."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", type=Path)
    parser.add_argument("--field", default="paths")
    parser.add_argument("--flat", action="store_true")
    options = parser.parse_args()
    space = LabelSpace() if options.flat else Taxonomy()
    monitors: dict[str, Monitor] = {"relations": RelationMonitor(), "exclusions": ExclusionMonitor()}
    spent = dict.fromkeys(monitors, 0.0)
    count = 0
    with gzip.open(options.events) as file:
        for count, line in enumerate(file, 1):
            told = space.targets(json.loads(line)[options.field])
            seen = Observation(
                told.positive, told.positive, complete=told.complete, name=space.name, above=space.above
            )
            for name, monitor in monitors.items():
                began = time.process_time()
                alarms = monitor.update(seen)
                spent[name] += time.process_time() - began
                for alarm in alarms:
                    print(
                        f"{count:>7} {alarm.action:<9} {alarm.subject}: {alarm.statistic:.3f} of "
                        f"{alarm.window}, p {alarm.p:.0e}"
                    )
    costs = ", ".join(f"{name} {1e6 * seconds / count:.1f} µs" for name, seconds in spent.items())
    print(f"{count:,} messages, {len(space)} labels; {costs} a message")


if __name__ == "__main__":
    main()
