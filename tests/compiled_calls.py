"""Which compiled functions a fault reaches: its own, and those that call it, for they contain its code."""

from __future__ import annotations

import ast
import functools
from collections import defaultdict

from tests.structure import imports, modules

Function = tuple[str, str]
"""Its module, dotted, and its name."""


def reached(module: str, line: int) -> list[Function]:
    """Return the compiled functions that contain the code of a line of a module.

    A line outside functions is taken to be read by all of its module.

    Examples
    --------
    >>> from tests.structure import modules
    >>> source = modules()["learners.core.labels"].read_text().splitlines()
    >>> reached("learners.core.labels", 1 + source.index("@compiled"))[0][0]
    'learners.core.labels'
    >>> reached("drift.core.state", 20)
    []
    """
    around = [node for node in _functions(module) if _first(node) <= line <= (node.end_lineno or 0)]
    found = dict.fromkeys((module, node.name) for node in around or _functions(module) if _compiled(node))
    waiting = list(found)
    for function in waiting:
        new = [caller for caller in _callers()[function] if caller not in found]
        found |= dict.fromkeys(new)
        waiting += new
    return waiting


@functools.cache
def _callers() -> dict[Function, list[Function]]:
    origins = {(each.importer, each.name): (each.module, each.name) for each in imports() if each.name}
    callers: dict[Function, list[Function]] = defaultdict(list)
    for module in modules():
        for node in filter(_compiled, _functions(module)):
            for name in sorted({each.id for each in ast.walk(node) if isinstance(each, ast.Name)}):
                called = (module, name)
                while called in origins:
                    called = origins[called]
                callers[called].append((module, node.name))
    return callers


@functools.cache
def _functions(module: str) -> tuple[ast.FunctionDef, ...]:
    """Return the functions of a module, methods among them."""
    tree = ast.parse(modules()[module].read_bytes())
    return tuple(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _compiled(node: ast.FunctionDef) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "compiled" for each in node.decorator_list)


def _first(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])
