"""The files that run the service are well-formed, and ask only for what there is."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.config import load
from stream.telemetry.prometheus import registry
from tests.deploy.dashboard import DASHBOARDS, DEPLOY, RULES, asks_for, queries, rules
from tests.deploy.service import BusyWorker


def compose() -> dict[str, Any]:
    """Return the Compose file."""
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


@pytest.fixture(scope="module")
def exported() -> set[str]:
    """Names of the series that a worker exports."""
    worker = BusyWorker()
    worker.work()
    return {sample.name for family in registry(worker.telemetry).collect() for sample in family.samples}


@pytest.mark.parametrize("panel", queries())
def test_the_dashboard_asks_only_for_what_is_exported(panel: str, exported: set[str]) -> None:
    """No panel stays empty because of a name."""
    query = queries()[panel]
    recorded = set(re.findall(r"ithaca:\w+(?::\w+)?", query))
    assert recorded <= set(rules("record"))
    assert asks_for(query, exported) <= exported
    assert recorded or asks_for(query, exported) or re.search(r"\b(ALERTS|up)\b", query)


SELECTOR = re.compile(r"\b(?:ithaca_[a-z0-9_]+|process_[a-z0-9_]+|ithaca:\w+(?::\w+)?|ALERTS)\b({[^}]*})?")


@pytest.mark.parametrize("panel", queries())
def test_the_dashboard_shows_the_streams_that_are_chosen(panel: str) -> None:
    """Every selector of every query names the variable."""
    outside = re.sub(r'"ithaca_[^"]*"', '""', queries()[panel])
    selectors = [match[1] or "" for match in SELECTOR.finditer(outside)] or [outside]
    assert all('stream=~"$stream' in selector for selector in selectors)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_asks_for_its_source_and_streams(path: Path) -> None:
    """By variables, both of which it has."""
    variables = {each["name"]: each for each in json.loads(path.read_text())["templating"]["list"]}
    assert variables["datasource"]["query"] == "prometheus"
    assert variables["stream"]["query"] == "label_values(ithaca_build_info, stream)"


def test_the_dashboards_lead_to_each_other_and_to_the_page() -> None:
    """Three of them, in one folder; the page's address is a field, and its views are there."""
    assert [path.stem for path in DASHBOARDS] == ["drift", "learning", "service"]
    views = {path.stem for path in (DEPLOY.parent / "stream" / "dashboard" / "assets").glob("*.js")}
    for path in DASHBOARDS:
        made = json.loads(path.read_text())
        page, others = made["links"]
        assert page["url"].removeprefix("${page}/#/") in views
        assert (others["type"], others["tags"], others["includeVars"]) == ("dashboards", made["tags"], True)
        assert "page" in {each["name"] for each in made["templating"]["list"]}
    (provider,) = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/ithaca.yaml").read_text())[
        "providers"
    ]
    assert provider["folder"] == "Ithaca"
    home = compose()["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert Path(home).name in {path.name for path in DASHBOARDS}


ASKING = rules("record") | rules("alert")


@pytest.mark.parametrize("name", ASKING)
def test_the_rules_ask_only_for_what_is_exported(name: str, exported: set[str]) -> None:
    """No alert stays silent because of a name."""
    recorded = set(re.findall(r"ithaca:\w+(?::\w+)?", ASKING[name]))
    assert recorded <= set(rules("record"))
    assert asks_for(ASKING[name], exported) <= exported


@pytest.mark.parametrize("command", [["check", "rules", str(RULES)], ["test", "rules", "rules_test.yml"]])
def test_the_rules_are_right(command: list[str]) -> None:
    """Each alert fires at its cause and is silent otherwise: see rules_test.yml."""
    checked = subprocess.run(
        [_promtool(), *command],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_alert_is_made_to_fire_and_to_be_silent() -> None:
    """In the unit tests of the rules."""
    tests = yaml.safe_load((Path(__file__).parent / "rules_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    for expected in (True, False):
        assert {case["alertname"] for case in cases if bool(case["exp_alerts"]) is expected} == set(
            rules("alert")
        )


def _promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("NO PROMTOOL: Prometheus' files are not checked; apt-get install prometheus")
    return found


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_neither_overlap_nor_share_a_number(path: Path) -> None:
    """Grafana would move them about."""
    panels = json.loads(path.read_text())["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_provisioning_names_one_data_source() -> None:
    """The dashboard finds the source that is provisioned, and the source the server that is run."""
    provisioning = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert source["type"] == "prometheus"
    for path in DASHBOARDS:
        named = set(re.findall(r'"uid": "([^"]+)"', path.read_text()))
        assert named == {"${datasource}", json.loads(path.read_text())["uid"]}
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in compose()["services"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "ithaca.yaml").read_text())["providers"]
    folders = dict(volume.split(":")[:2][::-1] for volume in compose()["services"]["grafana"]["volumes"])
    assert folders[provider["options"]["path"]] == "./grafana/dashboards"


@pytest.mark.parametrize("name", ["compose.yaml", "compose.gpu.yaml"])
def test_the_compose_file_follows_the_specification(name: str) -> None:
    """Against the schema that the checker carries."""
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run([*checker, str(DEPLOY / name)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_everything_is_on_loopback_and_all_that_is_mounted_is_there() -> None:
    """Nothing is reachable from elsewhere, and Docker makes no empty folder for a name that is wrong."""
    for name, service in compose()["services"].items():
        for port in service["ports"]:
            assert port.startswith("127.0.0.1:"), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in compose()["volumes"]


def test_prometheus_scrapes_the_port_that_the_image_serves() -> None:
    """Image, Compose file and scrape configuration agree."""
    (job,) = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    (discovery,) = job["dns_sd_configs"]
    assert discovery["names"] == ["worker"]
    assert f"ITHACA_HTTP__PORT={discovery['port']}" in (DEPLOY / "Dockerfile").read_text()
    assert compose()["services"]["worker"]["ports"][0].endswith(f":{discovery['port']}")


def test_the_image_for_a_gpu_is_made_of_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the README gives to its build and to its start, and what Compose adds, exist."""
    readme, image = ((DEPLOY / name).read_text() for name in ("README.md", "Dockerfile"))
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]
    assert {f"ARG {name}" for name in re.findall(r"--build-arg (\w+)=", readme)} <= set(image.splitlines())
    extras = re.findall(r"EXTRAS=\[(\w+)\]", readme + image)
    added = yaml.safe_load((DEPLOY / "compose.gpu.yaml").read_text())["services"]["worker"]
    assert {*extras, added["build"]["args"]["EXTRAS"].strip("[]")} == {"transformer"}
    assert "transformer" in project["optional-dependencies"]
    assert 'pip install --root-user-action=ignore --constraint /src/constraints.txt "/src$EXTRAS"' in image
    (started,) = re.findall(r"docker run --gpus all (.*) ithaca-gpu", readme)
    given = [each for each in shlex.split(started) if each != "--env"]
    for name, value in [each.split("=", 1) for each in given] + list(added["environment"].items()):
        assert name in ("ITHACA_ENCODER__NAME", "ITHACA_ENCODER__PARAMETERS", "HF_HOME")
        monkeypatch.setenv(name, value.replace("${MODEL:?}", "MODEL"))
    encoder = load().encoder
    assert (encoder.name, encoder.parameters) == ("transformer", {"model": "MODEL"})
    assert added["gpus"] == "all"
    shown = " ".join(queries().values())
    assert "ithaca_device_memory_bytes{" in shown
    assert "ithaca_encode_events_sum{" in shown


def test_alertmanager_accepts_its_configuration() -> None:
    """As Alertmanager's own tool sees it; Prometheus sends to where Compose runs it."""
    amtool = shutil.which("amtool")
    if amtool is None:
        pytest.skip("NO AMTOOL: Alertmanager's file is not checked; apt-get install prometheus-alertmanager")
    path = DEPLOY / "prometheus" / "alertmanager.yml"
    checked = subprocess.run([amtool, "check-config", str(path)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_alerts_are_routed_to_where_compose_runs_alertmanager() -> None:
    """And what suppresses another alert, and what is suppressed, are alerts that there are."""
    (target,) = re.findall(
        r'targets: \["(\w+):9093"\]', (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    )
    assert target in compose()["services"]
    routes = (DEPLOY / "prometheus" / "alertmanager.yml").read_text()
    assert set(re.findall(r"Ithaca\w+", routes)) <= set(rules("alert"))


def test_every_alert_has_a_runbook() -> None:
    """Under its own name, in the order of the rules."""
    text = (DEPLOY / "README.md").read_text()
    assert re.findall(r"^#### (Ithaca\w+)$", text, re.MULTILINE) == list(rules("alert"))


def test_prometheus_accepts_its_configuration() -> None:
    """As Prometheus' own tool sees it."""
    path = DEPLOY / "prometheus" / "prometheus.yml"
    checked = subprocess.run(
        [_promtool(), "check", "config", str(path)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
