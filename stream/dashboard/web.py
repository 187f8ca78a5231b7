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
from stream.dashboard.model import Model

ASSETS = importlib.resources.files("stream.dashboard") / "assets"
TICK_S = 1.0
"""How often the page hears that something is new, at most."""
MOST_AROUND = 200
_encoder = msgspec.json.Encoder()


def application(models: Sequence[Model], guard: Guard) -> Starlette:
    """Return the web application that shows some models, the first one at first.

    Parameters
    ----------
    models
        At least one; the page lets choose, and compares their runs.
    guard
        Who may look.
    """
    api = _Api(models)
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
    def __init__(self, models: Sequence[Model]) -> None:
        self._models = models

    def _model(self, request: Request, name: str = "source") -> Model:
        return self._models[_number(request, name, 0, len(self._models) - 1)]

    def view(self, answer: Callable[[Model, Request], Any]) -> Callable[[Request], Response]:
        """Return an endpoint that answers from the model that a request names; None is not found."""

        def endpoint(request: Request) -> Response:
            model = self._model(request)
            with model.lock:
                return _json(answer(model, request))

        return endpoint

    def sources(self, request: Request) -> Response:
        """Return what there is to look at."""
        del request
        return _json(
            [{"name": model.name, "runs": list(model.runs), "timed": model.timed} for model in self._models]
        )

    def compare(self, request: Request) -> Response:
        """Return how two runs did on the same events."""
        one, other = self._model(request, "a"), self._model(request, "b")
        runs = request.query_params.get("run_a", ""), request.query_params.get("run_b", "")
        # In one order for everybody, so that no two requests wait for each other.
        first, second = sorted((one, other), key=self._models.index)
        with first.lock:
            if first is second:
                return _json(compare(one, runs[0], other, runs[1]))
            with second.lock:
                return _json(compare(one, runs[0], other, runs[1]))

    async def ticks(self, request: Request) -> Response:
        """Say when a model has something new."""
        model = self._model(request)

        async def stream() -> AsyncIterator[bytes]:
            said = b""
            while True:
                now = _encoder.encode(views.head(model))
                yield b"data: " + now + b"\n\n" if now != said else b": still here\n\n"
                said = now
                await asyncio.sleep(TICK_S)

        return StreamingResponse(stream(), media_type="text/event-stream")


def _overview(model: Model, request: Request) -> Any:
    return views.overview(model, request.query_params.get("span", "all"))


def _drift(model: Model, request: Request) -> Any:
    return views.drifts(model, {name: value for name, value in request.query_params.items() if value})


def _around(model: Model, request: Request) -> Any:
    partition, offset = _number(request, "partition"), _number(request, "offset")
    count = _number(request, "count", 12, MOST_AROUND)
    return views.around(model, partition, offset, count, count + 1)


def _messages(model: Model, request: Request) -> Any:
    given = request.query_params
    return views.messages(model, given.get("which", "all"), given.get("q", ""), given.get("label", ""))


def _message(model: Model, request: Request) -> Any:
    return views.message(model, _number(request, "partition"), _number(request, "offset"))


def _labels(model: Model, request: Request) -> Any:
    given = request.query_params
    return views.labels(model, given.get("order", "change"), given.get("q", ""), _number(request, "page"))


def _label(model: Model, request: Request) -> Any:
    return views.label(model, request.query_params.get("name", ""))


def _clusters(model: Model, request: Request) -> Any:
    return views.clusters(model, _number(request, "partition"))


_VIEWS: dict[str, Callable[[Model, Request], Any]] = {
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
