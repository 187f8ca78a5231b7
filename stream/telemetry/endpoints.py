"""`/metrics`, `/livez` and `/readyz`, served from a thread in addition to the worker's."""

from __future__ import annotations

import contextlib

from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stream.telemetry.collector import Telemetry
from stream.telemetry.prometheus import registry
from stream.telemetry.serving import serving


def application(telemetry: Telemetry) -> Starlette:
    """Return the web application that serves some telemetry."""
    metrics_of = registry(telemetry)

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics_of), headers={"content-type": content_type})

    async def live(request: Request) -> Response:
        del request
        status = telemetry.status()
        return _verdict(status.alive, f"the worker's loop has not turned for {status.silence_s:.0f} s")

    async def ready(request: Request) -> Response:
        del request
        status = telemetry.status()
        return _verdict(status.ready, status.readiness, f"ok: {status.readiness}")

    return Starlette(routes=[Route("/metrics", metrics), Route("/livez", live), Route("/readyz", ready)])


def _verdict(good: bool, why_not: str, why: str = "ok") -> Response:
    return PlainTextResponse(f"{why if good else why_not}\n", status_code=200 if good else 503)


def serve_metrics(
    telemetry: Telemetry, host: str = "127.0.0.1", port: int = 0
) -> contextlib.AbstractContextManager[str]:
    """Serve inside the block; yields the base URL. Loopback and a free port by default; see `serving`."""
    return serving(application(telemetry), host, port, "http")
