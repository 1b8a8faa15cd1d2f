"""One shard → how many people were active on how many days of each period."""

from __future__ import annotations

import polars as pl

from journeys.analyses.period_lookup import read_active_periods
from journeys.analyses.stickiness.spec import StickinessSpec
from journeys.log import View


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
