"""The command line: one file per command. `ithaca` is `stream.cli.main`."""
