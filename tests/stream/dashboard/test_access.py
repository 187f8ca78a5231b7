"""What somebody who does not know the token may cost the dashboard."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from stream.dashboard.access import LOGIN_BYTES, Guard

TOKEN = "a token of sixteen and more"


def log_in(pieces: Any) -> Response:
    """Send a login in pieces, and return the answer."""
    sent = iter(pieces)

    async def receive() -> dict[str, Any]:
        piece = next(sent)
        return {"type": "http.request", "body": piece, "more_body": True}

    async def never(request: Request) -> Response:
        raise AssertionError(request)

    headers = [(b"host", b"localhost")]
    scope = {"type": "http", "method": "POST", "path": "/login", "headers": headers, "query_string": b""}
    return asyncio.run(Guard("127.0.0.1", TOKEN)._answer(Request(scope, receive), never))


def test_a_login_without_end_is_read_to_its_bound() -> None:
    """400 MB took 8 s, in which nobody else was answered."""
    pieces = itertools.count()
    assert log_in(b"x" * 1_000 for _ in pieces).status_code == 413
    assert next(pieces) == LOGIN_BYTES // 1_000 + 1
