"""Access control: requests from this machine, or with the token."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import urllib.parse
from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

COOKIE = "ithaca-dashboard"
OPEN = ("/login", "/assets/style.css", "/assets/icon.svg")
"""Paths that the login page needs, and that are served without a token."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class NoTokenError(ValueError):
    """The dashboard would be reachable from a network without a token."""


def check_token(host: str, token: str | None) -> None:
    """Check that the dashboard is reachable only from this machine if there is no token.

    Raises
    ------
    NoTokenError
        When it would be reachable from elsewhere.

    Examples
    --------
    >>> check_token("127.0.0.1", None)
    >>> check_token("0.0.0.0", None)
    Traceback (most recent call last):
    ...
    stream.dashboard.access.NoTokenError: The dashboard needs dashboard.token to listen on 0.0.0.0, ...
    """
    if token is None and not is_loopback(host):
        raise NoTokenError(
            f"The dashboard needs dashboard.token to listen on {host}, where others reach it. Set "
            "ITHACA_DASHBOARD__TOKEN or ITHACA_DASHBOARD__TOKEN_FILE, or listen on 127.0.0.1."
        )


def is_loopback(host: str) -> bool:
    """Whether an address is reachable only from this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


LOGIN_BYTES = 4_096
"""Most bytes read of a login request, whose sender is not authenticated yet."""


class Guard:
    """Accepts or refuses requests.

    Parameters
    ----------
    host
        Address that is listened on. On loopback, requests must name this machine, which refuses pages whose
        host name resolves to it (DNS rebinding).
    hosts
        More names that requests may have it by, such as that of a reverse proxy; none by default.
    token
        Required token; None (the default) requires none.
    """

    def __init__(self, host: str, token: str | None = None, hosts: Sequence[str] = ()) -> None:
        check_token(host, token)
        self._names = {*LOOPBACK_NAMES, *(name.lower() for name in hosts)}
        self._local = is_loopback(host)
        self._token = token
        self._pass = None if token is None else hashlib.blake2b(token.encode(), digest_size=32).hexdigest()

    async def __call__(self, request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        """Answer, or pass the request on to the application; every response gets the security headers."""
        response = await self._answer(request, go_on)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    async def _answer(self, request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        name = urllib.parse.urlsplit(f"//{request.headers.get('host', '')}").hostname
        if self._local and name not in self._names:
            return Response(f"This dashboard is not {name}: name it in dashboard.hosts if it is.\n", 403)
        if request.method == "POST" and request.url.path == "/login":
            body = b""
            async for piece in request.stream():
                body += piece
                if len(body) > LOGIN_BYTES:
                    return Response(f"A login has at most {LOGIN_BYTES} bytes.\n", 413)
            return self._log_in(urllib.parse.parse_qs(body.decode(errors="replace")))
        if request.url.path not in OPEN and not self._knows(request):
            if request.url.path == "/":
                return RedirectResponse("login", 303)
            return Response("The token is missing or wrong.\n", 401)
        return await go_on(request)

    def _knows(self, request: Request) -> bool:
        if self._token is None or self._pass is None:
            return True
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        cookie = request.cookies.get(COOKIE, "")
        return _same(bearer, self._token) or _same(cookie, self._pass)

    def _log_in(self, form: dict[str, list[str]]) -> Response:
        if self._token is None or self._pass is None:
            return RedirectResponse("./", 303)
        if not _same(form.get("token", [""])[0], self._token):
            return RedirectResponse("login?wrong", 303)
        response = RedirectResponse("./", 303)
        response.set_cookie(COOKIE, self._pass, httponly=True, samesite="strict")
        return response


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
