"""The benchmark for a CUDA device needs less than the service."""

from __future__ import annotations

import subprocess
import sys

ABSENT = (
    *("fsspec", "kafka", "prometheus_client", "pydantic_settings", "rich", "starlette", "typer", "uvicorn"),
    *("hypothesis", "pytest"),
)


def test_it_is_imported_without_what_only_the_service_needs() -> None:
    """A machine with a device has numpy, numba, river, msgspec, torch and sentence-transformers only."""
    program = f"""
import sys

sys.modules |= dict.fromkeys({ABSENT!r})
import tests.benchmarks.device
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
