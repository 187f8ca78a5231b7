"""The command line: one file per command. `ithaca` is `stream.cli.__main__`."""

INTERRUPTED = 130
"""Exit status after Ctrl-C."""
