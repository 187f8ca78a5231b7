"""The page's files and the API that it calls."""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from stream.actions import Actions
from stream.dashboard import drift_views, label_views, letter_views, message_views, views
from stream.dashboard.access import Guard
from stream.dashboard.acting import ASKED, acting
from stream.dashboard.compare import compare
from stream.monitoring import StreamState

ASSETS = importlib.resources.files("stream.dashboard") / "assets"
MOST_AROUND = 200
_encoder = msgspec.json.Encoder()


def application(
    streams: Sequence[StreamState],
    guard: Guard,
    actions: Actions | None = None,
    proxies: Sequence[str] = (),
) -> Starlette:
    """Return the web application that shows some streams, starting with the first.

    Parameters
    ----------
    streams
        At least one; the page offers a choice of them, and compares their runs.
    guard
        Access control.
    actions
        What may be done to the first stream, by who knows the token; without one, or with None (the default),
        nothing.
    proxies
        Addresses and networks of proxies that are believed whose request they pass on; none by default.
    """
    api = _Api(streams, actions, acts=guard.asks)
    allowed = actions if guard.asks else None
    routes = [
        Route("/", _page("index.html")),
        Route("/login", _page("login.html")),
        Route("/api/sources", api.sources),
        Route("/api/compare", api.compare),
        Route("/api/letter", api.letter),
        *(Route(f"/api/{name}", acting(allowed, asked), methods=["POST"]) for name, asked in ASKED.items()),
        *(Route(f"/api/{name}", api.view(answer)) for name, answer in _VIEWS.items()),
        Mount("/assets", StaticFiles(directory=str(ASSETS))),
    ]
    forwarded = Middleware(ProxyHeadersMiddleware, trusted_hosts=list(proxies))
    return Starlette(routes=routes, middleware=[forwarded, Middleware(BaseHTTPMiddleware, dispatch=guard)])


class _Api:
    def __init__(self, streams: Sequence[StreamState], actions: Actions | None, *, acts: bool) -> None:
        self._streams = streams
        self._acts = acts
        self._actions = actions

    def _stream(self, request: Request, name: str = "source") -> StreamState:
        return self._streams[views.choice(request.query_params, name, 0, len(self._streams) - 1)]

    def view(self, answer: Callable[[StreamState, Mapping[str, str]], Any]) -> Callable[[Request], Response]:
        """Return an endpoint for a view of the requested stream; None is answered with 404."""

        def endpoint(request: Request) -> Response:
            state = self._stream(request)
            with state.lock:
                return _json(answer(state, request.query_params))

        return endpoint

    def sources(self, request: Request) -> Response:
        """Return the streams that can be shown."""
        del request
        return _json(
            [
                {
                    "name": state.name,
                    "runs": list(state.runs),
                    "timed": state.timed,
                    "acts": None if number or self._actions is None else self._acts,
                }
                for number, state in enumerate(self._streams)
            ]
        )

    def letter(self, request: Request) -> Response:
        """Return a dead letter of the first stream, as its topic has it."""
        given = request.query_params
        if self._actions is None or self._stream(request) is not self._streams[0]:
            return _json({"problem": "Contents of a replay's dead letters are on the stream that it is of."})
        place = views.choice(given, "partition"), views.choice(given, "at")
        return _json(letter_views.letter(self._actions, *place, shown=self._streams[0].characters > 0))

    def compare(self, request: Request) -> Response:
        """Return the comparison of two runs on the same events."""
        one, other = self._stream(request, "a"), self._stream(request, "b")
        runs = request.query_params.get("run_a", ""), request.query_params.get("run_b", "")
        # Locks are taken in one order for all requests, so that two requests cannot deadlock.
        first, second = sorted((one, other), key=self._streams.index)
        with first.lock:
            if first is second:
                return _json(compare(one, runs[0], other, runs[1]))
            with second.lock:
                return _json(compare(one, runs[0], other, runs[1]))


def _around(state: StreamState, given: Mapping[str, str]) -> Any:
    count = views.choice(given, "count", 12, MOST_AROUND)
    return drift_views.around(
        state, views.choice(given, "partition"), views.choice(given, "offset"), count, count + 1
    )


_VIEWS: dict[str, Callable[[StreamState, Mapping[str, str]], Any]] = {
    "head": lambda state, given: views.head(state),
    "overview": lambda state, given: views.overview(state, given.get("span", "all")),
    "drift": lambda state, given: drift_views.drifts(
        state,
        {name: text for name, text in given.items() if text},
        many=views.choice(given, "count", 12, MOST_AROUND),
    ),
    "letters": lambda state, given: letter_views.letters(
        state, given.get("reason", ""), views.choice(given, "page")
    ),
    "around": _around,
    "messages": lambda state, given: message_views.messages(
        state, given.get("which", "all"), given.get("q", ""), given.get("label", ""), given.get("run", "")
    ),
    "message": lambda state, given: message_views.message(
        state, views.choice(given, "partition"), views.choice(given, "offset")
    ),
    "labels": lambda state, given: label_views.labels(
        state, given.get("order", "change"), given.get("q", ""), views.choice(given, "page")
    ),
    "label": lambda state, given: label_views.label(state, given.get("name", "")),
    "clusters": lambda state, given: label_views.clusters(state, views.choice(given, "partition")),
}
"""Views of the page by name: functions of a stream's state and the request's query."""


def _json(value: Any) -> Response:
    if value is None:
        return Response(b"null", 404, media_type="application/json")
    return Response(_encoder.encode(value), media_type="application/json")


def _page(name: str) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        del request
        return FileResponse(str(ASSETS / name), media_type="text/html")

    return endpoint
