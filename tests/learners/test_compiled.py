"""Compiled code that is kept on disk is the code of the sources, whichever file has changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from learners import compiled

CALLED = "from learners.compiled import compiled\n@compiled\ndef called(n):\n    return n + {}\n"
CALLS = """
from learners.called import called
from learners.compiled import compiled

@compiled
def calls(n):
    return called(n)
"""


def test_what_is_called_in_another_file_may_change(tmp_path: Path) -> None:
    """A program that was updated must not compute with half of its old self."""
    package = tmp_path / "learners"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(str(compiled.__file__), package)
    (package / "calls.py").write_text(CALLS)

    def result() -> str:
        run = [sys.executable, "-c", "from learners.calls import calls; print(calls(1))"]
        return subprocess.run(run, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    (package / "called.py").write_text(CALLED.format(1))
    assert [result(), result()] == ["2", "2"]
    (package / "called.py").write_text(CALLED.format(2))
    assert result() == "3"
