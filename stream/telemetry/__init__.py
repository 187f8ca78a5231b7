"""Telemetry of the service: status, Prometheus metrics, HTTP endpoints, logs."""

from stream.telemetry.collector import Telemetry
from stream.telemetry.endpoints import serve_metrics
from stream.telemetry.logs import configure_logs
from stream.telemetry.serving import serving
from stream.telemetry.status import PartitionStatus, WorkerStatus

__all__ = [
    "PartitionStatus",
    "Telemetry",
    "WorkerStatus",
    "configure_logs",
    "serve_metrics",
    "serving",
]
