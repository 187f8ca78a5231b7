"""Runs pytest again and again on code that changes: `python -m tests.forks`, in the folder of the code.

Each run is a fork of one process that has imported what does not change, which saves seconds of imports; the
project's own modules are imported in the fork. For each line of JSON on standard input (a `Run`) there is one
on standard output (a `Result`).
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import IO

import hypothesis
import pytest

IMPORTED = ("torch", "numba", "scipy.sparse", "river", "pydantic_settings", "prometheus_client", "rich",
            "typer", "starlette.applications", "fsspec", "kafka", "jsonschema", "msgspec")  # fmt: skip
CPU_S, WAITING_S = 90, 300
"""What one test may compute, and wait. None that is not `slow` takes a third of it; what takes more hangs."""
MEMORY = 8 * 2**30
"""Bytes: a fault must not take the machine's memory."""


@dataclass(frozen=True)
class Run:
    """What is to be run.

    Parameters
    ----------
    arguments
        Of pytest.
    stale
        Modules whose compiled functions cannot be taken over from the code without a fault.
    environment
        Variables that it sees, beside those of this process.
    """

    arguments: Sequence[str]
    stale: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Result:
    """What came of it.

    Parameters
    ----------
    failed
        Tests and files that failed, in order; also the one that was running when its process ended.
    seconds
        How long each test took.
    """

    failed: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


class Watch:
    """A plugin that reports each test when it begins and ends, and ends the process of one that hangs."""

    def __init__(self, out: IO[str], seconds: dict[str, float]) -> None:
        self._out = out
        self._seconds = seconds
        self._left = WAITING_S
        limit_cpu()
        threading.Thread(target=self._count_down, daemon=True).start()

    def _count_down(self) -> None:
        # By a clock, time would pass as well while a busy machine does not let this process go on.
        while self._left:
            time.sleep(1)
            self._left -= 1
        os.kill(os.getpid(), signal.SIGKILL)

    def pytest_sessionstart(self) -> None:
        """Let equal faults find equal examples, and stop at the first that fails."""
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        hypothesis.settings.register_profile(
            "forks", deadline=None, derandomize=True, database=None, phases=phases
        )
        hypothesis.settings.load_profile("forks")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Begin with the quickest; a test that has not been run yet is taken for quick."""
        items.sort(key=lambda item: self._seconds.get(item.nodeid, 0.0))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Report a file that cannot be imported."""
        if report.failed:
            self._say("failed", report.nodeid)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Report that a test begins."""
        limit_cpu()
        self._left = WAITING_S
        self._say("began", nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Report how a part of a test ended."""
        if report.failed:
            self._say("failed", report.nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Report that a test ended."""
        self._say("ended", nodeid)

    def _say(self, what: str, nodeid: str) -> None:
        print(what, nodeid, file=self._out, flush=True)


def limit_cpu() -> None:
    """Let this process end once it has computed for `CPU_S` more seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def forked(run: Run, seconds: dict[str, float]) -> Result:
    """Run pytest in a fork; `seconds` tells how long tests took before."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _child(run, seconds, os.fdopen(writing, "w"))
    os.close(writing)
    result = Result()
    running, since = "", 0.0
    with os.fdopen(reading) as said:
        for line in said:
            what, _, nodeid = line.rstrip("\n").partition(" ")
            match what:
                case "began":
                    running, since = nodeid, time.monotonic()
                case "failed":
                    result.failed.append(nodeid)
                case "ended":
                    running = ""
                    result.seconds[nodeid] = time.monotonic() - since
    _, status = os.waitpid(child, 0)
    with suppress(ProcessLookupError):  # What the tests have started, and not ended.
        os.killpg(child, signal.SIGKILL)
    if running:
        result.failed.append(running)
    # 0: all passed, 5: there were none.
    if os.waitstatus_to_exitcode(status) not in (0, 5) and not result.failed:
        result.failed.append("its process ended")
    return result


def _child(run: Run, seconds: dict[str, float], out: IO[str]) -> None:
    status = 1
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nothing, descriptor)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        os.environ.update(run.environment)
        watch = Watch(out, seconds)
        with suppress(Exception):  # Then the tests notice it.
            seed_cache(set(run.stale))
        options = ("-p", "no:cacheprovider", "--timeout=0", *run.arguments)
        status = pytest.main(list(options), plugins=[watch])
    finally:
        os._exit(status)


def seed_cache(stale: set[str]) -> None:
    """Take over compiled functions: their folder is named by all sources, and only some have changed."""
    new = importlib.import_module("drift.core.compiled").FOLDERS[0]
    if not new.exists():
        (old,) = new.parent.iterdir()
        shutil.copytree(old, new, ignore=lambda _, names: stale.intersection(names))


def main() -> None:
    """Answer each line."""
    for name in IMPORTED:
        importlib.import_module(name)
    seconds: dict[str, float] = {}
    for line in sys.stdin:
        result = forked(Run(**json.loads(line)), seconds)
        seconds |= result.seconds
        print(json.dumps(asdict(result)), flush=True)


if __name__ == "__main__":
    main()
