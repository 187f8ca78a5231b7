"""What the Grafana dashboard asks of Prometheus."""

from __future__ import annotations

import json
import re
from pathlib import Path

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"

METRIC = re.compile(r"\b(?:ithaca|process)_[a-z0-9_]+\b")
MATCHED = re.compile(r'__name__=~"([^"]+)"')
NOT_MATCHED = re.compile(r'__name__!~"([^"]+)"')


def queries() -> dict[str, str]:
    """Return every query of the dashboard, by panel and letter."""
    found = {}
    for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                found[f"{panel['title']} {target['refId']}"] = target["expr"]
    return found


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
