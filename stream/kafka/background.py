"""Calls of the client library that have no timeout of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future


def in_background(call: Callable[[], object], name: str) -> Future[None]:
    """Run a call on a daemon thread, and return a future of its end."""
    ended: Future[None] = Future()

    def run() -> None:
        try:
            call()
            ended.set_result(None)
        except BaseException as error:
            ended.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return ended
