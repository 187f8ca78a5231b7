"""`/metrics`, `/livez` and `/readyz`, served from a thread beside the worker."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stream.exposition import registry
from stream.telemetry import Telemetry


def application(telemetry: Telemetry) -> Starlette:
    """Return the web application that answers for some telemetry."""
    metrics_of = registry(telemetry)

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics_of), headers={"content-type": content_type})

    async def live(request: Request) -> Response:
        del request
        account = telemetry.account()
        return _verdict(account.alive, f"the worker's loop has not turned for {account.silence_s:.0f} s")

    async def ready(request: Request) -> Response:
        del request
        account = telemetry.account()
        return _verdict(account.ready, account.readiness, f"ok: {account.readiness}")

    return Starlette(routes=[Route("/metrics", metrics), Route("/livez", live), Route("/readyz", ready)])


def _verdict(good: bool, why_not: str, why: str = "ok") -> Response:
    return PlainTextResponse(f"{why if good else why_not}\n", status_code=200 if good else 503)


@contextlib.contextmanager
def served(telemetry: Telemetry, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve inside the block; gives the base URL.

    Parameters
    ----------
    telemetry
        What to answer from.
    host
        Interface to listen on. Loopback by default: whoever reaches it reads everything it says.
    port
        0 (the default) takes a free one, which the URL names.

    Raises
    ------
    OSError
        When the address cannot be listened on.
    """
    with _listening(host, port) as listener:
        configuration = uvicorn.Config(
            application(telemetry),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(configuration)
        thread = threading.Thread(target=server.run, args=([listener],), name="endpoints", daemon=True)
        thread.start()
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _listening(host: str, port: int) -> socket.socket:
    # Bound here and not by the server, so that a taken port is our caller's error and not a thread's.
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        advice = "Choose another http.port, or 0 for a free one."
        raise OSError(f"Metrics cannot be served at {host}:{port}: {error.strerror}. {advice}") from error
