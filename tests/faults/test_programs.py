"""The programs that run for longer than a test may: each runs, for as short as it can."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import churn
from tests.faults.mutations import MUTATIONS, noticed

ROOT = Path(__file__).parents[2]


def said_by(*command: str) -> str:
    """Run a module to its end in order; return what it printed."""
    ran = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


@pytest.mark.kafka
def test_a_soak_without_faults_checks_every_invariant(kafka: str) -> None:
    """It starts its broker and workers, lets events flow, and ends; `kafka` says whether it can."""
    said = said_by("tests.faults.soak", "--minutes", "0", "--rate", "50")
    assert "every invariant held" in said
    assert re.search(r"(?m)^events in +[1-9]", said), said
    assert re.search(r"(?m)^missing +0$", said), said


def test_churn_says_what_grew(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing can be held against so few events."""
    arguments = ["churn", "--events", "1000", "--learner", "priors", "--every", "0"]
    monkeypatch.setattr(sys, "argv", arguments)
    assert churn.main() in (0, 1)
    said = capsys.readouterr().out
    assert re.search(r"(?m)^ +\d+ s +1,000 events +[\d.]+ MiB \d+ series$", said), said
    assert re.search(r"(?m)^priors: [+-]\S+ MiB in ten minutes, \[\d", said), said


def test_a_mutation_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test that must fail runs on the mutated copy; here one that needs no broker."""
    # The copy has no compiled code yet, and needs none for so few messages.
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    (mutation,) = [each for each in MUTATIONS if each.name == "a snapshot has its name before it is whole"]
    assert noticed(mutation, "127.0.0.1:9") == "test_f8_killed_after_each_piece_of_a_snapshot"


def test_fuzzing_runs(tmp_path: Path) -> None:
    """Where the extra is installed."""
    pytest.importorskip("atheris", reason="pip install 'ithaca[fuzz]' brings the fuzzer")
    assert "Done 100 runs" in said_by("tests.fuzz", "-runs=100", str(tmp_path))
