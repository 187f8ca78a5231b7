"""One wild value in one message: every learner of the catalogue gets over it, wherever it comes.

Nothing warns, scores stay probabilities, some hundreds of messages later about as many label-sets are exact
as without it, and what is restored from a state goes on with the same bits.
"""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Iterator

import numpy as np
import pytest

from learners.catalogue import LEARNERS
from learners.core import Learner
from tests.learners.checks import Make, Message, assert_same, assert_valid, maker, teach, through_json

MESSAGES, JUDGED = 500, 200
"""Messages of a stream, and how many of them, the last ones, are judged."""
MARGIN = 0.1
"""Share of the judged label-sets that one wild message may cost."""
MARGINS = {"mlht-ps": 0.2}
"""The same, of the learner with a mean and a variance of each label-set, from few messages."""
FIRST, TENTH, LATER = 0, 9, 120
CASES = {
    "first": (FIRST, 1, 1e6),
    "first in all features": (FIRST, 4, -3e38),
    "tenth": (TENTH, 1, -1e20),
    "tenth in all features": (TENTH, 4, 1e6),
    "later": (LATER, 1, 3e38),
    "later in all features": (LATER, 4, -1e6),
}
"""Place of the wild message, how many of the features are wild, and their value."""


def messages(wild: tuple[int, int, float] | None) -> Iterator[Message]:
    """Yield vectors of which two features say a label each, as one is before it becomes wild."""
    generator = np.random.default_rng(1)
    for position in range(MESSAGES):
        x = generator.normal(size=4).astype(np.float32)
        labels = [name for name, value in zip("ab", x.tolist(), strict=False) if value > 0.3]
        if wild and position == wild[0]:
            x[: wild[1]] = wild[2]
        yield x, labels


def run(make: Make, wild: tuple[int, int, float] | None) -> tuple[Learner, float]:
    """Let a learner predict and learn a stream; return it, and the share of exact label-sets at the end."""
    learner, exact = make(), []
    for position, (x, labels) in enumerate(messages(wild)):
        prediction = learner.predict(x)
        assert_valid(prediction, len(learner.label_space))
        exact.append(learner.label_space.names(prediction.labels) == labels)
        learner.learn_predicted(x, learner.label_space.targets(labels), prediction if position % 2 else None)
    return learner, float(np.mean(exact[-JUDGED:]))


@functools.cache
def usual(name: str) -> float:
    """Return the share of exact label-sets without a wild value."""
    return run(maker(name), None)[1]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_gets_over_one_wild_message(name: str, case: str) -> None:
    """Whether it is the first one, an early or a late one, in one feature or in all."""
    make, restored = maker(name), maker(name)()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learner, exact = run(make, CASES[case])
        assert exact >= usual(name) - MARGINS.get(name, MARGIN)
        wild = np.full(4, np.float32(CASES[case][2]))
        assert_valid(learner.predict(wild), 2)
        restored.load_state(through_json(learner.state()))
        learner.learn(wild, learner.label_space.targets(["a"]))
        restored.learn(wild, restored.label_space.targets(["a"]))
        ends = [teach(each, itertools.islice(messages(None), 10)) for each in (learner, restored)]
        for one, other in zip(*ends, strict=True):
            assert_same(one, other)
    assert learner.digest() == restored.digest()
