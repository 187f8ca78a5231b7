"""The page's files and the API that it calls."""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from stream.actions import Actions
from stream.dashboard import drift_views, label_views, letter_views, message_views, views
from stream.dashboard.access import Guard
from stream.dashboard.acting import ASKED, acting
from stream.dashboard.compare import compare
from stream.dashboard.query import QueryError, check_names, chosen, number, placed
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
        Route("/api/sources", _taking((), api.sources)),
        Route("/api/compare", _taking(("a", "b", "run_a", "run_b"), api.compare)),
        Route("/api/letter", _taking(("partition", "at"), api.letter)),
        *(Route(f"/api/{name}", acting(allowed, asked), methods=["POST"]) for name, asked in ASKED.items()),
        *(Route(f"/api/{name}", _taking(view.takes, api.view(view.answer))) for name, view in _VIEWS.items()),
        Mount("/assets", StaticFiles(directory=str(ASSETS))),
    ]
    forwarded = Middleware(ProxyHeadersMiddleware, trusted_hosts=list(proxies))
    return Starlette(
        routes=routes,
        middleware=[forwarded, Middleware(BaseHTTPMiddleware, dispatch=guard)],
        exception_handlers={QueryError: _refused},
    )


class _Api:
    def __init__(self, streams: Sequence[StreamState], actions: Actions | None, *, acts: bool) -> None:
        self._streams = streams
        self._acts = acts
        self._actions = actions

    def _stream(self, request: Request, name: str = "source") -> StreamState:
        return self._streams[placed(request.query_params, name, len(self._streams))]

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
        state, place = self._stream(request), (number(given, "partition"), number(given, "at"))
        if self._actions is None or state is not self._streams[0]:
            return _json({"problem": "Contents of a replay's dead letters are on the stream that it is of."})
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


def _drifts(state: StreamState, given: Mapping[str, str]) -> Any:
    wanted = {name: text for name, text in given.items() if text}
    if "incident" in wanted:
        wanted["incident"] = str(number(given, "incident"))
    return drift_views.drifts(state, wanted, many=number(given, "count", 12, MOST_AROUND))


def _around(state: StreamState, given: Mapping[str, str]) -> Any:
    count = number(given, "count", 12, MOST_AROUND)
    return drift_views.around(state, number(given, "partition"), number(given, "offset"), count, count + 1)


class _View(NamedTuple):
    """What a view takes from the request's query, and what it makes of that and of a stream's state."""

    takes: tuple[str, ...]
    answer: Callable[[StreamState, Mapping[str, str]], Any]


_VIEWS = {
    "head": _View((), lambda state, given: views.head(state)),
    "overview": _View(
        ("span",), lambda state, given: views.overview(state, chosen(given, "span", state.series, "all"))
    ),
    "drift": _View((*drift_views.FACETS, "incident", "count"), _drifts),
    "letters": _View(
        ("reason", "page"),
        lambda state, given: letter_views.letters(state, given.get("reason", ""), number(given, "page")),
    ),
    "around": _View(("partition", "offset", "count"), _around),
    "messages": _View(
        ("which", "q", "label", "run"),
        lambda state, given: message_views.messages(
            state,
            chosen(given, "which", message_views.WHICH, "all"),
            given.get("q", ""),
            given.get("label", ""),
            given.get("run", ""),
        ),
    ),
    "message": _View(
        ("partition", "offset"),
        lambda state, given: message_views.message(
            state, number(given, "partition"), number(given, "offset")
        ),
    ),
    "labels": _View(
        ("order", "q", "page"),
        lambda state, given: label_views.labels(
            state,
            chosen(given, "order", label_views.ORDERS, "change"),
            given.get("q", ""),
            number(given, "page"),
        ),
    ),
    "label": _View(("name",), lambda state, given: label_views.label(state, given.get("name", ""))),
    "clusters": _View(
        ("partition",), lambda state, given: label_views.clusters(state, number(given, "partition"))
    ),
}
"""Views of the page by name."""


def _taking(names: Sequence[str], endpoint: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Return an endpoint that refuses other parameters; the page names its stream in every request."""

    def checked(request: Request) -> Response:
        check_names(request.query_params, ("source", *names))
        return endpoint(request)

    return checked


def _refused(request: Request, error: Exception) -> Response:
    del request
    return JSONResponse({"problem": str(error)}, 400)


def _json(value: Any) -> Response:
    if value is None:
        return Response(b"null", 404, media_type="application/json")
    return Response(_encoder.encode(value), media_type="application/json")


def _page(name: str) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        del request
        return FileResponse(str(ASSETS / name), media_type="text/html")

    return endpoint
