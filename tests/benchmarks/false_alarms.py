"""How many alarms the monitors raise where there is no drift: long stationary streams with many labels.

Run `python -m tests.benchmarks.false_alarms [--labels N ...] [--messages N] [--seeds N ...] [--learner NAME]`
for a table in Markdown of alarms and incidents per 100,000 messages, including plain detectors; see `drift`.
Target: at most one each, for any number of labels. All that is written to the drift topic is counted,
after the limit on alarms about single labels.
"""

from __future__ import annotations

import argparse

from stream.testing.synthetic import Synthetic
from tests.benchmarks.drift import run, table


def main() -> None:
    """Print false alarms by detector and number of labels."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--labels", type=int, nargs="+", default=[100, 10_000])
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[100])
    parser.add_argument("--learner", default="ihomer")
    options = parser.parse_args()
    columns: list[dict[str, list[int]]] = []
    for labels in options.labels:
        alarms: dict[str, list[int]] = {}
        for seed in options.seeds:
            stream = Synthetic(labels=labels, seed=seed)
            found = run(stream, options.learner, options.messages)
            for name, places in {**found.alarms, "incidents": found.incidents}.items():
                print(f"{labels:,} labels, seed {seed}: {name} at {places}", flush=True)
                alarms[name] = alarms.get(name, []) + places
        columns.append(alarms)
    scale = 1e5 / (options.messages * len(options.seeds))
    names = sorted({name for alarms in columns for name in alarms})
    rows = [[name, *(f"{len(alarms.get(name, [])) * scale:.1f}" for alarms in columns)] for name in names]
    print(f"\n{options.learner}, seeds {options.seeds}: alarms per 100,000 messages without drift\n")
    print(table(["detector", *(f"{labels:,} labels" for labels in options.labels)], rows))


if __name__ == "__main__":
    main()
