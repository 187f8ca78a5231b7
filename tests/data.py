"""The path of the real data, and skipping of tests without it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("ITHACA_DATA", Path(__file__).parents[2] / "shared" / "data"))


def real_data(name: str) -> Path:
    """Return the path of a real data set, or skip the test with one line that says what to do."""
    if not (DATA / name).exists():
        pytest.skip(f"no real data: {name} is not in {DATA}; point ITHACA_DATA at the folder that has it")
    return DATA / name
