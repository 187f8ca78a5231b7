"""The command line as a person meets it: help, examples, errors, exit codes."""

from __future__ import annotations

import errno
import importlib.metadata
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

import stream
from stream.cli import console, main, produce


def commands(group: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command and group with the words that call it."""
    yield names, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, *names, name)


ALL = dict(commands(typer.main.get_command(main.app)))


def examples_of(command: Any) -> list[str]:
    """Return the examples that a command's help ends with."""
    return [line.strip() for line in (command.epilog or "").splitlines()[2:]]


EXAMPLES = sorted({line for command in ALL.values() for line in examples_of(command)})


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("ITHACA_")]:
        monkeypatch.delenv(variable)


def ithaca(*arguments: str, **environment: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main.app, arguments, env=environment)


@pytest.mark.parametrize("names", ALL, ids=str)
def test_help_has_examples_and_fits_any_terminal(names: tuple[str, ...]) -> None:
    """Every help says what the command does, shows examples, and keeps them whole on a narrow terminal."""
    for columns in ("40", "200"):
        result = ithaca(*names, "--help", COLUMNS=columns)
        assert result.exit_code == 0, result.output
        assert result.stdout.isascii()
        (*_, shown) = result.stdout.partition("Examples:")
        assert shown.split("\n")[1:-1] == [f"    {line}" for line in examples_of(ALL[names])]
        assert shown.strip()


@pytest.mark.parametrize("line", EXAMPLES)
def test_examples_are_commands_that_there_are(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parser takes every example; the files that they name are there."""
    monkeypatch.chdir(tmp_path)
    for name in ("events.jsonl", "events.jsonl.gz", "emotions.arff", "proposals.json"):
        (tmp_path / name).touch()
    found = re.fullmatch(r'(?:eval "\$\()?ithaca (.*?)(?:\)")?(?: > \S+)?', line)
    assert found is not None
    words = shlex.split(found[1])
    command: Any = typer.main.get_command(main.app)
    called: list[str] = []
    context = command.make_context("ithaca", list(words))
    while getattr(command, "commands", None):
        rest = [*context._protected_args, *context.args]
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
        called.append(name)
    assert tuple(called) in ALL
    for option in ("learner", "encoder"):
        written = context.params.get(option) or ()
        for text in [written] if isinstance(written, str) else written:
            assert made(option, text) is not None


def made(option: str, text: str) -> object:
    """Return the learner or the encoder that is written so."""
    from stream.evaluation import encoder_of, learner_of

    return (learner_of if option == "learner" else encoder_of)(text)


def test_version() -> None:
    """It is the distribution's."""
    result = ithaca("--version")
    assert (result.exit_code, result.stdout) == (0, f"ithaca {stream.__version__}\n")
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", stream.__version__)


def test_version_of_a_source_tree_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read off the project file."""

    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    installed = stream.__version__
    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert stream._version() == installed


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["evaluat"], 2, "No such command 'evaluat'. Did you mean 'evaluate'? See `ithaca --help`."),
        (["broker", "strat"], 2, "Did you mean 'start'"),
        (
            ["run", "--strem", "x"],
            2,
            "No such option: --strem. Did you mean '--stream'? See `ithaca run --help`.",
        ),
        (["evaluate"], 2, "Missing argument"),
        (["demo", "--events", "-1"], 2, "should be greater than or equal to 0"),
        (["produce", "nowhere.jsonl"], 2, "'nowhere.jsonl' does not exist"),
        (["run", "--config", "nowhere.toml"], 2, "nowhere.toml cannot be read: No such file"),
        (["check-config", "--stream", "a b"], 2, "The setting stream cannot be 'a b'"),
        (["replay", "--from", "yesterday"], 2, "--from is 'yesterday'; write an offset"),
        (["replay", "--out", "a", "--out-topic", "b"], 2, "--out and --out-topic exclude each other"),
        (
            ["replay", "--learner", "knn(kk=3)"],
            2,
            "has no parameter 'kk'. Did you mean 'k'? It takes 'k', 'window', 'enough', 'max_labels'.",
        ),
        (["learners", "ihomre"], 2, "There is no learner named 'ihomre'. Did you mean 'ihomer'?"),
        (["encoders", "hash"], 2, "There is no encoder named 'hash'. Did you mean 'hashing'?"),
        (["broker", "stop"], 1, "No broker was started. `ithaca broker start` starts one."),
        (["taxonomy", "show"], 1, "There is no snapshot of group"),
    ],
)
def test_an_error_is_a_line_in_one_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, sentence: str
) -> None:
    """On standard error alone; 2 for what is written wrongly, 1 for what cannot be done."""
    monkeypatch.chdir(tmp_path)
    result = ithaca(*arguments, XDG_STATE_HOME=str(tmp_path))
    assert result.exit_code == status, result.output
    assert result.stderr.startswith("ithaca: ")
    assert result.stderr.count("\n") == 1
    assert sentence in result.stderr
    assert result.stdout == ""


def test_a_group_without_a_command_shows_its_help() -> None:
    """It is wrong usage all the same."""
    for group in ([], ["broker"]):
        result = ithaca(*group)
        assert result.exit_code == 2
        assert result.stderr.startswith("Usage: ithaca")


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (console.Failure("Nothing. Try again."), 1, "ithaca: Nothing. Try again.\n"),
        (PermissionError(13, "Permission denied", "out"), 1, "ithaca: out: Permission denied.\n"),
        (
            OSError(errno.EMFILE, "Too many open files"),
            1,
            "ithaca: Too many open files. Allow the process more of them: `ulimit -n 4096`.\n",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            1,
            "ithaca: No space left on device. Make room, or write elsewhere.\n",
        ),
    ],
)
def test_what_ends_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: BaseException, status: int, said: str
) -> None:
    """Ctrl-C says nothing; what can be expected is said in a line."""
    monkeypatch.setattr(produce, "load_settings", throwing(raised))
    path = tmp_path / "events.jsonl"
    path.touch()
    result = ithaca("produce", str(path))
    assert (result.exit_code, result.stderr) == (status, said)


@pytest.mark.parametrize(
    "begins", [["-m", "stream.cli"], ["-c", "import stream.cli.__main__ as m; m.main()"]]
)
def test_ctrl_c_while_it_is_imported_ends_it_in_silence(tmp_path: Path, begins: list[str]) -> None:
    """In the middle of a library's import, which takes a second where files are cold."""
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[3])])
    ended = subprocess.run(
        [sys.executable, "-P", *begins],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_ctrl_c_once_more_as_it_ends_changes_nothing_of_the_status(tmp_path: Path) -> None:
    """The interpreter takes a tenth of a second to stop, in which somebody impatient may press it again."""
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, os, signal\natexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))\n"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[3])])
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "stream.cli", "--version"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def throwing(error: BaseException) -> Any:
    """Return a function that throws."""

    def throw(*arguments: object) -> None:
        raise error

    return throw


def test_an_error_of_the_program_keeps_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody expects it, and whoever repairs it needs to know where it was."""
    monkeypatch.setattr(produce, "load_settings", throwing(ValueError("shapes do not match")))
    path = tmp_path / "events.jsonl"
    path.touch()
    assert isinstance(ithaca("produce", str(path)).exception, ValueError)


def test_help_imports_nothing_that_takes_long() -> None:
    """As a process of its own, in the plainest locale, without what learns, Kafka or pydantic."""
    program = (
        "import sys, runpy\n"
        "sys.argv = ['ithaca', '--help']\n"
        "try:\n"
        "    runpy.run_module('stream.cli', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0\n"
        "slow = {'torch', 'numpy', 'numba', 'river', 'kafka', 'pydantic', 'rich'}\n"
        "assert not slow & set(sys.modules), slow & set(sys.modules)\n"
    )
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: ithaca" in done.stdout


def test_an_encoding_that_lacks_a_character_ends_no_work(tmp_path: Path) -> None:
    """Under `LC_ALL=C` the table's κ is a question mark; it was a traceback behind all the work."""
    file = tmp_path / "events.jsonl"
    file.write_text(5 * '{"id": "1", "ts": 0, "vector": [1.0, 2.0], "labels": ["a"]}\n')
    command = [sys.executable, "-m", "stream.cli", "evaluate", str(file), "--learner", "priors"]
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(command, env=os.environ | plain, capture_output=True, text=True, check=False)
    assert (done.returncode, "Error" in done.stderr) == (0, False), done.stderr
    assert "? temp." in done.stdout
