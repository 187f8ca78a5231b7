"""Which package imports which: the table that is allowed, and what the code does.

`python -m tests.structure` prints the table as the READMEs show it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DISTRIBUTION = ("drift", "learners", "stream")
"""The three packages that are installed."""
ALLOWED: dict[str, str] = {}
LAZY = re.compile(r"(?P<module>(?:drift|learners|stream)(?:\.\w+)*):(?P<name>\w+)")
"""How a registry names what it imports on first use."""


class Import(NamedTuple):
    """One name that a file imports.

    Parameters
    ----------
    file, line
        Where.
    module
        What it is imported from, dotted.
    name
        The name, or None where the module itself is imported.
    """

    file: Path
    line: int
    module: str
    name: str | None

    @property
    def importer(self) -> str:
        """The package of the file."""
        return package_of(".".join(self.file.relative_to(ROOT).with_suffix("").parts))

    @property
    def imported(self) -> str:
        """The package that is imported from; of others' code, its first name."""
        return package_of(self.module)

    def __str__(self) -> str:
        """Say it as a compiler would."""
        what = f"import {self.module}" if self.name is None else f"from {self.module} import {self.name}"
        return f"{self.file.relative_to(ROOT)}:{self.line}: {what}"


def files() -> list[Path]:
    """Return every file of the three packages."""
    return [path for name in DISTRIBUTION for path in sorted((ROOT / name).rglob("*.py"))]


def packages() -> list[str]:
    """Return every package of the three, dotted."""
    return sorted({package_of(".".join(path.relative_to(ROOT).parts[:-1])) for path in files()})


def package_of(module: str) -> str:
    """Return the package that a module of ours is in, at most two names; of others' code the first name."""
    first, *rest = module.split(".")
    if first in DISTRIBUTION and rest and (ROOT / first / rest[0]).is_dir():
        return f"{first}.{rest[0]}"
    return first


def imports() -> Iterator[Import]:
    """Give every import of every file, those inside functions and for type checkers included."""
    for path in files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names=names):
                    yield from (Import(path, node.lineno, each.name, None) for each in names)
                case ast.ImportFrom(module=str(module), level=0, names=names):
                    yield from (Import(path, node.lineno, module, each.name) for each in names)
                case ast.ImportFrom():
                    raise AssertionError(f"{path}:{node.lineno}: a relative import")
                case ast.Constant(value=str(text)) if found := LAZY.fullmatch(text):
                    yield Import(path, node.lineno, found["module"], found["name"])
