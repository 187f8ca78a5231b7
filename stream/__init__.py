"""The outside world: Kafka, files, HTTP, the encoders, the command line.

`task` is the heart: one partition's pipeline as a pure state machine. `worker` drives tasks with Kafka,
`memory` without a broker, `replay` from history, `evaluate` from files.
"""

from importlib import metadata
from pathlib import Path


def _version() -> str:
    """Return the distribution's version; where it is not installed, the one of the source tree."""
    try:
        return metadata.version("ithaca")
    except metadata.PackageNotFoundError:
        project = Path(__file__).parent.with_name("pyproject.toml")
        lines = project.read_text(encoding="utf-8").splitlines() if project.is_file() else []
        found = (line.partition('"')[2].rstrip('"') for line in lines if line.startswith("version = "))
        return next(found, "unknown")


__version__ = _version()
