"""A port that anybody on the network reaches must not cost the worker its file descriptors."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
import urllib.parse
import urllib.request

import pytest

from stream.telemetry import Telemetry, serve_metrics
from stream.telemetry.serving import CONNECTIONS


def _open(url: str) -> socket.socket:
    address = urllib.parse.urlparse(url)
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=5.0)


def _is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False


def test_idle_connections_cost_a_bounded_number_of_descriptors() -> None:
    """Whoever asks is answered all the same."""
    telemetry = Telemetry()
    telemetry.beat()
    with serve_metrics(telemetry, "127.0.0.1", 0) as url, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(_open(url)) for _ in range(3 * CONNECTIONS)]
        with urllib.request.urlopen(f"{url}/livez", timeout=5.0) as answer:
            assert answer.status == 200
        deadline = time.monotonic() + 5.0
        while len(still := [each for each in idle if not _is_closed(each)]) > CONNECTIONS:
            assert time.monotonic() < deadline
        assert still


def test_a_connection_that_asks_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while."""
    monkeypatch.setattr(sys.modules["stream.telemetry.serving"], "REQUEST_S", 0.1)
    with serve_metrics(Telemetry(), "127.0.0.1", 0) as url, _open(url) as connection:
        assert connection.recv(1) == b""


def test_ctrl_c_while_its_end_is_waited_for_leaves_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket is closed under the server, which is about to close it too."""
    join = threading.Thread.join
    failed: list[object] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    ours: list[threading.Thread] = []

    def interrupted(thread: threading.Thread, timeout: float | None = None) -> None:
        if thread.name != "http":
            return join(thread, timeout)
        ours.append(thread)
        raise KeyboardInterrupt

    def serve() -> None:
        with serve_metrics(Telemetry(), "127.0.0.1", 0) as url:
            assert urllib.request.urlopen(f"{url}/metrics", timeout=5.0).status == 200
            monkeypatch.setattr(threading.Thread, "join", interrupted)

    with pytest.raises(KeyboardInterrupt):
        serve()
    join(ours[0], 10.0)
    assert not ours[0].is_alive()
    assert not failed
