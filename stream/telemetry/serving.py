"""A web application served from a thread of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS = 100
"""Most simultaneous connections; each takes a file descriptor, which the Kafka client needs too."""
REQUEST_S = 10.0
"""Seconds that a connection may be open without a request."""


class BoundedProtocol(H11Protocol):
    """HTTP with at most `CONNECTIONS` connections: above it, the oldest one without a request is closed."""

    def connection_made(self, transport: Any) -> None:
        """Accept a connection, and close another if there are too many."""
        super().connection_made(transport)
        self._silent = self.loop.call_later(REQUEST_S, self._close_if_silent)
        waiting = [each for each in self.connections if isinstance(each, BoundedProtocol) and not each.cycle]
        if len(self.connections) > CONNECTIONS and waiting:
            oldest = min(waiting, key=lambda each: each._silent.when())
            self.connections.discard(oldest)
            oldest.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove a closed connection."""
        self._silent.cancel()
        super().connection_lost(exc)

    def _close_if_silent(self) -> None:
        if not self.cycle:
            self.transport.close()


@contextlib.contextmanager
def serving(application: Starlette, host: str, port: int, setting: str) -> Iterator[str]:
    """Serve inside the block; yields the base URL.

    Parameters
    ----------
    application
        The application to serve.
    host
        Interface to listen on. Everyone who can reach it can read everything that is served.
    port
        Port to listen on; 0 takes a free one, which the URL contains.
    setting
        Section of the settings that host and port come from, for error messages.

    Raises
    ------
    OSError
        When it is not possible to listen on the address.
    """
    with _listening(host, port, setting) as listener:
        configuration = uvicorn.Config(
            application,
            http=BoundedProtocol,
            log_config=None,
            access_log=False,
            # By default, whoever connects from this machine could name any address as its own.
            proxy_headers=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(configuration)
        thread = threading.Thread(target=_serve, args=(server, listener), name=setting, daemon=True)
        thread.start()
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    try:
        server.run([listener])
    except (OSError, ValueError):
        # Who presses Ctrl-C again while it is waited for closes the socket under it.
        if not server.should_exit:
            raise


def _listening(host: str, port: int, setting: str) -> socket.socket:
    # Bound here and not by the server, so that a port in use is an error of the caller, not of the thread.
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        advice = f"Choose another {setting}.port, or 0 for a free one."
        raise OSError(f"Nothing can be served at {host}:{port}: {error.strerror}. {advice}") from error
