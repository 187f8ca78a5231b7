"""Where the real data is, and how a test says that it is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def real_data(name: str) -> Path:
    """Return the path of a real data set, or skip the test with one line that says what to do."""
    folder = Path(os.environ.get("ITHACA_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / name).exists():
        pytest.skip(f"no real data: {name} is not in {folder}; point ITHACA_DATA at the folder that has it")
    return folder / name
