"""One shard → events, people and sessions per series, group and period."""

from __future__ import annotations

import polars as pl

from journeys.analyses.breakdown import group_of_events
from journeys.analyses.labels import fold_values
from journeys.analyses.trend.spec import TrendSpec
from journeys.log import View
from journeys.log.core import starts_session
from journeys.steps import columns_used


def count(view: View, spec: TrendSpec) -> pl.DataFrame:
    """Count each series by group and period, and over the whole time (period null).

    Returns
    -------
    pl.DataFrame
        `series`, `group` (its label), `period` (number of the calendar period), `events`, `people`, `sessions` (Int64),
        `values` (List[Float64]), `active` (Int64; for a trailing window the change in the number of active people).
    """
    rows = find_events(view, spec)
    wants_sessions, wants_values = spec.count == "sessions", spec.column is not None
    measures = [
        pl.len().cast(pl.Int64).alias("events"),
        pl.col("person").n_unique().cast(pl.Int64).alias("people"),
        (pl.col("session").n_unique() if wants_sessions else pl.lit(0)).cast(pl.Int64).alias("sessions"),
        (pl.col("value").drop_nulls() if wants_values else pl.lit([], dtype=pl.List(pl.Float64))).alias("values"),
        pl.lit(0, dtype=pl.Int64).alias("active"),
    ]
    keys = ["series", "group"]
    by_period = rows.group_by(*keys, "period").agg(measures)
    total = rows.group_by(keys).agg(pl.lit(None, dtype=pl.Int64).alias("period"), *measures)
    frames = [by_period, total.select(by_period.columns)]
    if spec.trailing is not None:
        frames.append(_changes_of_active(rows, spec.trailing).select(by_period.columns))
    return pl.concat(frames).sort(*keys, "period", "active", nulls_last=False)


def find_events(view: View, spec: TrendSpec) -> pl.DataFrame:
    """Return the events of all series: `series`, `person`, `period`, `group`, `session`, `value`."""
    view, group = group_of_events(view.with_people_columns(columns_used(spec.series.values())), spec.by)
    session = starts_session(spec.gap, campaign_columns=spec.campaign_columns).cum_sum()
    marks = {f"__{at}": step.condition.fill_null(value=False) for at, step in enumerate(spec.series.values())}
    rows = view.events.select(
        "person",
        spec.calendar.index(pl.col("timestamp")).alias("period"),
        group.alias("group"),
        (session if spec.count == "sessions" else pl.lit(0)).cast(pl.Int64).alias("session"),
        (pl.col(spec.column).cast(pl.Float64) if spec.column else pl.lit(None, dtype=pl.Float64)).alias("value"),
        **marks,
    )
    found = rows.filter(pl.any_horizontal(list(marks))).collect()
    parts = [
        found.filter(mark).select(pl.lit(name).alias("series"), pl.exclude(list(marks)))
        for name, mark in zip(spec.series, marks, strict=True)
    ]
    events = pl.concat(parts)
    return events.with_columns(fold_values(events["group"], kept=spec.shown))


def _changes_of_active(rows: pl.DataFrame, days: int) -> pl.DataFrame:
    """Return by how much the number of people active in a trailing window changes on each day.

    A person is active from a day with an event to `days` - 1 days after it. Active days closer together than `days`
    make one stretch, which adds one person on its first day and removes one after its last. With 7 days:

        events on days 1, 3 and 20 → +1 on day 1, -1 on day 10; +1 on day 20, -1 on day 27
    """
    keys = ["series", "group", "person"]
    active = rows.select(*keys, "period").unique().sort(*keys, "period", nulls_last=False)
    same = pl.all_horizontal(pl.col(key).eq_missing(pl.col(key).shift(1)) for key in keys)
    begins = ~(same & (pl.col("period") - pl.col("period").shift(1) <= days)).fill_null(value=False)
    marked = active.with_columns(begins=begins).with_columns(ends=pl.col("begins").shift(-1, fill_value=True))
    entries = marked.filter("begins").select("series", "group", "period", change=pl.lit(1, dtype=pl.Int64))
    exits = marked.filter("ends").select("series", "group", pl.col("period") + days, change=pl.lit(-1, dtype=pl.Int64))
    changes = pl.concat([entries, exits]).group_by("series", "group", "period").agg(pl.col("change").sum())
    zero = pl.lit(0, dtype=pl.Int64)
    return changes.select(
        "series",
        "group",
        "period",
        zero.alias("events"),
        zero.alias("people"),
        zero.alias("sessions"),
        pl.lit([], dtype=pl.List(pl.Float64)).alias("values"),
        pl.col("change").alias("active"),
    )
