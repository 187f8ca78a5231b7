"""The command line: one file a command. `ithaca` is `stream.cli.main`."""
