"""What the service tells of itself: status, Prometheus, HTTP, logs."""

from stream.telemetry.collector import Telemetry
from stream.telemetry.http import served
from stream.telemetry.logs import configure_logs
from stream.telemetry.server import serving
from stream.telemetry.status import WorkerStatus

__all__ = [
    "Telemetry",
    "WorkerStatus",
    "configure_logs",
    "served",
    "serving",
]
