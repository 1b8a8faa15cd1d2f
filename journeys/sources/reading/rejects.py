"""Rows that could not be read: why, where, and the text itself."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from journeys.sources.reading.spill import SpillBuffer

__all__ = ["PLACE", "PROBLEM", "RAW", "Broken", "add_rejects"]

PROBLEM, PLACE, RAW = "_problem", "_place", "_raw"

Broken = tuple[str, str, str]
"""Reason, place, the text (cut)."""


def add_rejects(rejects: SpillBuffer[str], broken: Sequence[Broken]) -> None:
    """Put rows that could not be read by, as rows of their own."""
    schema = dict.fromkeys((PROBLEM, PLACE, RAW), pl.String())
    rejects.add(pl.DataFrame(broken, schema=schema, orient="row"), mark="broken")
