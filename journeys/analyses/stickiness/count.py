"""One shard → how many people were active on how many days of each period."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from journeys.analyses.breakdown import name_group
from journeys.analyses.calendar import Calendar
from journeys.analyses.period_lookup import read_active_periods
from journeys.log import View
from journeys.steps import Step


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

    @property
    def group(self) -> str:
        """What the column of the breakdown is called in the table."""
        return name_group(self.by)


def count(view: View, spec: StickinessSpec) -> pl.DataFrame:
    """Count `people` by `period` (number of the long period), `group` (null is no value) and `days`."""
    keys = ["period", "group", "days"]
    return find_days(view, spec).group_by(keys).agg(pl.len().cast(pl.Int64).alias("people")).sort(keys)


def find_days(view: View, spec: StickinessSpec) -> pl.DataFrame:
    """Return `person`, `period`, `group` and `days`, one row per person and long period with an event."""
    active = read_active_periods(view, spec.event, [spec.of, spec.every], by=spec.by)
    in_period = active.group_by("person", "period", maintain_order=True)
    days = in_period.agg(pl.col("group").first(), days=pl.len().cast(pl.Int64))
    return days.sort("person", "period")
