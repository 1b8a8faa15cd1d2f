"""The `journeys` command: reports, checks and answers from one's own files, without writing Python."""

from journeys.cli.app import main

__all__ = ["main"]
