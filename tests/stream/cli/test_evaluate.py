"""Learners and encoders with parameters, from the command line and from the settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from stream.cli.main import app


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file of a few events with text."""
    file = tmp_path / "events.jsonl"
    lines = [
        {"id": str(number), "ts": number, "text": f"word{number % 3} and", "labels": ["ab"[number % 2]]}
        for number in range(30)
    ]
    file.write_text("\n".join(map(json.dumps, lines)))
    return file


def evaluate(path: Path, *arguments: str, **environment: str) -> Result:
    """Run `ithaca evaluate --json`."""
    return CliRunner().invoke(app, ["evaluate", str(path), "--json", *arguments], env=environment)


def test_parameters_reach_the_learner_and_name_it_in_the_report(path: Path) -> None:
    """Two of one kind stand side by side, each as it was written."""
    written = ["priors", "priors(half_life=1.5)"]
    result = evaluate(path, "--learner", written[0], "--learner", written[1])
    assert result.exit_code == 0, result.output
    first, second, *_ = json.loads(result.stdout)["results"]
    assert [first["learner"], second["learner"]] == written
    assert first["calibration_error"] != second["calibration_error"]


@pytest.mark.parametrize(
    ("arguments", "environment", "features"),
    [
        ([], {}, 1024),
        (["--encoder", "hashing(dimensions=64)"], {}, 64),
        ([], {"ITHACA_ENCODER__PARAMETERS": '{"dimensions": 128}'}, 128),
        (["--encoder", "hashing"], {"ITHACA_ENCODER__PARAMETERS": '{"dimensions": 128}'}, 1024),
    ],
)
def test_the_encoder_is_the_commands_or_the_settings_or_the_datas(
    path: Path, arguments: list[str], environment: dict[str, str], features: int
) -> None:
    """In this order."""
    result = evaluate(path, "--learner", "priors", *arguments, **environment)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["features"] == features


def test_the_learner_is_the_settings_where_none_is_named(path: Path, tmp_path: Path) -> None:
    """With its parameters."""
    config = tmp_path / "ithaca.toml"
    config.write_text('[learner]\nname = "priors"\nparameters = {half_life = 1.5}\n')
    result = evaluate(path, "--config", str(config))
    assert json.loads(result.stdout)["results"][0]["learner"] == "priors(half_life=1.5)"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--learner", "priors(half_live=3)"],
            "The learner 'priors' has no parameter 'half_live'. Did you mean",
        ),
        (
            ["--learner", "priors(half_life=-3)"],
            "The 'half_life' parameter of LabelPriors must be a float in",
        ),
        (["--learner", "ihomer(rule=macro_f1)"], 'Quote a text: rule="macro_f1".'),
        (["--learner", "priors(3)"], "Name each of them: priors(parameter=value, ...)."),
        (["--encoder", "transformer"], "missing a required argument: 'model'. It takes 'model', 'device', "),
        (["--encoder", "hashing(dimensions='many')"], "dimensions"),
        (["--encoder", "aligned(alignment='a', former='hashing')"], "Write a dictionary, as `ithaca align`"),
        (["--learner", "knn(window=100000000000000000)"], "needs more memory than there is"),
        (["--learner", "expansion(learner='ridge')"], "must be a learner or None. Got 'ridge' instead."),
    ],
)
def test_parameters_that_cannot_be_used(path: Path, arguments: list[str], sentence: str) -> None:
    """They are wrong usage, said in a line."""
    result = evaluate(path, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("ithaca: ")
    assert result.stderr.count("\n") == 1
    assert sentence in result.stderr


def test_a_benchmark_names_learners_as_they_are_written(path: Path, tmp_path: Path) -> None:
    """In its results, and escaped in the report."""
    out, written = tmp_path / "out", ["priors(half_life=1.5)", "knn(k=1,  window=9)"]
    arguments = ["benchmark", str(path), "--out", str(out), "--order", "stored"]
    arguments += ["--encoder", "hashing(dimensions=64)"]
    for learner in written:
        arguments += ["--learner", learner]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    (stored,) = json.loads((out / "results.json").read_text())
    (report,) = stored["reports"]
    assert report["features"] == 64
    assert [each["learner"] for each in report["results"]] == [*written, "persistence", "majority"]
    page = (out / "report.html").read_text()
    assert all(learner in page for learner in written)


def test_records_that_are_left_out_are_counted_and_the_first_is_told(path: Path) -> None:
    """On the way to the scores of the others."""
    lines = path.read_text().splitlines()
    path.write_text("\n".join(["{}", *lines, "[]"]))
    result = evaluate(path, "--learner", "priors")
    assert result.exit_code == 0, result.output
    assert "2 records left out, as in the service; first: line 1: " in result.stderr
    assert json.loads(result.stdout)["messages"] == len(lines)
