"""Access tokens for the broker: from an endpoint, or from a file that others keep fresh."""

from __future__ import annotations

import http.server
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka.errors import SaslAuthenticationFailedError

from stream.config.kafka import KafkaSettings
from stream.kafka.oauth import ClientCredentials, FileToken, token_provider

SECRET = "correct-horse-battery-staple"


@contextmanager
def endpoint(answer: Callable[[dict[str, list[str]], str], tuple[int, bytes]]) -> Iterator[str]:
    """Serve tokens on loopback inside the block; gives the URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            form = urllib.parse.parse_qs(self.rfile.read(length).decode())
            status, body = answer(form, self.headers["Authorization"])
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            del arguments

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/token"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_token_is_asked_for_once_and_renewed_before_it_ends() -> None:
    """With the client's id and secret, and the scope that was set."""
    asked: list[tuple[dict[str, list[str]], str]] = []

    def answer(form: dict[str, list[str]], authorization: str) -> tuple[int, bytes]:
        asked.append((form, authorization))
        return 200, b'{"access_token": "t%d", "expires_in": 100, "token_type": "bearer"}' % len(asked)

    now = 0.0
    with endpoint(answer) as url:
        provider = ClientCredentials(url, "me", "hunter2", "kafka", clock=lambda: now)
        assert [provider.token(), provider.token()] == ["t1", "t1"]
        now = 79.0
        assert provider.token() == "t1"
        now = 80.0
        assert provider.token() == "t2"
    form = {"grant_type": ["client_credentials"], "scope": ["kafka"]}
    assert asked == [(form, "Basic bWU6aHVudGVyMg==")] * 2


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, SECRET.encode(), "it answered 401"),
        (302, b"", "it answered 302"),
        (200, f'{{"token": "{SECRET}"}}'.encode(), "gave no token: ValidationError"),
        (200, f"<html>{SECRET}".encode(), "gave no token: DecodeError"),
    ],
)
def test_an_endpoint_that_gives_no_token_is_named(status: int, body: bytes, said: str) -> None:
    """Without its answer, which may hold one; and a redirection is not followed with the secret."""
    with endpoint(lambda form, authorization: (status, body)) as url:
        provider = ClientCredentials(url, "me", SECRET)
        with pytest.raises(SaslAuthenticationFailedError, match=said) as caught:
            provider.token()
    assert url in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_token_file_is_read_anew(tmp_path: Path) -> None:
    """Someone else keeps it fresh."""
    path = tmp_path / "token"
    settings = KafkaSettings.model_validate(
        {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER", "oauth_token_file": path}
    )
    provider = token_provider(settings)
    assert isinstance(provider, FileToken)
    with pytest.raises(SaslAuthenticationFailedError, match="cannot be read: FileNotFoundError"):
        provider.token()
    for token in ("first", "second"):
        path.write_text(f"{token}\n")
        assert provider.token() == token
