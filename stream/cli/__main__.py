"""Where `ithaca` begins, and `python -m stream.cli` too."""

import sys

INTERRUPTED = 130
"""Exit status after Ctrl-C."""


def main() -> None:
    """Run the command line; Ctrl-C ends it in silence while its parts are still being imported, too."""
    try:
        from stream.cli.main import app

        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
