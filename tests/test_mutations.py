"""Mutants are single faults that are Python, and a test that notices one is told from one that does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import forks, mutations
from tests.compiled_calls import reached
from tests.mutants import mutants
from tests.mutations import _importing, files_testing, main, sample
from tests.structure import OURS, ROOT

SOURCE = b'''"""Not -1 but text."""
import logging
log = logging.getLogger(__name__)
Kind = int | None
def least(a: int | None, b=-2, c=True):
    """Return a < b."""
    log.info("%d", a - b)
    wait(timeout_ms=2)
    if not (a  # The one.
            ) or b is not None:
        return min(a, \xe2\x82\xac := (b), key=None)
    self.a += -b
    raise ValueError(f"{a - b}", 3)
'''


def test_every_kind_of_fault_is_found_where_it_can_be_noticed() -> None:
    """And not in annotations, log lines, docstrings, f-strings, errors and numbers that are chosen."""
    source = SOURCE.replace("\u20ac := ".encode(), b"")
    found = [(each.operator, source[each.start : each.end], each.new) for each in mutants("a.py", source)]
    assert found == [
        ("constant", b"True", "False"),
        ("statement", b"wait(timeout_ms=2)", "pass"),
        ("sign", b"not", ""),
        ("boolean", b"or", "and"),
        ("comparison", b"is not", "is"),
        ("extreme", b"min", "max"),
        ("statement", b"self.a += -b", "pass"),
        ("arithmetic", b"+=", "-="),
        ("sign", b"-", ""),
        ("statement", b'raise ValueError(f"{a - b}", 3)', "pass"),
    ]


def test_what_a_check_is_and_what_stands_for_any_length_stay() -> None:
    """A fault there changes nothing that a test could see."""
    source = b"def f(a): return zip(a.reshape(-1, 2), a, strict=True)"
    assert [(source[each.start : each.end], each.new) for each in mutants("a.py", source)] == [
        (b"2", "(1)"),
        (b"2", "3"),
    ]


def test_times_are_not_told_apart_from_a_moment_later() -> None:
    """Nor is a duration from one that is hardly longer; but before is told from after."""
    source = b"def f(a): return a - time.monotonic() < WAIT_S and a.wait_ms / 1000 == 2 < 3"
    assert [(source[each.start : each.end], each.new) for each in mutants("a.py", source)] == [
        (b"-", "+"),
        (b"and", "or"),
        (b"/", "*"),
        (b"==", "!="),
        (b"2", "(1)"),
        (b"2", "3"),
        (b"<", "<="),
        (b"3", "(2)"),
        (b"3", "4"),
    ]


def test_positions_count_bytes() -> None:
    """A letter of several bytes stands before the fault."""
    source = "a = '\u20ac'; b = a < 'c'\n".encode()
    (mutant,) = mutants("a.py", source)
    assert mutant.applied(source).decode() == "a = '\u20ac'; b = a <= 'c'\n"
    assert mutant.diff(source).splitlines()[0] == "a.py:1 comparison"


def test_what_is_no_python_is_told() -> None:
    """A `break` outside a loop, for instance."""
    source = b"for a in b:\n    pass\n"
    assert not list(mutants("a.py", source))
    (mutant,) = mutants("a.py", b"a < b\n")
    assert mutant.compiles(b"a < b\n")
    assert not mutant._replace(new="< <").compiles(b"a < b\n")


def test_a_sample_follows_from_its_seed() -> None:
    """And is drawn from the given folder."""
    drawn = sample(["drift/statistics"], 5, seed=1)
    assert drawn == sample(["drift/statistics"], 5, seed=1) != sample(["drift/statistics"], 5, seed=2)
    assert all(each.path.startswith("drift/statistics/") for each in drawn)


def test_a_module_has_the_tests_that_mirror_it() -> None:
    """Or its folder, and what uses it; files that import it; and those that hold all of its package."""
    assert files_testing("drift/core/state.py") == [
        "drift/core/state.py",
        "tests/drift/core/test_state.py",
        "tests/drift/core/test_state_file.py",
        "tests/drift/test_parameters.py",
        "tests/drift/test_arithmetic.py",
        "tests/drift/test_states.py",
    ]
    users = {"test_cooccurrence.py", "test_comparison.py", "test_division.py", "test_nearest_clusters.py"}
    found = files_testing("learners/cluster/similarity.py")
    assert users | {"test_similarity.py"} <= {Path(each).name for each in found}
    assert files_testing("learners/ensemble/mixture.py")[1] == "tests/learners/ensemble/test_mixture.py"
    assert "tests/drift/monitors/test_monitors.py" in files_testing("drift/monitors/pairs.py")
    assert all((ROOT / files_testing(f"{top}/__init__.py")[-1]).exists() for top in OURS)


def test_a_module_that_is_imported_from_its_package_is_imported_anew() -> None:
    """`from stream.cli import evaluate` is one; else the command would run the code without the fault."""
    assert {"stream.cli.evaluate", "stream.cli.main"} <= set(_importing("stream.cli.evaluate"))
    assert "tests/stream/cli/test_main.py" in files_testing("stream/cli/evaluate.py")


def test_compiled_functions_contain_those_that_they_call() -> None:
    """By way of others and through packages; a line of no compiled function is in none."""
    source = (ROOT / "drift/statistics/histograms.py").read_text().splitlines()
    line = 1 + next(n for n, each in enumerate(source) if each.startswith("def dispersion("))
    assert reached("drift.statistics.histograms", line)[0] == ("drift.statistics.histograms", "dispersion")
    source = (ROOT / "learners/cluster/similarity.py").read_text().splitlines()
    line = 1 + next(n for n, each in enumerate(source) if each.startswith("def jaccard("))
    found = reached("learners.cluster.similarity", line)
    assert ("learners.cluster.nearest_clusters", "nearest_clusters") in found
    assert ("learners.cluster.cooccurrence", "_count") not in found
    assert reached("learners.cluster.clusters", 190) == []


def test_three_mutants_of_a_small_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The examples in its docstring notice all of them; what was tried is not tried again."""
    monkeypatch.setattr(mutations, "KEPT", tmp_path / "build" / "kept.jsonl")
    shown = ["drift        3 of    3 noticed, 100%", "all          3 of    3 noticed, 100%"]
    tried = ["3 tried"]
    for _ in range(2):
        assert main(["--sample", "3", "--seed", "1", "drift/statistics/budget.py"]) == 0
        told = capsys.readouterr().out.splitlines()
        assert told[-2:] == shown
        assert [line.partition(",")[0] for line in told[:-2]] == tried
        tried = []
        monkeypatch.setattr(mutations.Copy, "noticed_by", None)


def test_what_fails_and_what_hangs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that never ends has noticed something; those after it are not run."""
    (tmp_path / "test_it.py").write_text(
        "def test_good(): pass\ndef test_bad(): assert 0\ndef test_endless():\n    while True: pass\n"
    )
    monkeypatch.setattr(forks, "TIMES", 0.3)
    result = forks.forked(forks.Run(["-c", os.devnull, f"--rootdir={tmp_path}", str(tmp_path)]), {})
    assert result.failed == ["test_it.py::test_bad", "test_it.py::test_endless"]
    assert list(result.seconds) == ["test_it.py::test_good"]
