"""What sleeping experts save and cost: iHOMER's scores and speed with sleep, and without.

Run `python -m tests.benchmarks.sleeping [--limit 4000] [--sets scene,yeast,enron,reuters21578]`. Each set is
read as it is stored, and shuffled, by both learners in turn. No expert sleeps within its first 2,000
messages: smaller sets show no difference. Speed is that of the pipeline, without Kafka.
"""

from __future__ import annotations

import argparse

from learners.ensemble.ihomer import IHOMER, PART_TIME
from learners.ensemble.sleeping import Sleepers
from stream.evaluation import evaluate
from stream.sources import open_source
from tests.data import DATA


def awake() -> IHOMER:
    """Return the default learner, of which no expert ever sleeps."""
    learner = IHOMER()
    learner._sleepers = Sleepers(len(PART_TIME), trial=10**9)
    return learner


def main() -> None:
    """Print a line for each set and order."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--limit", type=int, default=4000)
    asked.add_argument("--sets", default="scene,yeast,enron,reuters21578")
    options = asked.parse_args()
    print("subset accuracy, micro-F1, macro-F1, errors a message, messages a second: with sleep | without")
    for name in options.sets.split(","):
        events = DATA / name / "events.jsonl.gz"
        source = open_source(events if events.exists() else DATA / name, options.limit)
        for shuffle in (None, 1):
            report = evaluate(source, {"sleep": IHOMER(), "awake": awake()}, shuffle=shuffle).report
            found = [
                f"{each.subset_accuracy:.4f} {each.micro_f1:.4f} {each.macro_f1:.4f} "
                f"{each.errors_per_message:.4f} {each.messages_per_second:,.0f}"
                for each in report.results
            ]
            print(f"{name:>12} {report.order:>10}  {' | '.join(found)}", flush=True)


if __name__ == "__main__":
    main()
