"""Where `ithaca` begins, and `python -m stream.cli` too."""

import signal
import sys

from stream.cli import INTERRUPTED


def main() -> None:
    """Run the command line; Ctrl-C ends it in silence while its parts are still being imported, too.

    Once a command has ended, another Ctrl-C changes nothing of how: the interpreter takes a while to stop.
    """
    try:
        from stream.cli.main import app

        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
