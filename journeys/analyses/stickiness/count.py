"""One shard → how many people were active on how many days of each period."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from journeys.analyses.breakdown import group_of_events
from journeys.analyses.calendar import Calendar
from journeys.log import View
from journeys.steps import Step, columns_used


@dataclass(frozen=True, eq=False, slots=True)
class StickinessSpec:
    """The options of stickiness, checked.

    Attributes
    ----------
    event : Step
        The event that makes a person active.
    every, of : Calendar
        The short periods that are counted, and the long ones that hold them.
    by : str, optional
        The column whose value at a person's first event in a long period forms groups.
    top : int, optional
        How many groups are shown.
    """

    event: Step
    every: Calendar
    of: Calendar
    by: str | None = None
    top: int | None = None


def count(view: View, spec: StickinessSpec) -> pl.DataFrame:
    """Count `people` by `period` (number of the long period), `group` (null is no value) and `days`."""
    keys = ["period", "group", "days"]
    return find_days(view, spec).group_by(keys).agg(pl.len().cast(pl.Int64).alias("people")).sort(keys)


def find_days(view: View, spec: StickinessSpec) -> pl.DataFrame:
    """Return `person`, `period`, `group` and `days`, one row per person and long period with an event."""
    view, group = group_of_events(view.with_people_columns(columns_used([spec.event])), spec.by)
    time = pl.col("timestamp")
    # groups by a first campaign depend on the rows before: they are read before rows are left out
    rows = view.events.with_columns(group.alias("__group")).filter(spec.event.condition.fill_null(value=False))
    active = rows.select("person", period=spec.of.index(time), day=spec.every.index(time), group="__group").collect()
    first = active.unique(["person", "period"], keep="first", maintain_order=True).select("person", "period", "group")
    days = active.group_by("person", "period").agg(pl.col("day").n_unique().cast(pl.Int64).alias("days"))
    return days.join(first, on=["person", "period"], how="left").sort("person", "period")
