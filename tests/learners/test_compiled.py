"""Compiled code against the same functions run plainly, over whole learners."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from learners.catalogue import make
from tests.learners.checks import Make

MESSAGES = 40


def predictions(make_it: Make) -> list[tuple[list[int], list[float]]]:
    """Predict and learn a stream of new labels, new features, missing values and partial labels."""
    learner, rng = make_it(), np.random.default_rng(2)
    said = []
    for message in range(MESSAGES):
        x = rng.normal(size=3 + message // 15).astype(np.float32)
        x[rng.random(len(x)) < 0.2] = rng.choice([np.nan, 0.0])
        names = [f"l{message // 10 + int(label)}" for label in rng.integers(0, 4, 2)]
        answer = learner.predict(x)
        said.append((answer.labels.tolist(), answer.scores.tolist()))
        unlike = None if message % 5 else [f"l{message // 10 + 4}"]
        learner.learn(x, learner.label_space.targets(names, unlike))
    return said


@pytest.mark.parametrize("name", ["ihomer", "mlhat"])
def test_compiled_learners_say_what_plain_ones_say(name: str) -> None:
    """Without the compiler: the same labels, and the same scores but for the last digits of `exp`."""
    program = (
        "import json; from learners.catalogue import make;"
        "from tests.learners.test_compiled import predictions;"
        f"print(json.dumps(predictions(lambda: make({name!r}))))"
    )
    plain = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    for one, other in zip(predictions(lambda: make(name)), json.loads(plain.stdout), strict=True):
        assert one[0] == other[0]
        np.testing.assert_allclose(one[1], other[1], atol=1e-5)
