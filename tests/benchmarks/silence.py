"""A topic that falls silent and comes back: how much of it is remembered.

Run `python -m tests.benchmarks.silence [--gap 1000] [--starts 1000 3000 5000] [--only default "no memory"]`.
From each of the starts on, seven topics of Reuters-21578, one after the other, are taken out of the next
`gap` messages (all messages that carry the topic). Printed are the F1 of the topics in the 150 messages after
that, counted over all starts: its mean over the topics, that of all seven together, and the mean probability
given to a topic where it was true. *control* learned every message. *skipped* learned nothing at all in the
gap, so it had nothing to forget: the most that remembering alone can give. Then the prequential scores of all
messages up to the end of the last gap, none taken out, to show what the memory costs or gains there. A start
whose gap would end after the last message is left out, as all but the first are for `--gap 10000`.

Target: F1 after the gap at least .80, of 1,000 messages and of 10,000, and prequential scores at most .2
points below those without a memory.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import json
import statistics
from collections.abc import Callable, Sequence

from drift.core import Vector
from learners.core.base import Learner
from learners.core.labels import Targets
from learners.core.prediction import Prediction
from learners.ensemble.ihomer import IHOMER
from learners.hierarchy.expansion import LabelExpansion
from learners.metrics.f1 import f1
from learners.metrics.prequential import Prequential
from stream.encoders import Hashing
from stream.records import Event
from tests.data import DATA

TOPICS = ("acq", "crude", "grain", "money-fx", "interest", "trade", "ship")
GAP, STARTS, AFTER = 1000, (1000, 3000, 5000), 150
Message = tuple[Vector, list[str]]
LEARNERS: dict[str, Callable[[], Learner]] = {
    "default": IHOMER,
    "no memory": lambda: IHOMER(memory=0),
    "expansion": LabelExpansion,
}


def load(limit: int) -> list[Message]:
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
    """How a topic is predicted after the gaps."""

    def __init__(self) -> None:
        self.hits = self.predicted = self.true = 0
        self.given: list[float] = []

    def count(self, chosen: bool, true: bool, given: float) -> None:
        """Count one message."""
        self.hits += chosen and true
        self.predicted += chosen
        self.true += true
        if true:
            self.given.append(given)


Topics = dict[str, Returned]


class Silence:
    """One learner on the whole stream, and copies of it that miss a topic, or everything, for a while."""

    def __init__(
        self, learner: Learner, messages: Sequence[Message], starts: Sequence[int], gap: int
    ) -> None:
        self.control, self.skipped, self.silent = ({topic: Returned() for topic in TOPICS} for _ in range(3))
        scores, ends = Prequential(), [start + gap for start in starts]
        for number, message in enumerate(messages[: max(ends) + AFTER]):
            if number in starts:
                self._leave_out(learner, messages[number : number + gap + AFTER], gap)
            returned = any(end <= number < end + AFTER for end in ends)
            prediction, targets = learn(learner, message, self.control if returned else {})
            scores.update(prediction, targets, len(learner.label_space))
        self.summary = scores.summary()

    def _leave_out(self, learner: Learner, messages: Sequence[Message], gap: int) -> None:
        others = copy.deepcopy(learner)
        for message in messages[gap:]:
            learn(others, message, self.skipped)
        for topic in TOPICS:
            without = copy.deepcopy(learner)
            for message in messages[:gap]:
                if topic not in message[1]:
                    learn(without, message, {})
            for message in messages[gap:]:
                learn(without, message, {topic: self.silent[topic]})


def learn(learner: Learner, message: Message, returned: Topics) -> tuple[Prediction, Targets]:
    """Predict a message and learn it, and count how topics that have returned are predicted."""
    x, labels = message
    prediction, space = learner.predict(x), learner.label_space
    if returned:
        named = dict(zip(space.names(), prediction.scores.tolist(), strict=False))
        chosen = set(space.names(prediction.labels))
        for topic, counts in returned.items():
            counts.count(topic in chosen, topic in labels, named.get(topic, 0.0))
    targets = space.targets(labels)
    learner.learn_predicted(x, targets, prediction)
    return prediction, targets


def report(name: str, returned: Topics) -> str:
    """Return one line about the topics after the gaps."""
    topics = list(returned.values())
    each = [f1(topic.hits, topic.predicted, topic.true) for topic in topics]
    hits, predicted, true = (
        sum(getattr(topic, kind) for topic in topics) for kind in ("hits", "predicted", "true")
    )
    given = [value for topic in topics for value in topic.given]
    return (
        f"{name:>20}  {statistics.mean(each):.3f}  {f1(hits, predicted, true):.3f}"
        f"  {statistics.mean(given or [0.0]):.2f}"
    )


def main() -> None:
    """Print what is remembered, and the scores without a gap."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--gap", type=int, default=GAP, help="messages without the topic")
    asked.add_argument("--starts", type=int, nargs="*", default=STARTS, help="messages before the gap")
    asked.add_argument("--only", nargs="*", choices=list(LEARNERS), default=list(LEARNERS))
    given = asked.parse_args()
    messages = load(max(given.starts) + given.gap + AFTER)
    starts = [start for start in given.starts if start + given.gap < len(messages)]
    print(f"gaps of {given.gap:,} messages after {', '.join(f'{start:,}' for start in starts)}")
    print("                      mean F1  F1 of all  probability where true")
    for name in given.only:
        found = Silence(LEARNERS[name](), messages, starts, given.gap)
        print(report(name, found.silent))
        print(report("control", found.control))
        print(report("skipped", found.skipped))
        got = found.summary
        print(
            "without a gap, exact label-sets / micro-F1 / macro-F1: "
            f"{got.subset_accuracy:.3f} / {got.micro_f1:.3f} / {got.macro_f1:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
