"""Coverage and error rate of online conformal sets and abstention, by windows of 2,000 messages.

Run `python -m tests.benchmarks.conformal [--limit 20000] [--learner ihomer] [--error 0.1]`. Streams:
Reuters-21578 and arXiv in time order, as they are and with a planted shift (halfway, features are permuted),
and a synthetic one whose probabilities become wrong twice. Target: coverage within 2 points of 90 % in every
window, and at most the given share of wrong label-sets among the predictions that are not rejected. Finally,
the cost: CPU time per message, judging and learning together, beside the learner's own.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator

import numpy as np

from learners.catalogue import make
from learners.core.labels import Targets
from learners.core.prediction import Prediction
from learners.uncertainty.conformal import Conformal
from stream.records.predictions import LISTED
from tests.benchmarks.expansion import FACET, Stream, load
from tests.learners.uncertainty.test_conformal import shifting

WINDOW = 2000


def predictions(stream: Stream, name: str, *, shift: bool) -> Iterator[tuple[Prediction, Targets]]:
    """Yield a learner's predictions and the true labels, test then train."""
    learner = make(name)
    order = np.random.default_rng(0).permutation(len(stream.x[0]))
    for place, (x, paths) in enumerate(zip(stream.x, stream.paths, strict=True)):
        seen = x[order] if shift and 2 * place >= len(stream.x) else x
        prediction = learner.predict(seen)
        targets = learner.label_space.targets(paths)
        yield prediction, targets
        learner.learn(seen, targets)


def measure(name: str, messages: Iterable[tuple[Prediction, Targets]], error: float) -> None:
    """Print the deviation of coverage, the size of the sets, and the effect of rejection."""
    conformal = Conformal(error=error)
    covered, sizes, answered, wrong = [], [], [], []
    for prediction, targets in messages:
        judged = conformal.judge(prediction, LISTED)
        covered.append(bool(np.isin(targets.positive, judged.labels).all()))
        sizes.append(len(judged.labels))
        answered.append(not judged.reject)
        wrong.append(not np.array_equal(prediction.labels, targets.positive))
        conformal.learn(prediction.labels, judged, targets)
    shares = np.convolve(covered, np.ones(WINDOW) / WINDOW, mode="valid")
    accepted = np.array(answered)
    among = f"{100 * np.array(wrong)[accepted].mean():.1f} %" if accepted.any() else "-"
    print(
        f"{name:>28}  coverage {100 * np.mean(covered):5.2f} %, worst windows {100 * shares.min():5.2f} to "
        f"{100 * shares.max():5.2f} %, {np.median(sizes):.0f} labels a set (median); wrong label-sets "
        f"{100 * np.mean(wrong):.1f} %, among the {100 * accepted.mean():.1f} % not rejected {among}",
        flush=True,
    )


def cost(labels: int, messages: int, features: int = 100, carried: int = 3) -> None:
    """Print CPU microseconds per message on random vectors: the learner's, and the added ones."""
    draw, learner, conformal = np.random.default_rng(0), make("ihomer"), Conformal()
    weights = draw.normal(size=(labels, features))
    learner.label_space.ids(str(label) for label in range(labels))
    taken = {"learner": 0.0, "confidence": 0.0}
    for n in range(messages):
        x = draw.normal(size=features).astype(np.float32)
        targets = Targets(np.sort(np.argsort(-(weights @ x))[:carried]))
        began = time.process_time()
        prediction = learner.predict(x)
        predicted = time.process_time()
        said = conformal.judge(prediction, LISTED)
        conformal.learn(prediction.labels, said, targets)
        judged = time.process_time()
        learner.learn(x, targets)
        if n >= messages // 3:
            taken["learner"] += predicted - began + time.process_time() - judged
            taken["confidence"] += judged - predicted
    each = {name: 1e6 * seconds / (messages - messages // 3) for name, seconds in taken.items()}
    print(
        f"{labels:>6} labels: learner {each['learner']:.0f} µs, confidence {each['confidence']:.0f} µs a "
        f"message ({100 * each['confidence'] / each['learner']:.1f} %)",
        flush=True,
    )


def main() -> None:
    """Print one line per stream."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--limit", type=int, default=20_000)
    asked.add_argument("--messages", type=int, default=3000, help="random ones, for the cost")
    asked.add_argument("--learner", default="ihomer")
    asked.add_argument("--error", type=float, default=0.1)
    options = asked.parse_args()
    measure("synthetic shifts", shifting(options.limit), options.error)
    for name in sorted(FACET, reverse=True):
        stream = load(name, options.limit)
        for shift in (False, True):
            title = f"{name}{', shifted' if shift else ''}"
            measure(title, predictions(stream, options.learner, shift=shift), options.error)
    for labels in (14, 100, 1000):
        cost(labels, options.messages)


if __name__ == "__main__":
    main()
