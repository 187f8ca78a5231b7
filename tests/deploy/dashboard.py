"""What the Grafana dashboards and the rules ask of Prometheus."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"

RULES = DEPLOY / "prometheus" / "rules.yml"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
METRIC = re.compile(r"\b(?:ithaca|process)_[a-z0-9_]+\b")
MATCHED = re.compile(r'__name__=~"([^"]+)"')
NOT_MATCHED = re.compile(r'__name__!~"([^"]+)"')


def queries() -> dict[str, str]:
    """Return every query of the dashboard, by panel and letter."""
    found = {}
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                found[f"{path.stem}: {panel['title']} {target['refId']}"] = target["expr"]
    return found


def rules(kind: str) -> dict[str, str]:
    """Return the expression of every rule of a kind, "record" or "alert", by name."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule[kind]: rule["expr"] for group in groups for rule in group["rules"] if kind in rule}


def asks_for(query: str, exported: set[str]) -> set[str]:
    """Return the names of the metrics in a query, those a pattern matches included."""
    outside_strings = re.sub(r'"[^"]*"', '""', query)
    names = set(METRIC.findall(outside_strings))
    for pattern in MATCHED.findall(query):
        matching = {name for name in exported if re.fullmatch(pattern, name)}
        for unwanted in NOT_MATCHED.findall(query):
            matching = {name for name in matching if not re.fullmatch(unwanted, name)}
        names |= matching or {f"anything like {pattern}"}
    return names
