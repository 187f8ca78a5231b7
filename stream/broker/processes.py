"""Server processes that we start: identified by pid and start time, and reliably stopped."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class Process(NamedTuple):
    """A process, identified so that a later one with the same pid is not mistaken for it.

    Parameters
    ----------
    pid
        Its id; also the id of its process group, which it leads.
    birth
        When it started, in the kernel's ticks since boot; empty if it had already ended.

    Examples
    --------
    >>> import os
    >>> me = Process.of(os.getpid())
    >>> me.alive(), Process(me.pid, "0").alive()
    (True, False)
    """

    pid: int
    birth: str

    @classmethod
    def of(cls, pid: int) -> Process:
        """Identify a running process."""
        return cls(pid, _birth(pid))

    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return self.birth != "" and _birth(self.pid) == self.birth

    def stop(self, grace: float) -> None:
        """End its process group: SIGTERM, and SIGKILL after `grace` seconds. Returns once it has ended."""
        for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 10.0)):
            if not self.alive():
                return
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            deadline = time.monotonic() + patience
            while self.alive() and time.monotonic() < deadline:
                time.sleep(0.02)


def _birth(pid: int) -> str:
    try:
        # The name, in parentheses, may contain anything: fields are counted from behind it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    state, threads, birth = fields[0], int(fields[17]), fields[19]
    # A zombie that still has other threads holds its files and ports until the last of them has ended.
    return "" if state in "ZX" and threads <= 1 else birth


def spawn(command: Sequence[str], log: Path, *, outlives_us: bool) -> subprocess.Popen[bytes]:
    """Start a server in its own process group, so that the terminal's Ctrl-C does not reach it.

    Parameters
    ----------
    command
        Program and arguments.
    log
        File that its output is appended to.
    outlives_us
        Whether it keeps running when we end. If not, the kernel sends it SIGTERM when the calling thread
        ends, for whatever reason: call this from a thread that lives as long as the server should.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=None if outlives_us else _end_with_parent,
        )


def _end_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_ports(count: int) -> list[int]:
    """Return different ports of the loopback interface on which nothing listens."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
