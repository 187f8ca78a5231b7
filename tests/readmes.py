"""Reads the READMEs for tests: fenced blocks, headings, tables, and whether a command exists."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from stream.cli.main import app
from stream.config import load
from tests.tables import READMES, ROOT

DOCUMENTS = (*READMES, ROOT / "CHANGELOG.md")
FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.M | re.S)


class Block(NamedTuple):
    """A fenced block: its position, its language, the rest of its info string, and its text."""

    file: Path
    line: int
    language: str
    info: str
    text: str

    def __str__(self) -> str:
        """Name it in a test's id."""
        return f"{self.file.relative_to(ROOT)}:{self.line}"


@functools.cache
def blocks() -> tuple[Block, ...]:
    """Return every fenced block of every document."""
    found = []
    for file in DOCUMENTS:
        text = file.read_text()
        for fence in FENCE.finditer(text):
            language, _, info = fence["info"].partition(" ")
            found.append(Block(file, text[: fence.start()].count("\n") + 1, language, info, fence["text"]))
    return tuple(found)


def blocks_of(language: str) -> list[Block]:
    """Return the blocks in a language."""
    return [block for block in blocks() if block.language == language]


def commands(block: Block) -> Iterator[list[str]]:
    """Yield a shell block's commands as words; continued lines are joined, `&&` separates them."""
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        for part, of in itertools.groupby(words, lambda word: word == "&&"):
            if not part:
                yield list(of)


def anchors(file: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub names them."""
    heads = re.findall(r"^#+ (.*)$", FENCE.sub("", file.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def first_column(file: str, head: str) -> list[str]:
    """Return the names in the first column of the table with this head."""
    lines = iter((ROOT / file).read_text().splitlines())
    assert any(line.startswith(f"| {head} |") for line in lines), head
    next(lines)
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


def parsed(words: list[str]) -> str:
    """Check a command of Ithaca against the command line and return its name."""
    command: Any = typer.main.get_command(app)
    context: Any = None
    name = "ithaca"
    while True:
        context = command.make_context(name, words, parent=context)
        if not hasattr(command, "resolve_command"):
            return str(context.command_path).split(" ", 1)[1]
        rest = [*context._protected_args, *context.args]
        name, command, words = command.resolve_command(context, rest)


def check(words: list[str], environment: pytest.MonkeyPatch) -> None:
    """Check that everything a command names exists."""
    program, *rest = words
    program = program.removeprefix(".venv/bin/")
    if program == "ithaca":
        parsed(globbed(rest))
    elif program == "python":
        assert rest[0] == "-m", words
        if rest[1] == "pytest":
            assert all((ROOT / path).exists() for path in rest[2:] if path.startswith(("tests", "learners")))
            return
        spec = importlib.util.find_spec(rest[1])
        assert spec is not None, words
        assert spec.origin is not None
        source = Path(spec.origin).with_name("__main__.py" if spec.submodule_search_locations else spec.name)
        text = (source if source.exists() else Path(spec.origin)).read_text()
        assert all(option.lstrip("-") in text for option in rest[2:] if option.startswith("--")), words
    elif program == "make":
        makefile = (ROOT / "Makefile").read_text()
        for word in rest:
            name, equals, _ = word.partition("=")
            assert re.search(rf"^{name} \?=" if equals else rf"^{name}:", makefile, re.M), word
    elif program == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        assert {extra for word in rest for extra in re.findall(r"\[(\w+)\]", word)} <= set(extras)
    elif program == "export":
        name, _, value = rest[0].partition("=")
        environment.setenv(name, value)
        load(None)
    elif program == "eval":
        inner = re.fullmatch(r"\$\((.*)\)", rest[0])
        assert inner is not None
        check(shlex.split(inner[1]), environment)
    elif program == "docker":
        assert all((ROOT / word).exists() for word in rest if word.startswith("deploy/"))
    else:
        assert program in ("git", "cd"), f"{program}: say in {__file__} how it is checked"


def globbed(words: list[str]) -> list[str]:
    """Return words as a shell passes them on: patterns are expanded, redirections removed."""
    redirected = words[: words.index(">")] if ">" in words else words
    return [
        each
        for word in redirected
        for each in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
    ]
