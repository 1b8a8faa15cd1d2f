"""A cell of the table → its people."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from journeys.analyses.labels import filter_group
from journeys.analyses.retention.count import came_back, find_retained
from journeys.analyses.retention.spec import RetentionSpec
from journeys.log import View


@dataclass(frozen=True, eq=False, slots=True)
class RetentionCell:
    """Which people: of a cohort (None: all), who came back in a period or did not (None: both), in a group."""

    spec: RetentionSpec
    cohort: int | None
    period: int
    came: bool | None
    group: str | None
    kept: tuple[str | None, ...] | None


def select_cell(view: View, selection: RetentionCell) -> pl.Series:
    """Return the codes of the people in a cell."""
    retained = find_retained(view, selection.spec)
    entries = retained.entries.with_row_index("entry")
    if selection.cohort is not None:
        entries = entries.filter(pl.col("cohort") == selection.cohort)
    entries = filter_group(entries, selection.group, kept=selection.kept)
    if selection.came is not None:
        cells = came_back(retained.back, selection.spec).filter(pl.col("period") == selection.period)
        entries = entries.join(cells, on="entry", how="semi" if selection.came else "anti")
    return entries["person"].unique().sort()
