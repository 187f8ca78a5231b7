"""A web application served from a thread beside whatever else the process does."""

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
"""Most connections at once; each costs a file descriptor, which the Kafka client needs too."""
REQUEST_S = 10.0
"""How long a connection may be open without a request."""


class BoundedProtocol(H11Protocol):
    """HTTP for so many connections at once: where one more comes, the oldest without a request goes."""

    def connection_made(self, transport: Any) -> None:
        """Take a connection, and let go of another where there are too many."""
        super().connection_made(transport)
        self._silent = self.loop.call_later(REQUEST_S, self._close_if_silent)
        waiting = [each for each in self.connections if isinstance(each, BoundedProtocol) and not each.cycle]
        if len(self.connections) > CONNECTIONS and waiting:
            oldest = min(waiting, key=lambda each: each._silent.when())
            self.connections.discard(oldest)
            oldest.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._silent.cancel()
        super().connection_lost(exc)

    def _close_if_silent(self) -> None:
        if not self.cycle:
            self.transport.close()


@contextlib.contextmanager
def serving(application: Starlette, host: str, port: int, setting: str) -> Iterator[str]:
    """Serve inside the block; gives the base URL.

    Parameters
    ----------
    application
        What answers.
    host
        Interface to listen on. Whoever reaches it reads everything it says.
    port
        0 takes a free one, which the URL names.
    setting
        The section of the settings that host and port come from, for the error.

    Raises
    ------
    OSError
        When the address cannot be listened on.
    """
    with _listening(host, port, setting) as listener:
        configuration = uvicorn.Config(
            application,
            http=BoundedProtocol,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(configuration)
        thread = threading.Thread(target=server.run, args=([listener],), name=setting, daemon=True)
        thread.start()
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _listening(host: str, port: int, setting: str) -> socket.socket:
    # Bound here and not by the server, so that a taken port is our caller's error and not a thread's.
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        advice = f"Choose another {setting}.port, or 0 for a free one."
        raise OSError(f"Nothing can be served at {host}:{port}: {error.strerror}. {advice}") from error
