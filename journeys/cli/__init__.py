"""The `journeys` command: a demonstration, a report on your own files, and a check of them."""

from journeys.cli.parser import main

__all__ = ["main"]
