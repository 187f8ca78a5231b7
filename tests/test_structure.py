"""The structure of the packages: their imports, public names, and sizes of files and packages."""

from __future__ import annotations

import graphlib
import importlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.structure import ARROWS, OURS, Import, imported, imports, modules, package_of, packages

SURFACE = Path(__file__).with_name("public_surface.txt")
"""The names that each package exports; `python -m tests.structure` generates it."""
LONGEST_FILE, LARGEST_PACKAGE = 350, 14
IMPORT_TORCH = {"learners.extreme", "stream.encoders"}
"""Torch takes seconds to import, so no other package does."""


def between_ours() -> list[Import]:
    """Return the imports between packages of this project."""
    return [each for each in imports() if each.arrow[0] != each.arrow[1] and each.arrow[1] in ARROWS]


def public() -> dict[str, list[str]]:
    """Return the stored names of each package."""
    found: dict[str, list[str]] = {}
    for line in SURFACE.read_text(encoding="utf-8").splitlines():
        if line.endswith(":"):
            names = found[line.removesuffix(":")] = []
        elif line:
            names.extend(line.split())
    return found


def in_lines(each: Iterable[object]) -> str:
    """Return things as lines, for a message."""
    return "\n".join(map(str, each))


def test_every_import_is_found() -> None:
    """Inside a function, for a type checker, of a module, relative, and by a registry."""
    source = """
import numpy as np
from learners.core import Learner, Targets
if TYPE_CHECKING:
    from stream.records import Event
def late():
    import learners.core.base
    from . import near
NAMED = Registry({"extreme": "learners.extreme:ExtremeClassifier", "no": "learners: all"})
"""
    found = sorted(imported("learners.tree.leaves", source), key=lambda each: each.line)
    assert [(each.module, each.name) for each in found] == [
        ("numpy", None),
        ("learners.core", "Learner"),
        ("learners.core", "Targets"),
        ("stream.records", "Event"),
        ("learners.core.base", None),
        (".", "near"),
        ("learners.extreme", "ExtremeClassifier"),
    ]


def test_packages_are_found() -> None:
    """A module is in the package of its folder; the files beside the packages are the distribution's own."""
    assert package_of("learners.core.base") == package_of("learners.core") == "learners.core"
    assert package_of("learners.catalogue") == "learners"
    assert package_of("numpy.linalg") == "numpy"
    assert set(packages()) == set(ARROWS)


def test_imports_are_those_of_the_table() -> None:
    """New imports between packages are first allowed in the table; those no longer used are removed."""
    drawn = {(package, each) for package, allowed in ARROWS.items() for each in allowed.split()}
    surplus = [each for each in between_ours() if each.arrow not in drawn]
    assert not surplus, f"not in tests/structure.py:\n{in_lines(surplus)}"
    assert drawn == {each.arrow for each in between_ours()}


def test_a_package_comes_after_all_that_it_imports() -> None:
    """Packages have no circular imports, and the table lists them from the bottom up."""
    before: set[str] = set()
    for package, allowed in ARROWS.items():
        assert set(allowed.split()) <= before, f"{package} comes before what it imports"
        before.add(package)


def test_the_three_do_not_look_up() -> None:
    """`drift` imports neither of the others; `learners` only arrays, state and detectors of `drift`."""
    for package, allowed in ARROWS.items():
        if not package.startswith("stream"):
            beyond = {each for each in allowed.split() if each.split(".")[0] != package.split(".")[0]}
            assert beyond <= (set() if package.startswith("drift") else {"drift.core", "drift.detectors"})


def test_packages_import_exported_names_alone() -> None:
    """Modules are private to their package, and so are names that its `__all__` lacks."""
    private = [
        each
        for each in between_ours()
        if each.module != each.arrow[1] or each.name not in importlib.import_module(each.module).__all__
    ]
    assert not private, in_lines(private)


def test_modules_import_in_no_circle() -> None:
    """Modules inside a package have no circular imports either."""
    known = modules()
    graph: dict[str, set[str]] = {module: set() for module in known}
    for each in imports():
        submodule = f"{each.module}.{each.name}"
        graph[each.importer].add(submodule if submodule in known else each.module)
    tuple(graphlib.TopologicalSorter(graph).static_order())


def test_imports_are_absolute() -> None:
    """All users of a module can be found by searching for its name."""
    assert not [str(each) for each in imports() if each.module.startswith(".")]


def test_torch_is_imported_where_it_is_needed() -> None:
    """A command that does not compute must not wait for torch."""
    assert {each.arrow[0] for each in imports() if each.arrow[1] == "torch"} == IMPORT_TORCH


def test_files_and_packages_stay_small() -> None:
    """A larger file or package has more than one purpose."""
    long = {
        module: lines
        for module, path in modules().items()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    }
    assert not long
    assert not {package: len(files) for package, files in packages().items() if len(files) > LARGEST_PACKAGE}


@pytest.mark.parametrize("package", ARROWS)
def test_public_names_are_the_stored_ones(package: str) -> None:
    """Public names change on purpose only, together with tests/public_surface.txt."""
    module = importlib.import_module(package)
    names = list(getattr(module, "__all__", ()))
    assert sorted(names) == sorted(public().get(package, []))
    assert len(set(names)) == len(names)
    assert not [name for name in names if not hasattr(module, name)]


def test_every_stored_package_is_one() -> None:
    """The list names no removed package, and each of the three top-level packages has its own part."""
    assert set(public()) <= set(ARROWS)
    assert {package.split(".")[0] for package in public()} == set(OURS)
