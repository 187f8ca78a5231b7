"""Calls of the library that have no timeout of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future


def in_background(call: Callable[[], object], name: str) -> Future[None]:
    """Make a call on a thread that nobody waits for at the end, and return what becomes of it."""
    ended: Future[None] = Future()

    def run() -> None:
        try:
            call()
            ended.set_result(None)
        except BaseException as error:
            ended.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return ended
