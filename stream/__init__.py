"""The outside world: Kafka, files, HTTP, the encoders, the command line.

`pipeline` is the heart: one partition's task as a pure state machine. `worker` drives tasks with Kafka,
`testing` without a broker, `replay` from a topic's history, `evaluation` from files.
"""

from importlib import metadata
from pathlib import Path

__all__ = ["__version__"]


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
