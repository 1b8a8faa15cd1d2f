"""One shard → how many people of each cohort come back in each period."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.breakdown import group_of_events
from journeys.analyses.retention.spec import RetentionSpec
from journeys.log import View
from journeys.steps import columns_used

_HOUR = 3_600_000_000


class Retained(NamedTuple):
    """The cohort entries of one shard, and when each came back.

    Attributes
    ----------
    entries : pl.DataFrame
        `entry` (row number), `person`, `cohort` (number of the calendar period), `time` (µs of the start), `group`.
    back : pl.DataFrame
        `entry`, `period` (from 0), `events`, `values` (List[Float64]): one row per entry and period with any event.
    """

    entries: pl.DataFrame
    back: pl.DataFrame


def count(view: View, spec: RetentionSpec) -> pl.DataFrame:
    """Count, per cohort and group, the entries and those that came back in each period.

    Returns
    -------
    pl.DataFrame
        `cohort`, `group`, `period` (-1: the cohort itself), `people`, `latest` (µs, the latest start of the cohort),
        `values` (List[Float64], the measured values of events in that period).
    """
    retained = find_retained(view, spec)
    keys = ["cohort", "group"]
    sizes = retained.entries.group_by(keys).agg(
        pl.lit(-1, dtype=pl.Int64).alias("period"),
        pl.len().cast(pl.Int64).alias("people"),
        pl.col("time").max().alias("latest"),
        pl.lit([], dtype=pl.List(pl.Float64)).alias("values"),
    )
    entries = retained.entries.select("entry", *keys)
    came = came_back(retained.back, spec).join(entries, on="entry", how="left").group_by(*keys, "period")
    cells = came.agg(
        pl.len().cast(pl.Int64).alias("people"),
        pl.lit(None, dtype=pl.Int64).alias("latest"),
        pl.lit([], dtype=pl.List(pl.Float64)).alias("values"),
    )
    frames = [sizes, cells]
    if spec.measure is not None:
        rows = retained.back.join(entries, on="entry", how="left").group_by(*keys, "period")
        values = rows.agg(
            pl.lit(0, dtype=pl.Int64).alias("people"),
            pl.lit(None, dtype=pl.Int64).alias("latest"),
            pl.col("values").explode(empty_as_null=False),
        )
        frames.append(values.filter(pl.col("period") <= spec.periods))
    columns = [*keys, "period", "people", "latest", "values"]
    return pl.concat([frame.select(columns) for frame in frames]).sort(*keys, "period", nulls_last=False)


def find_first_starts(view: View, spec: RetentionSpec) -> pl.DataFrame:
    """Return `person` and `time` (µs) of each person's first start event."""
    rows = view.with_people_columns(columns_used([spec.start])).events
    starts = rows.filter(spec.start.condition.fill_null(value=False))
    time = pl.col("timestamp").to_physical().cast(pl.Int64).min().alias("time")
    return starts.group_by("person").agg(time).collect().sort("person")


def find_retained(view: View, spec: RetentionSpec) -> Retained:
    """Find the cohort entries, and the events of coming back after each.

    The start event itself never counts as coming back; an event later in the log does, also in period 0. For
    instance, by calendar days with cohorts="first":

        ann  1 March 10:00  start → entry of cohort 1 March
        ann  1 March 11:00  back  → period 0
        ann  3 March 09:00  back  → period 2
    """
    rows = _read_rows(view, spec)
    starts = rows.filter("start")
    keys = ["person"] if spec.cohorts == "first" else ["person", "cohort"]
    first = pl.any_horizontal(pl.col(key) != pl.col(key).shift(1) for key in keys).fill_null(value=True)
    entries = starts.filter(first)
    if spec.first_starts is not None and spec.cohorts == "first":
        entries = entries.join(spec.first_starts, on=["person", "time"], how="semi", maintain_order="left")
    entries = entries.with_row_index("entry")
    back = rows.filter("back").select("person", "place", "time", "cohort", "value")
    joined = back.join(
        entries.select("entry", "person", entry_place="place", entry_time="time", entry_cohort="cohort"), on="person"
    ).filter(pl.col("place") > pl.col("entry_place"))
    if spec.clock == "calendar":
        period = pl.col("cohort") - pl.col("entry_cohort")
    else:
        begin = pl.col("entry_time")
        begin = begin.floordiv(_HOUR) * _HOUR if spec.truncate_hours else begin
        elapsed = pl.col("time").floordiv(_HOUR) * _HOUR - begin if spec.truncate_hours else pl.col("time") - begin
        period = _period_of(elapsed, spec)
    in_period = (
        joined.select("entry", "place", "value", period=period.cast(pl.Int64))
        .sort("entry", "place")
        .group_by("entry", "period", maintain_order=True)
        .agg(pl.len().cast(pl.Int64).alias("events"), pl.col("value").drop_nulls().alias("values"))
    )
    return Retained(entries.select("entry", "person", "cohort", "time", "group"), in_period.sort("entry", "period"))


def came_back(back: pl.DataFrame, spec: RetentionSpec) -> pl.DataFrame:
    """Return `entry` and `period` for each period in which an entry counts as having come back."""
    active = back.filter(pl.col("events") >= spec.at_least).select("entry", "period").sort("entry", "period")
    if spec.when == "on":
        return active.filter(pl.col("period") <= spec.periods)
    by_entry = active.group_by("entry", maintain_order=True)
    if spec.when == "on or after":
        span = by_entry.agg(low=pl.lit(0, dtype=pl.Int64), high=pl.col("period").max())
    elif spec.when == "on or before":
        span = by_entry.agg(low=pl.col("period").min(), high=pl.lit(spec.periods, dtype=pl.Int64))
    else:
        later = active.filter(pl.col("period") > 0).with_columns(rank=pl.col("period").cum_count().over("entry"))
        unbroken = later.filter(pl.col("period") == pl.col("rank")).group_by("entry", maintain_order=True)
        span = unbroken.agg(low=pl.lit(1, dtype=pl.Int64), high=pl.col("period").max())
    span = span.with_columns(high=pl.min_horizontal("high", pl.lit(spec.periods, dtype=pl.Int64)))
    span = span.filter(pl.col("low") <= pl.col("high"))
    periods = pl.int_ranges("low", pl.col("high") + 1, dtype=pl.Int64).alias("period")
    return span.select("entry", periods).explode("period")


def _period_of(elapsed: pl.Expr, spec: RetentionSpec) -> pl.Expr:
    """Number the periods of a person's own clock; beyond the last edge counts as one more period."""
    edges = np.array(spec.edges, dtype=np.int64)
    return elapsed.map_batches(
        lambda times: pl.Series(np.searchsorted(edges, times.to_numpy(), side="right"), dtype=pl.Int64),
        return_dtype=pl.Int64,
    )


def _read_rows(view: View, spec: RetentionSpec) -> pl.DataFrame:
    """Return the rows that start or come back, with their `place` in the log, `time` (µs) and calendar period."""
    view, group = group_of_events(view.with_people_columns(columns_used([spec.start, spec.back])), spec.by)
    value = pl.col(spec.measure).cast(pl.Float64) if spec.measure else pl.lit(None, dtype=pl.Float64)
    rows = view.events.select(
        "person",
        pl.int_range(pl.len(), dtype=pl.Int64).alias("place"),
        pl.col("timestamp").to_physical().cast(pl.Int64).alias("time"),
        spec.calendar.index(pl.col("timestamp")).alias("cohort"),
        spec.start.condition.fill_null(value=False).alias("start"),
        spec.back.condition.fill_null(value=False).alias("back"),
        group.alias("group"),
        value.alias("value"),
    )
    return rows.filter(pl.col("start") | pl.col("back")).collect()
