"""Access control: requests from this machine, or with the token."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
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


TRIES, TRIES_S = 10, 60.0
"""Most wrong tokens from one address in so many seconds; after them it is refused, right or wrong."""
MOST_ADDRESSES = 1_000
"""Most addresses whose wrong tokens are counted; the oldest are forgotten."""


class Tries:
    """Counts wrong tokens by address, so that none can try tokens without end.

    Parameters
    ----------
    clock
        Monotonic seconds; tests pass their own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: dict[str, tuple[int, float]] = {}

    def exhausted(self, address: str) -> bool:
        """Return whether an address has no try left for now."""
        return self._count(address)[0] >= TRIES

    def wrong(self, address: str) -> None:
        """Count a wrong token."""
        count, since = self._count(address)
        self._wrong[address] = count + 1, since
        if len(self._wrong) > MOST_ADDRESSES:
            del self._wrong[next(iter(self._wrong))]

    def _count(self, address: str) -> tuple[int, float]:
        now = self._clock()
        count, since = self._wrong.get(address, (0, now))
        if now - since < TRIES_S:
            return count, since
        del self._wrong[address]
        return 0, now


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
    tries
        Counts wrong tokens.
    """

    def __init__(
        self, host: str, token: str | None = None, hosts: Sequence[str] = (), tries: Tries | None = None
    ) -> None:
        check_token(host, token)
        self._names = {*LOOPBACK_NAMES, *(name.lower() for name in hosts)}
        self._local = is_loopback(host)
        self._token = token
        self._tries = tries or Tries()
        self._pass = None if token is None else hashlib.blake2b(token.encode(), digest_size=32).hexdigest()

    @property
    def asks(self) -> bool:
        """Whether visitors must know a token."""
        return self._token is not None

    async def __call__(self, request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        """Answer, or pass the request on to the application; every response gets the security headers."""
        response = await self._answer(request, go_on)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    async def _answer(self, request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        name = _host_name(request.headers.get("host", ""))
        if self._local and name not in self._names:
            return Response(f"This dashboard is not {name}: name it in dashboard.hosts if it is.\n", 403)
        if request.method == "POST" and request.url.path == "/login":
            body = b""
            async for piece in request.stream():
                body += piece
                if len(body) > LOGIN_BYTES:
                    return Response(f"A login has at most {LOGIN_BYTES} bytes.\n", 413)
            return self._log_in(urllib.parse.parse_qs(body.decode(errors="replace")), _address(request))
        if request.url.path not in OPEN and not self._knows(request):
            if request.url.path == "/":
                return RedirectResponse("login", 303)
            if self._tries.exhausted(_address(request)):
                return _too_many()
            return Response("The token is missing or wrong.\n", 401)
        return await go_on(request)

    def _knows(self, request: Request) -> bool:
        if self._token is None or self._pass is None:
            return True
        if _same(request.cookies.get(COOKIE, ""), self._pass):
            return True
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        return bool(bearer) and self._right(bearer, _address(request))

    def _right(self, token: str, address: str) -> bool:
        """Return whether a token is right; one that is wrong is counted."""
        if self._token is None or self._tries.exhausted(address):
            return False
        right = _same(token, self._token)
        if not right:
            self._tries.wrong(address)
        return right

    def _log_in(self, form: dict[str, list[str]], address: str) -> Response:
        if self._token is None or self._pass is None:
            return RedirectResponse("./", 303)
        if self._tries.exhausted(address):
            return _too_many()
        if not self._right(form.get("token", [""])[0], address):
            return RedirectResponse("login?wrong", 303)
        response = RedirectResponse("./", 303)
        response.set_cookie(COOKIE, self._pass, httponly=True, samesite="strict")
        return response


def _host_name(host: str) -> str | None:
    try:
        return urllib.parse.urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _too_many() -> Response:
    text = f"{TRIES} wrong tokens came from this address. Try again in {TRIES_S:.0f} seconds.\n"
    return Response(text, 429, headers={"Retry-After": f"{TRIES_S:.0f}"})


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
