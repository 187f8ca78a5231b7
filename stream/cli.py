"""The command line: `ithaca COMMAND`. Each command reads its settings and hands over to its module."""

from __future__ import annotations

import typer

from stream import broker_cli, commands
from stream.benchmark_cli import benchmark_command
from stream.dashboard_cli import dashboard
from stream.evaluate_cli import evaluate_command
from stream.snapshot_cli import app as snapshot_app
from stream.taxonomy_cli import app as taxonomy_app

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


if __name__ == "__main__":
    app()
