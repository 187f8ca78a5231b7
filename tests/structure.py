"""Which package imports which: the imports that are allowed, and those in the code.

The READMEs show them; see `tests.tables`. `python -m tests.structure` prints the names that each package
exports, in the form of tests/public_surface.txt.
"""

from __future__ import annotations

import ast
import functools
import importlib
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
OURS = ("drift", "learners", "stream")
"""The top-level packages; those inside them are called packages here."""

ARROWS = {
    "drift": "",
    "drift.core": "",
    "drift.detectors": "drift.core",
    "drift.statistics": "drift.core",
    "drift.alarms": "drift.core drift.detectors drift.statistics",
    "drift.monitors": "drift.alarms drift.core drift.statistics",
    "learners.core": "drift.core",
    "learners.cluster": "drift.core learners.core",
    "learners.dummy": "drift.core learners.core",
    "learners.memory": "drift.core learners.core",
    "learners.preprocessing": "drift.core",
    "learners.neighbors": "drift.core learners.core learners.memory learners.preprocessing",
    "learners.uncertainty": "drift.core learners.core",
    "learners.wrappers": "drift.core learners.core learners.preprocessing",
    "learners.published": "learners.wrappers",
    "learners.linear_model": "drift.core learners.core learners.dummy",
    "learners.extreme": "drift.core learners.core learners.linear_model learners.preprocessing",
    "learners.tree": "drift.core drift.detectors learners.core learners.dummy learners.linear_model "
    "learners.preprocessing",
    "learners.ensemble": "drift.core learners.cluster learners.core learners.dummy learners.linear_model "
    "learners.memory learners.neighbors learners.preprocessing learners.tree",
    "learners.hierarchy": "drift.core learners.core learners.dummy learners.ensemble learners.linear_model "
    "learners.memory learners.neighbors",
    "learners.metrics": "drift.core learners.core learners.hierarchy",
    "learners": "drift.core learners.cluster learners.core learners.dummy learners.ensemble learners.extreme "
    "learners.hierarchy learners.linear_model learners.metrics learners.neighbors learners.published "
    "learners.tree learners.uncertainty learners.wrappers",
    "stream": "",
    "stream.broker": "",
    "stream.config": "stream",
    "stream.records": "drift.alarms learners.core learners.uncertainty",
    "stream.sources": "drift.core learners.core stream.records",
    "stream.encoders": "drift.core learners.core learners.extreme stream.records",
    "stream.kafka": "stream.config stream.records",
    "stream.pipeline": "drift.alarms drift.core drift.monitors learners learners.core learners.ensemble "
    "learners.metrics learners.uncertainty learners.wrappers stream.config stream.encoders stream.records",
    "stream.snapshot": "drift.alarms drift.core drift.statistics learners.core learners.ensemble "
    "learners.hierarchy learners.linear_model learners.neighbors stream stream.config stream.kafka "
    "stream.pipeline stream.records",
    "stream.testing": "stream.pipeline stream.records stream.snapshot",
    "stream.monitoring": "drift.alarms learners.metrics stream.config stream.kafka stream.pipeline "
    "stream.records stream.snapshot",
    "stream.evaluation": "drift.core drift.monitors learners learners.core learners.metrics stream.config "
    "stream.encoders stream.pipeline stream.records stream.sources",
    "stream.replay": "drift.core learners.metrics stream.config stream.kafka stream.pipeline stream.records",
    "stream.taxonomy": "learners.core learners.hierarchy learners.metrics stream.config stream.records "
    "stream.snapshot",
    "stream.actions": "stream.config stream.kafka stream.records stream.taxonomy",
    "stream.dashboard": "drift.alarms stream.actions stream.kafka stream.monitoring stream.pipeline "
    "stream.records",
    "stream.telemetry": "drift.alarms learners.core learners.metrics learners.uncertainty stream.encoders "
    "stream.pipeline stream.records stream.snapshot",
    "stream.worker": "stream stream.config stream.encoders stream.kafka stream.pipeline stream.records "
    "stream.snapshot stream.telemetry",
    "stream.demo": "drift.alarms drift.core learners learners.core learners.metrics stream.broker "
    "stream.config stream.encoders stream.kafka stream.monitoring stream.pipeline stream.records "
    "stream.telemetry stream.worker",
    "stream.cli": "drift.core learners stream stream.actions stream.broker stream.config stream.dashboard "
    "stream.demo stream.encoders stream.evaluation stream.kafka stream.monitoring stream.pipeline "
    "stream.records stream.replay stream.snapshot stream.sources stream.taxonomy stream.telemetry "
    "stream.worker",
}
"""What each package may import; all of that comes before it. `drift`, `learners` and `stream` stand for the
files outside their packages."""

REGISTERED = re.compile(rf"(?P<module>(?:{'|'.join(OURS)})(?:\.\w+)*):(?P<name>\w+)")
"""The form in which a registry names what it imports on first use."""


class Import(NamedTuple):
    """One name that a module imports.

    Parameters
    ----------
    importer, line
        The module, dotted, and the line; a package's `__init__` has the package's name.
    module
        The module that it is imported from, dotted.
    name
        The name; None where the module itself is imported.
    """

    importer: str
    line: int
    module: str
    name: str | None

    @property
    def origin(self) -> str:
        """The module whose code is imported: of a name that is a module of the package, that module."""
        within = f"{self.module}.{self.name}"
        return within if within in modules() else self.module

    @property
    def arrow(self) -> tuple[str, str]:
        """The importing package, and the imported one; for third-party code its first name."""
        return package_of(self.importer), package_of(self.module)

    def __str__(self) -> str:
        """Return position and names in one line."""
        what = f"import {self.module}" if self.name is None else f"from {self.module} import {self.name}"
        return f"{self.importer}, line {self.line}: {what}"


@functools.cache
def modules() -> dict[str, Path]:
    """Return the file of every module of this project by its dotted name."""
    paths = [path for ours in OURS for path in sorted((ROOT / ours).rglob("*.py"))]
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in paths
    }


def packages() -> dict[str, list[str]]:
    """Return the modules of every package of this project by its dotted name."""
    found: dict[str, list[str]] = {}
    for module in modules():
        found.setdefault(package_of(module), []).append(module)
    return found


def package_of(module: str) -> str:
    """Return the package of a module of this project; for third-party code its first name."""
    first, *rest = module.split(".")
    return f"{first}.{rest[0]}" if first in OURS and rest and (ROOT / first / rest[0]).is_dir() else first


@functools.cache
def imports() -> tuple[Import, ...]:
    """Return all imports of this project's modules."""
    return tuple(
        each
        for module, path in modules().items()
        for each in imported(module, path.read_text(encoding="utf-8"))
    )


def imported(importer: str, source: str) -> Iterator[Import]:
    """Yield every import of a module, including those in functions, for type checkers and by a registry."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (Import(importer, node.lineno, each.name, None) for each in names)
            case ast.ImportFrom(module=module, level=level, names=names):
                origin = "." * level + (module or "")
                yield from (Import(importer, node.lineno, origin, each.name) for each in names)
            case ast.Constant(value=str(text)) if found := REGISTERED.fullmatch(text):
                yield Import(importer, node.lineno, found["module"], found["name"])


def surface() -> Iterator[str]:
    """Yield the lines of the list of names that each package exports."""
    for package in ARROWS:
        names = sorted(getattr(importlib.import_module(package), "__all__", ()))
        if names:
            yield f"{package}:"
            yield from textwrap.wrap(" ".join(names), 110, initial_indent="    ", subsequent_indent="    ")


if __name__ == "__main__":
    print(*surface(), sep="\n")
