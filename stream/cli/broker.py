"""`ithaca broker start|stop|status`: a broker for use at a terminal."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from stream.cli.console import Failure, Group, examples

if TYPE_CHECKING:
    from stream.broker import Process

app = typer.Typer(
    name="broker",
    help="A broker on this machine, for development.",
    epilog=examples('eval "$(ithaca broker start)"'),
    cls=Group,
)


class Running(msgspec.Struct, frozen=True):
    """What is stored about the broker that was started: enough to find this process and no other."""

    kind: str
    address: str
    data: str
    pid: int
    birth: str

    @property
    def process(self) -> Process:
        """The broker's process."""
        from stream.broker import Process

        return Process(self.pid, self.birth)


def state_folder() -> Path:
    """Return the folder of that file and, by default, of the broker's data."""
    from stream.config import state_home

    return state_home() / "broker"


def _remembered() -> Running | None:
    try:
        return msgspec.json.decode((state_folder() / "running.json").read_bytes(), type=Running)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def _remember(running: Running) -> None:
    folder = state_folder()
    folder.mkdir(parents=True, exist_ok=True)
    # By renaming, so that no reader sees half of it.
    fresh = folder / f"running.{os.getpid()}"
    fresh.write_bytes(msgspec.json.encode(running))
    fresh.replace(folder / "running.json")


def _forget() -> None:
    with contextlib.suppress(FileNotFoundError):
        (state_folder() / "running.json").unlink()


@app.command(epilog=examples('eval "$(ithaca broker start)"', "ithaca broker start --port 9092"))
def start(
    data: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder for its data; kept when it stops.")
    ] = None,
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65_535, help="Loopback port; 0: a free one.")
    ] = 0,
) -> None:
    """Start a broker and print its address.

    Apache Kafka where there are Java and Maven, else the embedded one.
    """
    from stream.broker import LocalBroker, choose

    running = _remembered()
    if running and running.process.alive():
        typer.echo(
            f"a broker runs already: {running.kind}, pid {running.pid}, data in {running.data}", err=True
        )
        _print_address(running.address)
        return
    folder = (data or state_folder()).resolve()
    broker = choose(folder, port, outlives_us=True)
    if isinstance(broker, LocalBroker):
        assert broker.process is not None
        _remember(Running(broker.kind, broker.address, str(broker.data), *broker.process))
        typer.echo(f"started: {broker.kind}, pid {broker.process.pid}, data in {broker.data}", err=True)
    else:
        typer.echo("nothing to start: the environment names a broker", err=True)
    _print_address(broker.address)


@app.command(epilog=examples("ithaca broker stop"))
def stop() -> None:
    """Stop the broker that `start` started; its data stays."""
    from stream.broker import STOP_SECONDS

    running = _started()
    if not running.process.alive():
        _forget()
        raise Failure(
            f"The broker with pid {running.pid} had ended already. Its log: {running.data}/broker.log"
        )
    running.process.stop(STOP_SECONDS)
    _forget()
    typer.echo(f"stopped: {running.kind}, pid {running.pid}", err=True)


@app.command(epilog=examples("ithaca broker status"))
def status() -> None:
    """Say whether the broker that `start` started answers.

    The exit status is 1 if it does not.
    """
    from stream.broker import answers

    running = _started()
    if not running.process.alive():
        raise Failure(f"The broker with pid {running.pid} has ended. Its log: {running.data}/broker.log")
    state = f"{running.kind}, pid {running.pid}, data in {running.data}"
    if not answers(running.address):
        raise Failure(f"The broker runs but does not answer at {running.address}: {state}. Start it anew.")
    typer.echo(f"runs: {state}", err=True)
    _print_address(running.address)


def _started() -> Running:
    running = _remembered()
    if running is None:
        raise Failure("No broker was started. `ithaca broker start` starts one.")
    return running


def _print_address(address: str) -> None:
    from stream.broker import ADDRESS_VARIABLE

    # Nothing else goes to standard output, so that `eval "$(ithaca broker start)"` works.
    typer.echo(f"export {ADDRESS_VARIABLE}={address}")
