"""Compiled code against the same functions run plainly; what is kept on disk is the code of the sources."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from drift import core
from drift.core.compiled import _Kept
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


@pytest.mark.parametrize("name", ["ihomer", "hoeffding-adaptive-tree"])
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


WHERE = "from drift.core.compiled import FOLDERS; print(*FOLDERS, sep='\\n')"
RESULT = "from learners.calls import calls; print(calls(1))"


def run(program: str, folder: Path, **environment: str) -> list[str]:
    """Run a program in a checkout and return the lines it printed."""
    with_path = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"} | environment
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=folder, env=with_path, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def checkout(folder: Path) -> Path:
    """Make a checkout with two compiled functions, of which one calls the other."""
    shutil.copytree(
        Path(core.__file__).parent, folder / "drift" / "core", ignore=shutil.ignore_patterns("__pycache__")
    )
    (folder / "drift" / "__init__.py").touch()
    package = folder / "learners"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "calls.py").write_text(CALLS)
    (package / "called.py").write_text(CALLED.format(1))
    return folder


def test_what_is_called_in_another_file_may_change(tmp_path: Path) -> None:
    """A program that was updated must not compute with half of its old self."""
    checkout(tmp_path)
    assert run(RESULT, tmp_path) == run(RESULT, tmp_path) == ["2"]
    (tmp_path / "learners" / "called.py").write_text(CALLED.format(2))
    assert run(RESULT, tmp_path) == ["3"]


def test_compiled_once_and_told_when(tmp_path: Path) -> None:
    """The first process compiles and says what; the second finds it."""
    checkout(tmp_path)
    telling = f"from drift.core import compilations\nwith compilations(print): exec({RESULT!r})"
    assert run(telling, tmp_path) == ["called", "calls", "2"]
    assert run(telling, tmp_path) == ["2"]


def test_a_folder_that_cannot_be_written_is_read(tmp_path: Path) -> None:
    """An image compiles as it is built; whoever runs it need not be able to write anywhere."""
    checkout(tmp_path)
    run(RESULT, tmp_path)
    telling = (
        "import os; os.access = lambda *asked: False\nimport tempfile; tempfile.tempdir = '/proc'\n"
        f"from drift.core import compilations\nwith compilations(print): exec({RESULT!r})"
    )
    assert run(telling, tmp_path, HOME="/proc") == ["2"]


@pytest.mark.parametrize("home", ["/proc", "user"])
def test_where_the_package_cannot_be_written(tmp_path: Path, home: str) -> None:
    """The user's cache, else a folder in the temporary one that nobody else can write; never an error."""
    checkout(tmp_path)
    (tmp_path / "user").mkdir()
    (tmp_path / "drift" / "core" / "__pycache__").write_text("")  # Not even root makes a folder there.
    environment = {"HOME": str(tmp_path / "user") if home == "user" else home, "TMPDIR": str(tmp_path)}
    blind = "import os; os.access = lambda *asked: False\n"
    folders = run(blind + WHERE, tmp_path, **environment)
    assert run(blind + RESULT, tmp_path, **environment) == ["2"]
    used = Path(folders[1])
    assert list(used.rglob("*.nbi"))
    expected = "user/.cache/ithaca" if home == "user" else f"ithaca-{os.geteuid()}"
    assert used.parent == tmp_path / expected
    assert used.parent.stat().st_mode & 0o777 == 0o700


def test_nobody_else_may_say_what_is_run(tmp_path: Path) -> None:
    """A folder that was there before us, for everybody to write, is not used."""
    checkout(tmp_path)
    (tmp_path / f"ithaca-{os.geteuid()}").mkdir()
    (tmp_path / f"ithaca-{os.geteuid()}").chmod(0o777)
    blind = "import os; os.access = lambda *asked: False\n"
    assert len(run(blind + WHERE, tmp_path, HOME="/proc", TMPDIR=str(tmp_path))) == 1


def test_what_is_compiled_is_kept_in_the_first_folder_that_can_be_written() -> None:
    """And in no other: a copy would outlive the one that is used."""
    full, first, second = (Mock(spec=["save_overload"]) for _ in range(3))
    full.save_overload.side_effect = OSError
    kept = _Kept(lambda: None)
    kept._caches = [full, first, second]
    kept.save_overload("signature", "code")
    first.save_overload.assert_called_once_with("signature", "code")
    second.save_overload.assert_not_called()
