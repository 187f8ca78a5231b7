"""`ithaca learners`, `encoders` and `schema`: the catalogues, read without importing the classes."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from stream.cli.console import UsageError, examples

if TYPE_CHECKING:
    from drift.core import Registry

app = typer.Typer()

SCHEMAS = Path(__file__).parents[1] / "records" / "schemas"
Name = Annotated[str | None, typer.Argument(metavar="NAME", help="One of them, to be shown in full.")]


@app.command(epilog=examples("ithaca learners", "ithaca learners ihomer"))
def learners(name: Name = None) -> None:
    """List the learners, or show one in full."""
    from learners import LEARNERS

    _show(LEARNERS, name)


@app.command(epilog=examples("ithaca encoders", "ithaca encoders hashing"))
def encoders(name: Name = None) -> None:
    """List the encoders, or show one in full."""
    from stream.encoders import ENCODERS

    _show(ENCODERS, name)


@app.command(epilog=examples("ithaca schema", "ithaca schema prediction"))
def schema(name: Annotated[str | None, typer.Argument(metavar="NAME", help="One of them.")] = None) -> None:
    """List the kinds of records, or print the JSON Schema of one."""
    files = {file.stem: file for file in sorted(SCHEMAS.glob("*.json"))}
    if name is None:
        typer.echo("\n".join(files))
    elif name in files:
        typer.echo(files[name].read_text(encoding="utf-8"), nl=False)
    else:
        raise UsageError(f"There is no kind of record named {name!r}. There are {', '.join(files)}.")


class _Maker(NamedTuple):
    """A class or function of a catalogue: its docstring, and its parameters as in the source."""

    docstring: str
    parameters: list[str]


def _show(catalogue: Registry[Any], name: str | None) -> None:
    if name is None:
        for each in catalogue:
            typer.echo(_entry(each, _maker(catalogue, each)))
        typer.echo(f"\nParameters are given as in --{catalogue.kind} 'NAME(parameter=value)'.")
    elif name in catalogue:
        maker = _maker(catalogue, name)
        typer.echo(f"{name}({', '.join(maker.parameters)})\n")
        # Examples are Python code, of no use on the command line.
        typer.echo(re.split(r"\n\nExamples\n-+\n", maker.docstring)[0])
    else:
        from drift.core import suggestion

        raise UsageError(f"There is no {catalogue.kind} named {name!r}. {suggestion(name, catalogue)}")


def _entry(name: str, maker: _Maker) -> str:
    summary = maker.docstring.partition("\n\n")[0]
    width, indent = max(40, shutil.get_terminal_size().columns), "    "
    lines = textwrap.wrap(f"{name}: {summary}", width, subsequent_indent=indent)
    parameters = ", ".join(maker.parameters)
    return "\n".join(
        lines + textwrap.wrap(parameters, width, initial_indent=indent, subsequent_indent=indent)
    )


def _maker(catalogue: Registry[Any], name: str) -> _Maker:
    place = catalogue.place(name)
    if place is not None:
        return _read(place)
    maker = catalogue[name]
    parameters = inspect.signature(maker).parameters.values()
    # Without annotations, which the command line does not need.
    return _Maker(
        inspect.getdoc(maker) or "", [str(each.replace(annotation=each.empty)) for each in parameters]
    )


def _read(place: str) -> _Maker:
    """Read what is at "module:attribute" from its source: importing torch and river takes seconds."""
    module, _, attribute = place.partition(":")
    spec = importlib.util.find_spec(module)
    assert spec is not None
    path = Path(str(spec.origin))
    while True:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and any(each.name == attribute for each in node.names):
                path = path.with_name(f"{str(node.module).rpartition('.')[2]}.py")
                break
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == attribute:
                return _Maker(ast.get_docstring(node) or "", _parameters(node))
        else:
            raise LookupError(f"There is no {attribute} in {path}.")


def _parameters(node: ast.ClassDef | ast.FunctionDef) -> list[str]:
    if isinstance(node, ast.ClassDef):
        made = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
        return _parameters(made[0])[1:] if made else []
    arguments = node.args
    defaults = [*[None] * (len(arguments.args) - len(arguments.defaults)), *arguments.defaults]
    return [
        each.arg if default is None else f"{each.arg}={ast.unparse(default)}"
        for each, default in zip(
            [*arguments.args, *arguments.kwonlyargs], [*defaults, *arguments.kw_defaults], strict=True
        )
    ]
