"""A real Prometheus scrapes a worker's figures and answers every query of the dashboard.

.venv/bin/python -m pytest -m slow tests/deploy
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from stream.endpoints import served
from tests.deploy.dashboard import queries
from tests.deploy.service import BusyWorker

pytestmark = pytest.mark.slow


def working(stack: ExitStack) -> str:
    """Start a worker that does batches until the stack closes, and return the address of its figures."""
    worker, stop = BusyWorker(), threading.Event()

    def work() -> None:
        while not stop.wait(0.2):
            worker.work()

    thread = threading.Thread(target=work)
    thread.start()
    stack.callback(thread.join)
    stack.callback(stop.set)
    return stack.enter_context(served(worker.telemetry)).removeprefix("http://")


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def ask(base: str, query: str) -> list[dict[str, Any]]:
    """Return what Prometheus answers now."""
    encoded = urllib.parse.urlencode({"query": query})
    try:
        with urllib.request.urlopen(f"{base}/api/v1/query?{encoded}", timeout=5) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        pytest.fail(f"{query}: {error.read().decode()}")
    return found


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a Prometheus that has scraped a busy worker for some seconds."""
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("NO PROMETHEUS: the dashboard's queries are not run; apt-get install prometheus")
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with ExitStack() as stack:
        job = {"job_name": "ithaca", "static_configs": [{"targets": [working(stack)]}]}
        configuration = folder / "prometheus.yml"
        configuration.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}))
        address = f"127.0.0.1:{free_port()}"
        log = stack.enter_context((folder / "log").open("wb"))
        process = subprocess.Popen(
            [
                binary,
                f"--config.file={configuration}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
        stack.callback(process.wait)
        stack.callback(process.terminate)
        base = f"http://{address}"
        wait_for_scrapes(base, process, folder / "log")
        yield base


def wait_for_scrapes(base: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the worker has been scraped four times: rates need two."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            scraped = ask(base, 'count_over_time(up{job="ithaca"}[1m])')
        except OSError:
            scraped = []
        if scraped and int(scraped[0]["value"][1]) >= 4:
            return
        time.sleep(0.2)
    pytest.fail(f"Prometheus did not scrape within a minute: {log.read_text()}")


@pytest.mark.parametrize("panel", queries())
def test_every_query_of_the_dashboard_returns_figures(prometheus: str, panel: str) -> None:
    """Valid PromQL that finds something, and numbers, not NaN."""
    query = queries()[panel].replace("$__rate_interval", "5s")
    result = ask(prometheus, query)
    assert result, query
    assert all(series["value"][1] not in ("NaN", "+Inf") for series in result), result
