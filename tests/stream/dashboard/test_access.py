"""What somebody who does not know the token may cost the dashboard."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import urllib.error
import urllib.request
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from stream.dashboard.access import LOGIN_BYTES, MOST_ADDRESSES, TRIES, TRIES_S, Guard, Tries
from stream.dashboard.web import application
from stream.monitoring import StreamState
from stream.telemetry.serving import serving

TOKEN = "a token of sixteen and more"


GUARD = Guard("127.0.0.1", TOKEN)


def log_in(pieces: Any, guard: Guard = GUARD, client: str = "10.0.0.1", **headers: str) -> Response:
    """Send a login in pieces, or with headers another request, and return the answer."""
    sent = iter(pieces)

    async def receive() -> dict[str, Any]:
        piece = next(sent)
        return {"type": "http.request", "body": piece, "more_body": bool(piece)}

    async def served(request: Request) -> Response:
        del request
        assert headers, "a login is answered by the guard"
        return Response("served")

    sets = [(b"host", b"localhost"), *((name.encode(), value.encode()) for name, value in headers.items())]
    scope = {
        "type": "http",
        "method": "GET" if headers else "POST",
        "path": "/api/overview" if headers else "/login",
        "headers": sets,
        "query_string": b"",
        "client": (client, 1),
    }
    return asyncio.run(guard._answer(Request(scope, receive), served))


def test_a_login_without_end_is_read_to_its_bound() -> None:
    """400 MB took 8 s, in which nobody else was answered."""
    pieces = itertools.count()
    assert log_in(b"x" * 1_000 for _ in pieces).status_code == 413
    assert next(pieces) == LOGIN_BYTES // 1_000 + 1


@pytest.mark.parametrize("host", ["[", "[::1", "]", "", "a@[b", "\xff", "localhost:x"])
def test_a_host_that_is_none_is_answered(host: str) -> None:
    """Anybody can write one; where it names another machine or nothing, the request is refused."""
    with serving(application([StreamState("s")], Guard("127.0.0.1")), "127.0.0.1", 0, "dashboard") as base:
        connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=10)
        connection.putrequest("GET", "/api/sources", skip_host=True)
        connection.putheader("Host", host.encode("latin-1"))
        connection.endheaders()
        assert connection.getresponse().status == (200 if host.startswith("localhost") else 403)
        connection.close()


def test_wrong_tokens_are_bounded() -> None:
    """By address, however they come; who has logged in already, and others, are not refused."""
    now = [100.0]
    guard = Guard("127.0.0.1", TOKEN, tries=Tries(lambda: now[0]))

    def enter(token: str, client: str = "10.0.0.1") -> int:
        return log_in([b"token=" + token.encode(), b""], guard, client).status_code

    def ask(token: str) -> int:
        return log_in([], guard, authorization=f"Bearer {token}").status_code

    entered = log_in([b"token=" + TOKEN.encode().replace(b" ", b"+"), b""], guard)
    cookie = entered.headers["set-cookie"].partition(";")[0]
    assert (entered.status_code, entered.headers["location"]) == (303, "./")
    # No script can read it, and no other site's page sends it along.
    assert {"httponly", "samesite=strict"} <= set(entered.headers["set-cookie"].lower().split("; "))
    assert ask(TOKEN) == 200
    for number in range(TRIES):
        assert (enter if number % 2 else ask)(f"guess {number}") in {303, 401}
    for token in ("another", TOKEN):
        assert (enter(token), ask(token)) == (429, 429)
    assert log_in([], guard, cookie=cookie).status_code == 200
    assert enter("mistyped", "10.0.0.2") == 303
    now[0] += TRIES_S
    assert ask(TOKEN) == 200


def test_visitors_of_a_proxy_are_told_apart_and_nobody_else_is_believed() -> None:
    """By what a trusted proxy appends to X-Forwarded-For, not by what the visitor wrote there."""

    def status(base: str, token: str, forwarded: str) -> int:
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": forwarded}
        try:
            asked = urllib.request.Request(f"{base}/api/sources", headers=headers)
            return int(urllib.request.urlopen(asked, timeout=10).status)
        except urllib.error.HTTPError as error:
            return error.code

    for proxies, others in ((["127.0.0.0/8"], 200), ([], 429)):
        made = application([StreamState("s")], Guard("127.0.0.1", TOKEN), proxies=proxies)
        with serving(made, "127.0.0.1", 0, "dashboard") as base:
            for number in range(TRIES):
                assert status(base, "wrong", f"10.9.9.{number}, 10.0.0.1") in {401, 429}
            assert status(base, TOKEN, "10.9.9.9, 10.0.0.1") == 429
            assert status(base, TOKEN, "10.0.0.1, 10.0.0.2") == others


def test_so_are_the_addresses_that_are_counted() -> None:
    """The oldest are forgotten."""
    tries = Tries()
    for number in range(MOST_ADDRESSES + 5):
        tries.wrong(str(number))
    assert len(tries._wrong) == MOST_ADDRESSES
