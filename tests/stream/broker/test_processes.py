"""Processes are told apart from later ones with their pid."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from stream.broker.processes import Process

ENDLESS = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]


def started() -> subprocess.Popen[str]:
    """Return a process that leads a group of its own and does not end."""
    process = subprocess.Popen(ENDLESS, start_new_session=True, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.parametrize("birth", ["", "1"])
def test_a_later_process_with_the_same_pid_is_spared(birth: str) -> None:
    """Neither asked to end nor killed."""
    with started() as process:
        Process(process.pid, birth).stop(0.1)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        Process.of(process.pid).stop(10.0)
        assert process.wait(10) == -signal.SIGTERM


def test_what_does_not_listen_is_killed() -> None:
    """Its group, after the grace."""
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    command = [*ENDLESS[:2], deaf + ENDLESS[2]]
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        Process.of(process.pid).stop(0.1)
        assert process.wait(10) == -signal.SIGKILL
