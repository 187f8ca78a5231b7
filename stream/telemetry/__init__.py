"""What the service tells of itself: status, Prometheus, HTTP, logs."""

from stream.telemetry.collector import Telemetry
from stream.telemetry.http import serve_metrics
from stream.telemetry.logs import configure_logs
from stream.telemetry.server import serving
from stream.telemetry.status import PartitionStatus, WorkerStatus

__all__ = [
    "PartitionStatus",
    "Telemetry",
    "WorkerStatus",
    "configure_logs",
    "serve_metrics",
    "serving",
]
