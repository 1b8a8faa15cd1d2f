"""One shard → how many people were active on how many days of each period."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from journeys.analyses.calendar import Calendar
from journeys.log import View
from journeys.steps import Step, columns_used


@dataclass(frozen=True, eq=False, slots=True)
class StickinessSpec:
    """The options of stickiness, checked: the event, the short periods counted, and the long ones that hold them."""

    event: Step
    every: Calendar
    of: Calendar


def count(view: View, spec: StickinessSpec) -> pl.DataFrame:
    """Count `people` by `period` (number of the long period) and `days` (short periods with an event)."""
    counts = find_days(view, spec).group_by("period", "days").agg(pl.len().cast(pl.Int64).alias("people"))
    return counts.sort("period", "days")


def find_days(view: View, spec: StickinessSpec) -> pl.DataFrame:
    """Return `person`, `period` and `days`, one row per person and long period with an event."""
    rows = view.with_people_columns(columns_used([spec.event])).events
    time = pl.col("timestamp")
    active = rows.filter(spec.event.condition.fill_null(value=False)).select(
        "person", period=spec.of.index(time), day=spec.every.index(time)
    )
    days = active.unique().group_by("person", "period").agg(pl.len().cast(pl.Int64).alias("days"))
    return days.collect().sort("person", "period")
