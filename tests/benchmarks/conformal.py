"""Coverage and error rate of online conformal sets and abstention, by windows of 2,000 messages.

Run `python -m tests.benchmarks.conformal [--limit 8000] [--learner expansion]`. Streams: Reuters-21578 and
arXiv in time order, as they are and with a planted shift (halfway the features change places), and a
synthetic one whose probabilities become wrong twice. Wanted: coverage within 2 points of 90 % in every
window, and at most 10 % wrong label-sets among the predictions that are not rejected.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator

import numpy as np

from learners.base import Prediction
from learners.catalogue import make
from learners.conformal import Conformal
from learners.labels import Targets
from tests.benchmarks.expansion import FACET, Stream, load
from tests.learners.test_conformal import shifting

WINDOW = 2000


def predictions(stream: Stream, name: str, *, shift: bool) -> Iterator[tuple[Prediction, Targets]]:
    """Yield a learner's predictions and what came true, test then train."""
    learner = make(name)
    order = np.random.default_rng(0).permutation(len(stream.x[0]))
    for place, (x, paths) in enumerate(zip(stream.x, stream.paths, strict=True)):
        seen = x[order] if shift and 2 * place >= len(stream.x) else x
        prediction = learner.predict(seen)
        targets = learner.label_space.targets(paths)
        yield prediction, targets
        learner.learn(seen, targets)


def measure(name: str, messages: Iterable[tuple[Prediction, Targets]]) -> None:
    """Print how far coverage strays, what the sets cost, and what rejecting buys."""
    conformal = Conformal()
    covered, sizes, answered, wrong = [], [], [], []
    for prediction, targets in messages:
        judged = conformal.judge(prediction)
        covered.append(bool(np.isin(targets.positive, judged.labels).all()))
        sizes.append(len(judged.labels))
        answered.append(not judged.reject)
        wrong.append(not np.array_equal(prediction.labels, targets.positive))
        conformal.learn(prediction, targets)
    shares = np.convolve(covered, np.ones(WINDOW) / WINDOW, mode="valid")
    accepted = np.array(answered)
    print(
        f"{name:>28}  coverage {100 * np.mean(covered):5.2f} %, worst windows {100 * shares.min():5.2f} to "
        f"{100 * shares.max():5.2f} %, {np.median(sizes):.0f} labels a set (median); wrong label-sets "
        f"{100 * np.mean(wrong):.1f} %, among the {100 * accepted.mean():.0f} % not rejected "
        f"{100 * np.array(wrong)[accepted].mean():.1f} %",
        flush=True,
    )


def main() -> None:
    """Print one line a stream."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--limit", type=int, default=8000)
    asked.add_argument("--learner", default="expansion")
    options = asked.parse_args()
    measure("synthetic shifts", shifting(options.limit))
    for name in sorted(FACET, reverse=True):
        stream = load(name, options.limit)
        for shift in (False, True):
            title = f"{name}{', shifted' if shift else ''}"
            measure(title, predictions(stream, options.learner, shift=shift))


if __name__ == "__main__":
    main()
