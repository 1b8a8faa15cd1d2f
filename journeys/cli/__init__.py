"""The `journeys` command: reports, checks and answers from one's own files, without writing Python."""

import sys
from collections.abc import Sequence

__all__ = ["main"]

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or what went wrong: 1 refused, 2 not understood, 130 interrupted.

    Parameters
    ----------
    arguments
        The words after `journeys`; those of the command line by default.

    Examples
    --------
    >>> main(["report", "nowhere.csv", "--steps", "Visit > Sign up"])
    1
    """
    try:
        # loading takes half a second, in which the command may be interrupted, too
        from journeys.cli.app import run_command

        return run_command(arguments)
    except KeyboardInterrupt:
        print("journeys: interrupted", file=sys.stderr)
        return _INTERRUPTED
