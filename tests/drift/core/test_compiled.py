"""Compiled code against the same functions run plainly; what is kept on disk is the code of the sources."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from drift import core
from learners.catalogue import make
from tests.learners.checks import Make

MESSAGES = 40
CALLED = "from drift.core import compiled\n@compiled\ndef called(n):\n    return n + {}\n"
CALLS = """
from drift.core import compiled
from learners.called import called

@compiled
def calls(n):
    return called(n)
"""


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
        "from tests.drift.core.test_compiled import predictions;"
        f"print(json.dumps(predictions(lambda: make({name!r}))))"
    )
    plain = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    for one, other in zip(predictions(lambda: make(name)), json.loads(plain.stdout), strict=True):
        assert one[0] == other[0]
        np.testing.assert_allclose(one[1], other[1], atol=1e-5)


def test_what_is_called_in_another_file_may_change(tmp_path: Path) -> None:
    """A program that was updated must not compute with half of its old self."""
    shutil.copytree(Path(core.__file__).parent, tmp_path / "drift" / "core")
    (tmp_path / "drift" / "__init__.py").touch()
    package = tmp_path / "learners"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "calls.py").write_text(CALLS)

    def result() -> str:
        run = [sys.executable, "-c", "from learners.calls import calls; print(calls(1))"]
        return subprocess.run(run, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    (package / "called.py").write_text(CALLED.format(1))
    assert [result(), result()] == ["2", "2"]
    (package / "called.py").write_text(CALLED.format(2))
    assert result() == "3"
