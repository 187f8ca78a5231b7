"""A real Prometheus scrapes a running worker and answers every query; and each alert fires once.

.venv/bin/python -m pytest -m slow tests/deploy
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from stream.kafka import Writer
from stream.records.topics import topic
from stream.telemetry.endpoints import serve_metrics
from tests.deploy.dashboard import RULES, queries, rules
from tests.deploy.service import SickWorker
from tests.stream.live import LiveStream
from tests.stream.standins import POISON, event

pytestmark = pytest.mark.slow

PATIENCE_S = 120.0


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def until_closed(stack: ExitStack, work: Callable[[], object], every_s: float) -> None:
    """Do some work again and again on a thread until the stack closes."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.wait(every_s):
            work()

    thread = threading.Thread(target=loop)
    thread.start()
    stack.callback(thread.join)
    stack.callback(stop.set)


def running_worker(stack: ExitStack, broker: str, name: str) -> str:
    """Start `ithaca run` on a stream that goes on, and return the address of its figures."""
    port = free_port()
    environment = {"ITHACA_HTTP__PORT": str(port), "ITHACA_SNAPSHOT__EVERY_S": "1"}
    # The learner whose account the dashboard draws has clusters.
    live = LiveStream(broker, name, environment={**environment, "ITHACA_LEARNER__NAME": "ihomer"})
    writer = stack.enter_context(Writer(live.settings.kafka, topic(name, "events")))
    numbers = itertools.count()

    def write() -> None:
        number = next(numbers)
        writer.send(POISON["broken json"] if number % 20 == 0 else event(number), partition=0)
        writer.settle()

    until_closed(stack, write, 0.02)
    stack.enter_context(live.worker())
    return f"127.0.0.1:{port}"


def ask(base: str, query: str) -> list[dict[str, Any]]:
    """Return what Prometheus answers now."""
    encoded = urllib.parse.urlencode({"query": query})
    try:
        with urllib.request.urlopen(f"{base}/api/v1/query?{encoded}", timeout=5) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        if error.code == 503:
            raise  # It is still starting.
        pytest.fail(f"{query}: {error.read().decode()}")
    return found


def in_a_hurry(text: str) -> str:
    """Return the rules with seconds for minutes, four at least: rates need scrapes."""
    ranges = re.sub(r"\[(\d+)m\]", lambda found: f"[{max(4, int(found[1]))}s]", text)
    return re.sub(r"for: (\d+)m", r"for: \1s", ranges)


class Prometheus:
    """A Prometheus that scrapes some targets and follows the rules in a hurry."""

    def __init__(self, stack: ExitStack, folder: Path, targets: dict[str, list[str]]) -> None:
        jobs = [
            {"job_name": job, "static_configs": [{"targets": addresses}]}
            for job, addresses in targets.items()
        ]
        interval = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        (folder / "rules.yml").write_text(in_a_hurry(RULES.read_text()))
        configuration = folder / "prometheus.yml"
        configuration.write_text(
            json.dumps({"global": interval, "rule_files": ["rules.yml"], "scrape_configs": jobs})
        )
        address = f"127.0.0.1:{free_port()}"
        self.base = f"http://{address}"
        binary = shutil.which("prometheus")
        if binary is None:
            pytest.skip("NO PROMETHEUS: queries and alerts are not run; apt-get install prometheus")
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

    def wait_for(self, query: str) -> list[dict[str, Any]]:
        """Return what a query finds, once it finds numbers."""
        deadline = time.monotonic() + PATIENCE_S
        found: list[dict[str, Any]] = []
        while time.monotonic() < deadline:
            try:
                found = ask(self.base, query)
            except OSError:
                found = []
            if found and all(series["value"][1] not in ("NaN", "+Inf") for series in found):
                return found
            time.sleep(0.3)
        pytest.fail(f"{query} found {found} for {PATIENCE_S} s")


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, embedded_kafka: str) -> Iterator[Prometheus]:
    """Prometheus beside a running worker that has answered something."""
    with ExitStack() as stack:
        worker = running_worker(stack, embedded_kafka, "test-prometheus")
        started = Prometheus(stack, tmp_path_factory.mktemp("prometheus"), {"ithaca": [worker]})
        started.wait_for("rate(ithaca_events_total[5s]) > 0 and on(instance) ithaca_snapshots_total > 0")
        yield started


@pytest.mark.parametrize("panel", queries())
def test_every_query_of_the_dashboard_returns_figures(prometheus: Prometheus, panel: str) -> None:
    """Valid PromQL that finds something, and numbers, not NaN."""
    prometheus.wait_for(queries()[panel].replace("$__rate_interval", "5s").replace("$stream", ".*"))


@pytest.mark.parametrize("name", rules("record"))
def test_every_recorded_figure_is_there(prometheus: Prometheus, name: str) -> None:
    """Under its name."""
    assert prometheus.wait_for(name)


def test_a_worker_that_is_well_causes_no_alert(prometheus: Prometheus) -> None:
    """Dead letters apart: its stream has one in twenty."""
    firing = {series["metric"]["alertname"] for series in ask(prometheus.base, 'ALERTS{alertstate="firing"}')}
    assert firing <= {"IthacaDeadLetters", "IthacaSnapshotOld"}


def test_each_alert_fires_at_its_cause(tmp_path: Path) -> None:
    """With a worker that has every trouble at once, and at last with none."""
    with ExitStack() as stack:
        trouble = stack.enter_context(ExitStack())
        worker = SickWorker()
        until_closed(trouble, worker.work, 0.2)
        address = trouble.enter_context(serve_metrics(worker.telemetry)).removeprefix("http://")
        started = Prometheus(stack, tmp_path, {"ithaca": [address]})
        for name in sorted(rules("alert").keys() - {"IthacaNoWorker"}):
            # Scores that stay where they fell to are those of the last day in the end.
            started.wait_for(f'last_over_time(ALERTS{{alertname="{name}", alertstate="firing"}}[1h])')
        trouble.close()
        started.wait_for('ALERTS{alertname="IthacaNoWorker", alertstate="firing"}')
