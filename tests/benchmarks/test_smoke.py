"""Every benchmark runs with minimal arguments: its imports and its call work, and it prints figures."""

from __future__ import annotations

import gzip
import importlib
import inspect
import json
import re
import sys
from pathlib import Path

import pytest
import typer

from stream.testing.synthetic import Synthetic

LIBRARIES = {"continual", "hierarchies", "peers", "timing"}
"""Modules that the benchmarks share."""
BENCHMARKS = sorted(
    path.stem for path in Path(__file__).parent.glob("[!_]*.py") if not path.stem.startswith("test_")
)
EVENTS = 60
SMALL = {
    "ablation": "--sets reuters21578 --limit 40 --drifts concept --seeds 0 --scale 0.02",
    "adwin": "--scale 0.01",
    "alarms": "{reuters} --learner priors",
    "catch_up": "--learner priors --records 30",
    "clusters": "--quick --scale 0.001",
    "conformal": "--limit 30 --messages 30 --learner priors",
    "dashboard": "--labels 100 --messages 30",
    "device": "--scale 0.0005",
    "drift": "--seeds 0 --learner priors --scale 0.01",
    "encode_ahead": "--events 40 --wait 1 --runs 1",
    "encoder_hashing": "--texts 20",
    "encoder_transformer": "--texts 2 --runs 1 --limit 30",
    "end_to_end": "--learner priors --limit 50 --runs 1",
    "expansion": "--data reuters21578 --limit 30 --seeds 1 --only pl-fms flat",
    "extreme": "--labels 1000 --features 16 --scale 0.02",
    "false_alarms": "--labels 20 --messages 60 --learner priors",
    "growing": "--learner priors --limit 60",
    "hle": "--data digits --seeds 1 --scale 0.1 --overlap 0.1",
    "ihomer": "--scale 0.01 --labels 14 1000",
    "incidents": "{reuters} --learner priors",
    "latency": "--learner priors --rate 200 --limit 40",
    "linear": "--scale 0.02",
    "many_labels": "--labels 1000 --names 1000 --served 1000 --learners priors",
    "memory": "--messages 50 --names 30 --features 10",
    "monitors": "--scale 0.01",
    "pair_counts": "--scale 0.001",
    "partition": "--limit 30 --planted 30 --seeds 1",
    "partial": "--limit 30 --sets reuters21578 --learners priors",
    "relations": "{reuters}",
    "scopes": "--learner priors --limit 40 --partitions 2 --workers 2",
    "seasons": "--kinds prior --cycles 1 --seeds 0 --learner priors --scale 0.02",
    "silence": "--gap 10 --starts 10 30 --only default",
    "snapshots": "--scale 0.02",
    "text": "--data reuters21578 --limit 30 --learners priors",
    "tree": "--scale 0.02",
}
"""The smallest sensible arguments of each; `{reuters}` is a file of events."""
KAFKA = {"catch_up", "end_to_end", "latency", "many_labels", "scopes"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with synthetic events under the names of the real data sets."""
    folder = tmp_path_factory.mktemp("data")
    for name, facet in (("reuters21578", "topics/"), ("arxiv_daily", "")):
        (folder / name).mkdir()
        with gzip.open(folder / name / "events.jsonl.gz", "wt") as file:
            for event in Synthetic(labels=8).events(EVENTS):
                paths = [f"{facet}{label[0]}/{label}" for label in event["labels"]]
                fields = {key: value for key, value in event.items() if key != "vector"}
                file.write(json.dumps(fields | {"ts": str(event["ts"]), "paths": paths}) + "\n")
    return folder


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.kafka] if name in KAFKA else [])
        for name in BENCHMARKS
        if name not in LIBRARIES
    ],
)
def test_a_benchmark_prints_figures(
    name: str,
    data: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A benchmark without small arguments here fails, as nothing else would show that it no longer runs."""
    arguments = SMALL[name].format(reuters=data / "reuters21578" / "events.jsonl.gz").split()
    if name in KAFKA:
        monkeypatch.setenv("ITHACA_KAFKA__BOOTSTRAP_SERVERS", request.getfixturevalue("kafka"))
    module = importlib.import_module(f"tests.benchmarks.{name}")
    for used in (module, importlib.import_module("tests.benchmarks.expansion")):
        monkeypatch.setattr(used, "DATA", data, raising=False)
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    # Without typer, its commands are plain functions, which would run with their defaults.
    if inspect.signature(module.main).parameters:
        with pytest.raises(SystemExit, match=r"^0$"):
            typer.run(module.main)
    else:
        module.main()
    said = capsys.readouterr().out
    assert re.search(r"\d", said), said
    assert "Traceback" not in said
