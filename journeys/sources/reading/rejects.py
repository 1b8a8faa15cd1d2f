"""Rows that could not be read: the reason, the place, and the text itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from journeys.sources.reading.spill import SpillBuffer

__all__ = ["PLACE", "PROBLEM", "RAW", "Reject", "Rejects"]

PROBLEM, PLACE, RAW = "_problem", "_place", "_raw"
SHOWN = 256
Reject = tuple[str, str, str]
"""Reason, place (file and line), and the start of the text."""


class Rejects:
    """The rows of a source that could not be read, which become rows of their own."""

    def __init__(self) -> None:
        self._rows: SpillBuffer[str] = SpillBuffer()

    def add(self, rejects: Sequence[Reject]) -> None:
        """Add rows."""
        shortened = [(reason, place, text[:SHOWN]) for reason, place, text in rejects]
        schema = dict.fromkeys((PROBLEM, PLACE, RAW), pl.String())
        self._rows.add(pl.DataFrame(shortened, schema=schema, orient="row"), mark="rejects")

    def add_file(self, path: Path, reason: object) -> None:
        """Add a file that could not be read, or not to its end."""
        self.add([(f"unreadable file: {str(reason).splitlines()[0]}"[:120], str(path), "")])

    def tables(self) -> list[pl.LazyFrame]:
        """List the rows as tables: one, or none."""
        return [rows for _, rows in self._rows.tables()]
