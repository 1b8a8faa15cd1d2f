"""A point of the trend → its people."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from journeys.analyses.trend.count import find_events
from journeys.analyses.trend.spec import TrendSpec
from journeys.log import View


@dataclass(frozen=True, eq=False, slots=True)
class PointSelection:
    """Which people: with an event of a series (None: any) in a period (None: any), in a group."""

    spec: TrendSpec
    series: str | None
    period: int | None
    group: str | None


def select_point(view: View, selection: PointSelection) -> pl.Series:
    """Return the codes of the people behind a point; with a trailing window, of all its days."""
    events = find_events(view, selection.spec)
    rows = pl.concat(events.values()) if selection.series is None else events[selection.series]
    if selection.period is not None:
        days = selection.spec.trailing or 1
        rows = rows.filter(pl.col("period").is_between(selection.period - days + 1, selection.period))
    if selection.group is not None:
        rows = rows.filter(pl.col("group") == selection.group)
    return rows["person"].unique().sort()
