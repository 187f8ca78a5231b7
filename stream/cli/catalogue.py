"""`ithaca learners` and `ithaca encoders`: what there is by name, read off the classes themselves."""

from __future__ import annotations

import inspect
import re
import shutil
import textwrap
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from stream.cli.console import UsageError, examples

app = typer.Typer()

Name = Annotated[str | None, typer.Argument(help="One of them, to be shown in full.")]


@app.command(epilog=examples("ithaca learners", "ithaca learners ihomer"))
def learners(name: Name = None) -> None:
    """List the learners with their parameters and defaults, or show one in full."""
    from learners import LEARNERS

    _show(LEARNERS, "learner", name)


@app.command(epilog=examples("ithaca encoders", "ithaca encoders hashing"))
def encoders(name: Name = None) -> None:
    """List the encoders with their parameters and defaults, or show one in full."""
    from stream.encoders import ENCODERS

    _show(ENCODERS, "encoder", name)


def _show(catalogue: Mapping[str, Callable[..., Any]], kind: str, name: str | None) -> None:
    if name is None:
        width = max(40, shutil.get_terminal_size().columns)
        for each in catalogue:
            typer.echo(_entry(each, catalogue[each], width))
        return
    if name not in catalogue:
        raise UsageError(unknown(kind, name, catalogue))
    maker = catalogue[name]
    typer.echo(f"{_call(name, maker)}\n")
    # The examples are for Python.
    typer.echo(re.split(r"\n\nExamples\n-+\n", inspect.getdoc(maker) or "")[0])


def _entry(name: str, maker: Callable[..., Any], width: int) -> str:
    summary = (inspect.getdoc(maker) or "").partition("\n\n")[0].replace("\n", " ")
    text = textwrap.fill(f"{name}: {summary}", width, subsequent_indent="    ")
    parameters = ", ".join(map(_parameter, inspect.signature(maker).parameters.values()))
    indent = "    "
    return f"{text}\n{textwrap.fill(parameters, width, initial_indent=indent, subsequent_indent=indent)}".rstrip()


def _call(name: str, maker: Callable[..., Any]) -> str:
    parameters = ", ".join(map(_parameter, inspect.signature(maker).parameters.values()))
    return f"{name}({parameters})"


def _parameter(parameter: inspect.Parameter) -> str:
    if parameter.default is inspect.Parameter.empty:
        return parameter.name
    return f"{parameter.name}={parameter.default!r}"
