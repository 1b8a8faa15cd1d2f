"""One shard → events, people and sessions per series, group and period."""

from __future__ import annotations

import numpy as np
import polars as pl

from journeys.analyses.breakdown import group_of_events
from journeys.analyses.labels import NONE, fold_values
from journeys.analyses.money import amount_of
from journeys.analyses.period_lookup import find_periods, mark_periods
from journeys.analyses.trend.spec import TrendSpec
from journeys.arrays import mark_changes
from journeys.log import View
from journeys.log.boundaries import starts_session
from journeys.steps import columns_used

_FILLS: dict[str, tuple[object, pl.DataType | type[pl.DataType]]] = {
    "group": (NONE, pl.String),
    "period": (None, pl.Int64),
    "events": (0, pl.Int64),
    "people": (0, pl.Int64),
    "sessions": (0, pl.Int64),
    "values": ([], pl.List(pl.Float64)),
    "active": (0, pl.Int64),
}
"""The columns of the counts beside the series: what they hold where nothing is counted, and their types."""


def count(view: View, spec: TrendSpec) -> pl.DataFrame:
    """Count each series by group and period, and over the whole time (period null).

    Return `series`, `group` (its label), `period` (number of the calendar period), `events`, `people`, `sessions`
    (Int64), `values` (List[Float64]), `active` (Int64; for a trailing window the change in the number of active
    people).
    """
    frames = []
    for name, events in find_events(view, spec).items():
        parts = [_count_undivided(events, spec)] if spec.by is None else _count_groups(events, spec)
        if spec.trailing is not None:
            parts.append(_changes_of_active(events, spec.trailing))
        frames.append(pl.concat(parts).select(pl.lit(name).alias("series"), pl.all()))
    return pl.concat(frames).sort("series", "group", "period", "active", nulls_last=False)


def _count_undivided(events: pl.DataFrame, spec: TrendSpec) -> pl.DataFrame:
    """Count the events of one series by period, and over the whole time, where there is no breakdown.

    The events of a person in a period stand next to each other: the first of each is counted. For instance:

        person  7 7 9
        period  1 1 1   → period 1: 3 events of 2 people
    """
    period = events["period"].to_numpy()
    first = int(period.min()) if len(period) else 0
    number = period - first
    by_period = {"events": np.bincount(number)}
    whole = {"events": len(period)}
    size = len(by_period["events"])
    for name, unit in (("people", "person"), ("sessions", "session")):
        if unit in events:
            units = events[unit].to_numpy()
            by_period[name] = np.bincount(number[mark_periods(units, period)], minlength=size)
            whole[name] = int(np.count_nonzero(mark_changes(units)))
    counted = pl.DataFrame(by_period).with_columns(period=pl.int_range(first, first + size, dtype=pl.Int32))
    counted = pl.concat([counted, pl.DataFrame(whole)], how="diagonal_relaxed").filter(pl.col("events") > 0)
    if spec.column is not None:
        values = pl.concat([events.select("period", "value"), events.select("value")], how="diagonal")
        listed = values.group_by("period").agg(pl.col("value").drop_nulls().alias("values"))
        counted = counted.join(listed, on="period", how="left", nulls_equal=True)
    return _fill_columns(counted)


def _count_groups(events: pl.DataFrame, spec: TrendSpec) -> list[pl.DataFrame]:
    """Count the events of one series by group and period, and by group over the whole time."""
    measures = [
        pl.len().alias("events"),
        pl.col("person").n_unique().alias("people"),
    ]
    if spec.count == "sessions":
        measures.append(pl.col("session").n_unique().alias("sessions"))
    if spec.column is not None:
        measures.append(pl.col("value").drop_nulls().alias("values"))
    by_period = events.group_by("group", "period").agg(measures)
    return [_fill_columns(by_period), _fill_columns(events.group_by("group").agg(measures))]


def _fill_columns(counted: pl.DataFrame) -> pl.DataFrame:
    """Return all columns of the counts but the series; what was not counted is filled in."""
    return counted.select(
        (pl.col(name) if name in counted.columns else pl.lit(fill)).cast(dtype).alias(name)
        for name, (fill, dtype) in _FILLS.items()
    )


def find_events(view: View, spec: TrendSpec) -> dict[str, pl.DataFrame]:
    """Return the events of each series: `person`, `period`; where asked, `group` (its label), `session`, `value`."""
    view, group = group_of_events(view.with_people_columns(columns_used(spec.series.values())), spec.by)
    rows, columns = view.events, {"time": pl.col("timestamp").to_physical().cast(pl.Int64)}
    # sessions, and groups by a first campaign, depend on the rows before: they are read before rows are left out
    if spec.by is not None:
        rows, columns["group"] = rows.with_columns(group.alias("__group")), pl.col("__group")
    if spec.count == "sessions":
        session = starts_session(spec.gap, campaign_columns=spec.campaign_columns).cum_sum()
        rows, columns["session"] = rows.with_columns(session.alias("__session")), pl.col("__session").cast(pl.Int64)
    if spec.column is not None:
        columns["value"] = amount_of(spec.column)
    conditions = [step.condition for step in spec.series.values()]
    marks = {f"__{at}": condition for at, condition in enumerate(conditions)} if len(conditions) > 1 else {}
    found = rows.filter(pl.any_horizontal(conditions)).select("person", **columns, **marks).collect()
    found = found.with_columns(period=pl.Series(find_periods(found["time"], spec.calendar))).drop("time")
    if spec.by is not None:
        found = found.with_columns(fold_values(found["group"], kept=spec.shown))
    if not marks:
        return dict.fromkeys(spec.series, found)
    return {name: found.filter(mark).drop(list(marks)) for name, mark in zip(spec.series, marks, strict=True)}


def _changes_of_active(events: pl.DataFrame, days: int) -> pl.DataFrame:
    """Return by how much the number of people active in a trailing window changes on each day.

    A person is active from a day with an event to `days` - 1 days after it. Active days closer together than `days`
    make one stretch, which adds one person on its first day and removes one after its last. With 7 days:

        events on days 1, 3 and 20 → +1 on day 1, -1 on day 10; +1 on day 20, -1 on day 27
    """
    keys = ["group", "person"]
    if "group" not in events:
        events = events.with_columns(group=pl.lit(NONE))
    active = events.select(*keys, "period").unique().sort(*keys, "period", nulls_last=False)
    same = pl.all_horizontal(pl.col(key).eq_missing(pl.col(key).shift(1)) for key in keys)
    begins = ~(same & (pl.col("period") - pl.col("period").shift(1) <= days)).fill_null(value=False)
    marked = active.with_columns(begins=begins).with_columns(ends=pl.col("begins").shift(-1, fill_value=True))
    entries = marked.filter("begins").select("group", "period", change=pl.lit(1, dtype=pl.Int64))
    exits = marked.filter("ends").select("group", pl.col("period") + days, change=pl.lit(-1, dtype=pl.Int64))
    changes = pl.concat([entries, exits]).group_by("group", "period").agg(pl.col("change").sum())
    return _fill_columns(changes.rename({"change": "active"}))
