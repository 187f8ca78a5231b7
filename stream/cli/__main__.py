"""`python -m stream.cli` is `ithaca`."""

from stream.cli.main import app

app()
