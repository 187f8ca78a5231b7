"""A topic that falls silent for 1,000 messages and comes back: how much of it is remembered.

Run `python -m tests.benchmarks.silence [--limit 4000] [--only default "no memory"]`. Seven topics of
Reuters-21578, one after the other, are taken out of messages 1,000 to 2,000 (all messages that carry the
topic); printed are the mean F1 of the topic in the 150 messages after that, the F1 of all seven together,
and the mean probability given to it where it was true. *control* learned every message. *skipped* learned
nothing at all in the gap, so it had nothing to forget: the most that remembering alone can give. Then the
prequential scores of the whole stream, without any gap, to show what the memory costs or gains there.

Target: F1 after the gap of the default at or above that of *skipped*, and prequential scores at most .2
points below those without a memory.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
from collections.abc import Callable, Sequence

from drift.core import Vector
from learners.core.base import Learner
from learners.ensemble.ihomer import IHOMER
from learners.hierarchy.expansion import LabelExpansion
from learners.metrics.f1 import f1
from learners.metrics.prequential import Prequential
from stream.encoders import Hashing
from stream.records import Event
from tests.data import DATA

TOPICS = ("acq", "crude", "grain", "money-fx", "interest", "trade", "ship")
START, GAP, AFTER = 1000, 1000, 150
Messages = Sequence[tuple[Vector, list[str]]]
LEARNERS: dict[str, Callable[[], Learner]] = {
    "default": IHOMER,
    "no memory": lambda: IHOMER(memory=0),
    "expansion": LabelExpansion,
}


def load(limit: int) -> Messages:
    """Return the first messages of Reuters that have a topic, with the names of their topics."""
    texts: list[str] = []
    labels: list[list[str]] = []
    with gzip.open(DATA / "reuters21578" / "events.jsonl.gz", "rt") as lines:
        for line in lines:
            event = json.loads(line)
            paths = [path for path in event.get("paths") or () if path.startswith("topics/")]
            if paths and len(texts) < limit:
                texts.append(event["text"])
                labels.append([path.split("/")[-1] for path in paths])
    vectors = Hashing(device="cpu").encode([Event(id="", ts=0, text=text) for text in texts])
    return list(zip(vectors, labels, strict=True))


class Returned:
    """How a topic is predicted after the gap."""

    def __init__(self) -> None:
        self.hits = self.predicted = self.true = 0
        self.given: list[float] = []


def after_gap(learner: Learner, messages: Messages, silent: Sequence[str], skip: bool) -> dict[str, Returned]:
    """Learn up to and through the gap, without the silent topics; return how topics are predicted then."""
    topics = {topic: Returned() for topic in TOPICS}
    for number, (x, labels) in enumerate(messages[: START + GAP + AFTER]):
        in_gap = START <= number < START + GAP
        if in_gap and (skip or not set(silent).isdisjoint(labels)):
            continue
        prediction = learner.predict(x)
        targets = learner.label_space.targets(labels)
        if number >= START + GAP:
            named = dict(zip(learner.label_space.names(), prediction.scores.tolist(), strict=False))
            chosen = set(learner.label_space.names(prediction.labels))
            for topic, returned in topics.items():
                returned.hits += topic in chosen and topic in labels
                returned.predicted += topic in chosen
                returned.true += topic in labels
                if topic in labels:
                    returned.given.append(named.get(topic, 0.0))
        learner.learn_predicted(x, targets, prediction)
    return topics


def report(name: str, topics: Sequence[Returned]) -> str:
    """Return one line about the topics after the gap."""
    each = [f1(topic.hits, topic.predicted, topic.true) for topic in topics]
    hits, predicted, true = (
        sum(getattr(topic, kind) for topic in topics) for kind in ("hits", "predicted", "true")
    )
    given = [value for topic in topics for value in topic.given]
    return (
        f"{name:>20}  {statistics.mean(each):.3f}  {f1(hits, predicted, true):.3f}"
        f"  {statistics.mean(given or [0.0]):.2f}"
    )


def prequential(learner: Learner, messages: Messages) -> str:
    """Return the scores of every message, each predicted before it was learned."""
    scores = Prequential()
    for x, labels in messages:
        prediction, targets = learner.predict(x), learner.label_space.targets(labels)
        scores.update(prediction, targets, len(learner.label_space))
        learner.learn_predicted(x, targets, prediction)
    got = scores.summary()
    return f"{got.subset_accuracy:.3f} / {got.micro_f1:.3f} / {got.macro_f1:.3f}"


def main() -> None:
    """Print what is remembered, and the scores without a gap."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--limit", type=int, default=4000, help="messages of the stream without a gap")
    asked.add_argument("--only", nargs="*", choices=list(LEARNERS), default=list(LEARNERS))
    given = asked.parse_args()
    messages = load(max(given.limit, START + GAP + AFTER))
    print("                      mean F1  F1 of all  probability where true")
    for name in given.only:
        make = LEARNERS[name]
        if name == "default":
            print(report("control", list(after_gap(make(), messages, (), skip=False).values())))
            print(report("skipped", list(after_gap(make(), messages, (), skip=True).values())))
        gone = [after_gap(make(), messages, (topic,), skip=False)[topic] for topic in TOPICS]
        print(report(name, gone), flush=True)
    print("without a gap: exact label-sets / micro-F1 / macro-F1")
    for name in given.only:
        print(f"{name:>20}  {prequential(LEARNERS[name](), messages[: given.limit])}", flush=True)


if __name__ == "__main__":
    main()
