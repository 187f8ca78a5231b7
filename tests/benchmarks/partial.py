"""Labels hidden at random: scores against all true labels, by how hidden labels are treated.

Run `python -m tests.benchmarks.partial [--limit 3000] [--learners ihomer,adaptive-linear] [--sets yeast]`.
Of each message's labels 30 or 60 % are hidden, in all messages or in nine of ten; messages without any label
left are not learned. Printed are subset accuracy, micro-F1, macro-F1 and Hamming loss, test then train. Ways:

* *full*: from all labels, none hidden;
* *known*: from the known labels; those not named are unknown;
* *negative*: from the named labels; those not named count as absent;
* *PU*: the same, with predictions corrected for that, as the service does; and the estimated share named.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from drift.core import Ids, Vector
from learners.catalogue import make
from learners.core.labels import Targets
from learners.metrics.prequential import Prequential
from learners.uncertainty.positive_unlabelled import PositiveUnlabelled
from stream.records.schema import Event
from stream.sources import open_source
from tests.benchmarks.expansion import FACET, load
from tests.data import DATA

WAYS = ("known", "negative", "PU")
UNKNOWN: Ids = np.zeros(0, dtype=np.intp)
Messages = list[tuple[Vector, list[str]]]


def messages(name: str, limit: int) -> Messages:
    """Return the vectors and labels of a data set's first messages."""
    if name in FACET:
        stream = load(name, limit)
        return list(zip(stream.x, stream.paths, strict=True))
    source = open_source(DATA / name, limit)
    rows = ((source.vector(row), source.message(row)) for row in range(len(source)))
    return [(x, each.labels) for x, each in rows if x is not None and isinstance(each, Event) and each.labels]


def scores(given: Messages, name: str, way: str, hidden: float, complete: float) -> str:
    """Return the scores of a learner that learns in one of the ways, and PU's estimate of the share named."""
    learner, partial, scored = make(name), PositiveUnlabelled(), Prequential()
    for (x, labels), (named, whole) in zip(given, _named(given, hidden, complete), strict=True):
        truth = learner.label_space.targets(labels)
        told = Targets(learner.label_space.ids(named))
        prediction = learner.predict(x)
        if way == "PU":
            prediction = partial.corrected(prediction)
        scored.update(prediction, truth, len(learner.label_space))
        if named:
            partial.learn(prediction, told.positive, whole)
            learner.learn(x, told if way != "known" or whole else Targets(told.positive, UNKNOWN))
    found = scored.summary()
    believed = f"  believed named {partial.named():.2f}" if way == "PU" else ""
    return (
        f"{found.subset_accuracy:.3f} / {found.micro_f1:.3f} / {found.macro_f1:.3f} / "
        f"{found.hamming_loss:.4f}{believed}"
    )


def _named(given: Messages, hidden: float, complete: float) -> Iterator[tuple[list[str], bool]]:
    draw = np.random.default_rng(0)
    for _, labels in given:
        whole, kept = draw.random() < complete, draw.random(len(labels)) >= hidden
        yield [label for label, keep in zip(labels, kept, strict=True) if keep or whole], whole


def main() -> None:
    """Print a block per set and learner."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--limit", type=int, default=3000)
    asked.add_argument("--learners", default="ihomer,adaptive-linear")
    asked.add_argument("--sets", default="reuters21578,yeast,slashdot")
    options = asked.parse_args()
    for data in options.sets.split(","):
        given = messages(data, options.limit)
        for learner in options.learners.split(","):
            print(f"{data}, {learner}: full {scores(given, learner, 'full', 0.0, 1.0)}", flush=True)
            for hidden in (0.3, 0.6):
                for complete in (0.0, 0.1):
                    print(f"  {hidden:.0%} hidden, {complete:.0%} of the messages complete", flush=True)
                    for way in WAYS:
                        found = scores(given, learner, way, hidden, complete)
                        print(f"    {way:>8}  {found}", flush=True)


if __name__ == "__main__":
    main()
