"""A web application served from a thread beside whatever else the process does."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette


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
            application, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
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
