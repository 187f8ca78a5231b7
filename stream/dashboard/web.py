"""The page and what it asks for."""

from __future__ import annotations

import asyncio
import importlib.resources
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from stream.dashboard import views
from stream.dashboard.access import Guard
from stream.dashboard.compare import compare
from stream.dashboard.stream_state import StreamState

ASSETS = importlib.resources.files("stream.dashboard") / "assets"
TICK_S = 1.0
"""How often the page hears that something is new, at most."""
MOST_AROUND = 200
_encoder = msgspec.json.Encoder()


def application(streams: Sequence[StreamState], guard: Guard) -> Starlette:
    """Return the web application that shows some streams, the first one at first.

    Parameters
    ----------
    streams
        At least one; the page lets choose, and compares their runs.
    guard
        Who may look.
    """
    api = _Api(streams)
    routes = [
        Route("/", _page("index.html")),
        Route("/login", _page("login.html")),
        Route("/api/sources", api.sources),
        Route("/api/ticks", api.ticks),
        Route("/api/compare", api.compare),
        *(Route(f"/api/{name}", api.view(answer)) for name, answer in _VIEWS.items()),
        Mount("/assets", StaticFiles(directory=str(ASSETS))),
    ]
    return Starlette(routes=routes, middleware=[Middleware(BaseHTTPMiddleware, dispatch=guard)])


class _Api:
    def __init__(self, streams: Sequence[StreamState]) -> None:
        self._streams = streams

    def _stream(self, request: Request, name: str = "source") -> StreamState:
        return self._streams[_number(request, name, 0, len(self._streams) - 1)]

    def view(self, answer: Callable[[StreamState, Request], Any]) -> Callable[[Request], Response]:
        """Return an endpoint that answers from the stream that a request names; None is not found."""

        def endpoint(request: Request) -> Response:
            state = self._stream(request)
            with state.lock:
                return _json(answer(state, request))

        return endpoint

    def sources(self, request: Request) -> Response:
        """Return what there is to look at."""
        del request
        return _json(
            [{"name": state.name, "runs": list(state.runs), "timed": state.timed} for state in self._streams]
        )

    def compare(self, request: Request) -> Response:
        """Return how two runs did on the same events."""
        one, other = self._stream(request, "a"), self._stream(request, "b")
        runs = request.query_params.get("run_a", ""), request.query_params.get("run_b", "")
        # In one order for everybody, so that no two requests wait for each other.
        first, second = sorted((one, other), key=self._streams.index)
        with first.lock:
            if first is second:
                return _json(compare(one, runs[0], other, runs[1]))
            with second.lock:
                return _json(compare(one, runs[0], other, runs[1]))

    async def ticks(self, request: Request) -> Response:
        """Say when a stream has something new."""
        state = self._stream(request)

        async def stream() -> AsyncIterator[bytes]:
            said = b""
            while True:
                now = _encoder.encode(views.head(state))
                yield b"data: " + now + b"\n\n" if now != said else b": still here\n\n"
                said = now
                await asyncio.sleep(TICK_S)

        return StreamingResponse(stream(), media_type="text/event-stream")


def _overview(state: StreamState, request: Request) -> Any:
    return views.overview(state, request.query_params.get("span", "all"))


def _drift(state: StreamState, request: Request) -> Any:
    return views.drifts(state, {name: value for name, value in request.query_params.items() if value})


def _around(state: StreamState, request: Request) -> Any:
    partition, offset = _number(request, "partition"), _number(request, "offset")
    count = _number(request, "count", 12, MOST_AROUND)
    return views.around(state, partition, offset, count, count + 1)


def _messages(state: StreamState, request: Request) -> Any:
    given = request.query_params
    return views.messages(state, given.get("which", "all"), given.get("q", ""), given.get("label", ""))


def _message(state: StreamState, request: Request) -> Any:
    return views.message(state, _number(request, "partition"), _number(request, "offset"))


def _labels(state: StreamState, request: Request) -> Any:
    given = request.query_params
    return views.labels(state, given.get("order", "change"), given.get("q", ""), _number(request, "page"))


def _label(state: StreamState, request: Request) -> Any:
    return views.label(state, request.query_params.get("name", ""))


def _clusters(state: StreamState, request: Request) -> Any:
    return views.clusters(state, _number(request, "partition"))


_VIEWS: dict[str, Callable[[StreamState, Request], Any]] = {
    "overview": _overview,
    "drift": _drift,
    "around": _around,
    "messages": _messages,
    "message": _message,
    "labels": _labels,
    "label": _label,
    "clusters": _clusters,
}


def _number(request: Request, name: str, default: int = 0, most: int = 2**62) -> int:
    """Return a whole number from the query; whatever cannot be one is the default."""
    text = request.query_params.get(name, "")
    return min(int(text), most) if text.isdecimal() and len(text) < 20 else default


def _json(value: Any) -> Response:
    if value is None:
        return Response(b"null", 404, media_type="application/json")
    return Response(_encoder.encode(value), media_type="application/json")


def _page(name: str) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        del request
        return FileResponse(str(ASSETS / name), media_type="text/html")

    return endpoint
