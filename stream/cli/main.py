"""The command line: `ithaca COMMAND`. Each command reads its settings and hands over to its module."""

from __future__ import annotations

import typer

from stream.cli import broker as broker_cli
from stream.cli import run as commands
from stream.cli.benchmark import benchmark_command
from stream.cli.dashboard import dashboard
from stream.cli.evaluate import evaluate_command
from stream.cli.snapshot import app as snapshot_app
from stream.cli.taxonomy import app as taxonomy_app

app = typer.Typer(
    name="ithaca",
    help="Labels a stream of events while it learns from it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(broker_cli.app, name="broker")
app.add_typer(snapshot_app, name="snapshot")
app.add_typer(taxonomy_app, name="taxonomy")

app.command()(commands.run)
app.command()(commands.check_config)
app.command()(commands.produce)
app.command()(commands.replay)
app.command("evaluate")(evaluate_command)
app.command("benchmark")(benchmark_command)
app.command()(commands.demo)
app.command()(dashboard)


@app.callback()
def main() -> None:
    """Label a stream of events while learning from it."""
