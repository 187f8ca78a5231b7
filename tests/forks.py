"""Runs pytest again and again on code that changes: `python -m tests.forks`, in the folder of the code.

Each run is a fork of one process that has imported everything, which saves seconds; only modules that a
change reaches are imported anew. Once it says that it is ready, the code may be changed. Then, for each line
of JSON on standard input (a `Run`), there is one on standard output (a `Result`).
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import IO
from unittest.mock import ANY, patch

import hypothesis
import pytest
from numba.core import caching

from drift.core.compiled import FOLDERS
from drift.core.compiled import _sources as sources_digest
from tests.structure import modules

IMPORTED = ("torch", "scipy.sparse", "river", "pydantic_settings", "prometheus_client", "rich",
            "typer", "starlette.applications", "fsspec", "kafka", "jsonschema", "msgspec")  # fmt: skip
TIMES, LEAST_S = 5, 2
"""A test hangs that takes so many times as long as when it passed before, and that many seconds more."""
USUAL_S, BROKER_S = 4, 30
"""What a test is taken to need that has not passed yet, and one that needs a broker."""
COMPILING_S = 60
"""Seconds more where functions have to be compiled."""
MEMORY = 8 * 2**30
"""Bytes: a fault must not take the machine's memory."""


@dataclass(frozen=True)
class Run:
    """What is to be run.

    Parameters
    ----------
    arguments
        Of pytest.
    changed
        Modules that are to be imported anew.
    compiling
        Whether functions have to be compiled first, which takes its time.
    environment
        Variables that it sees, beside those of this process.
    """

    arguments: Sequence[str]
    changed: Sequence[str] = ()
    compiling: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Result:
    """What came of it.

    Parameters
    ----------
    failed
        Tests and files that failed, in order; also the one that was running when its process ended.
    seconds
        How long each test took that passed.
    cpu, before
        Seconds of the processor: in all, and before the first test began.
    """

    failed: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    cpu: float = 0.0
    before: float = 0.0


class Watch:
    """A plugin that reports each test when it begins and ends, and ends the process of one that hangs."""

    def __init__(self, out: IO[str], seconds: Mapping[str, float], run: Run) -> None:
        self._out = out
        self._seconds = seconds
        self._usual_s = BROKER_S if run.environment else USUAL_S
        self._compiling_s = COMPILING_S if run.compiling else 0
        self._limit("")
        threading.Thread(target=self._count_down, daemon=True).start()

    def _count_down(self) -> None:
        # By a clock, time would pass as well while a busy machine does not let this process go on.
        while self._left > 0:
            time.sleep(1)
            self._left -= 1
        os.kill(os.getpid(), signal.SIGKILL)

    def _limit(self, nodeid: str) -> None:
        """Let this process end once it has computed, or waited twice as long, for what a test may take."""
        self._left = self._compiling_s + TIMES * (LEAST_S + self._seconds.get(nodeid, self._usual_s))
        limit_cpu(self._left)
        self._left *= 2

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
        self._limit(nodeid)
        self._say("began", nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Report how a part of a test ended."""
        if report.failed:
            self._say("failed", report.nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Report that a test ended."""
        self._say("ended", nodeid)

    def _say(self, what: str, nodeid: str) -> None:
        print(what, time.process_time(), nodeid, file=self._out, flush=True)


def limit_cpu(seconds: float) -> None:
    """Let this process end once it has computed for some more seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + seconds)
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
            what, cpu, nodeid = line.rstrip("\n").split(" ", 2)
            match what:
                case "began":
                    result.before = result.before or float(cpu)
                    running, since = nodeid, time.monotonic()
                case "failed":
                    result.failed.append(nodeid)
                case "ended":
                    running = ""
                    if nodeid not in result.failed:
                        result.seconds[nodeid] = time.monotonic() - since
    _, status, used = os.wait4(child, 0)
    result.cpu = used.ru_utime + used.ru_stime
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
        watch = Watch(out, seconds, run)
        forget(run.changed)
        options = ("-p", "no:cacheprovider", "--timeout=0", *run.arguments)
        status = pytest.main(list(options), plugins=[watch])
    finally:
        os._exit(status)


def forget(changed: Collection[str]) -> None:
    """Let modules be imported anew, and processes that are started find what is compiled."""
    for module in changed:
        sys.modules.pop(module, None)
    for package, _, name in (module.rpartition(".") for module in changed):
        if package in sys.modules:
            vars(sys.modules[package]).pop(name, None)
    named = FOLDERS[0].parent / sources_digest()
    if not named.exists():
        named.symlink_to(FOLDERS[0], target_is_directory=True)


def main() -> None:
    """Import everything, then answer each line."""
    # Numba takes a function for stale by the time and size of its file; here, the caller removes stale ones.
    with patch.object(caching.UserProvidedCacheLocator, "get_source_stamp", lambda _: ANY):
        for name in (*IMPORTED, *modules()):
            if not name.endswith("__main__"):
                importlib.import_module(name)
        print("ready", flush=True)
        seconds: dict[str, float] = {}
        for line in sys.stdin:
            result = forked(Run(**json.loads(line)), seconds)
            seconds |= result.seconds
            print(json.dumps(asdict(result)), flush=True)


if __name__ == "__main__":
    main()
