"""One shard → events, people and sessions per series, group and period."""

from __future__ import annotations

import polars as pl

from journeys.analyses.breakdown import group_of_events
from journeys.analyses.labels import NONE, fold_values
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
    frames = []
    for name, events in find_events(view, spec).items():
        counted = _count_by(events, spec, keys=["group", "period"])
        total = _count_by(events, spec, keys=["group"]).with_columns(period=pl.lit(None, dtype=pl.Int64))
        parts = [counted, total.select(counted.columns)]
        if spec.trailing is not None:
            parts.append(_changes_of_active(events, spec.trailing).select(counted.columns))
        frames.append(pl.concat(parts).select(pl.lit(name).alias("series"), pl.all()))
    return pl.concat(frames).sort("series", "group", "period", "active", nulls_last=False)


def _count_by(events: pl.DataFrame, spec: TrendSpec, *, keys: list[str]) -> pl.DataFrame:
    """Count the events of one series by some of `group` and `period`."""
    wants_sessions, wants_values = spec.count == "sessions", spec.column is not None
    keys = keys if spec.by is not None else [key for key in keys if key != "group"]
    people = pl.col("person").n_unique()
    if spec.by is None and not _has_clock_set_back(events):
        # the events of a person, and of a period of that person, stand next to each other: count the first of each
        is_first = pl.any_horizontal(pl.col(key).ne_missing(pl.col(key).shift(1)) for key in ["person", *keys])
        events = events.with_columns(is_first.alias("is_first"))
        people = pl.col("is_first").sum()
    measures = [
        pl.len().cast(pl.Int64).alias("events"),
        people.cast(pl.Int64).alias("people"),
        (pl.col("session").n_unique() if wants_sessions else pl.lit(0)).cast(pl.Int64).alias("sessions"),
        (pl.col("value").drop_nulls() if wants_values else pl.lit([], dtype=pl.List(pl.Float64))).alias("values"),
        pl.lit(0, dtype=pl.Int64).alias("active"),
    ]
    counted = events.group_by(keys).agg(measures) if keys else _count_all(events, measures)
    return counted if spec.by is not None else counted.select(pl.lit(NONE).alias("group"), pl.all())


def _count_all(events: pl.DataFrame, measures: list[pl.Expr]) -> pl.DataFrame:
    """Count all events as one group; no row where there are none."""
    if not events.height:
        return events.group_by("person").agg(measures).drop("person")
    return events.group_by(pl.lit(0).alias("_all")).agg(measures).drop("_all")


def _has_clock_set_back(events: pl.DataFrame) -> bool:
    """Return whether a clock that is set back over midnight makes a person's periods go back."""
    goes_back = (pl.col("person") == pl.col("person").shift(1)) & (pl.col("period") < pl.col("period").shift(1))
    return bool(events.select(goes_back.any()).item())


def find_events(view: View, spec: TrendSpec) -> dict[str, pl.DataFrame]:
    """Return the events of each series: `person`, `period`, `group` (its label), `session`, `value`."""
    view, group = group_of_events(view.with_people_columns(columns_used(spec.series.values())), spec.by)
    rows, columns = view.events, {"group": pl.lit(NONE), "session": pl.lit(0, dtype=pl.Int64)}
    # sessions, and groups by a first campaign, depend on the rows before: they are read before rows are left out
    if spec.by is not None:
        rows, columns["group"] = rows.with_columns(group.alias("__group")), pl.col("__group")
    if spec.count == "sessions":
        session = starts_session(spec.gap, campaign_columns=spec.campaign_columns).cum_sum()
        rows, columns["session"] = rows.with_columns(session.alias("__session")), pl.col("__session").cast(pl.Int64)
    if spec.column is not None:
        columns["value"] = pl.col(spec.column).cast(pl.Float64)
    conditions = [step.condition.fill_null(value=False) for step in spec.series.values()]
    marks = {f"__{at}": condition for at, condition in enumerate(conditions)} if len(conditions) > 1 else {}
    period = spec.calendar.index(pl.col("timestamp")).alias("period")
    found = rows.filter(pl.any_horizontal(conditions)).select("person", period, **columns, **marks).collect()
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
    active = events.select(*keys, "period").unique().sort(*keys, "period", nulls_last=False)
    same = pl.all_horizontal(pl.col(key).eq_missing(pl.col(key).shift(1)) for key in keys)
    begins = ~(same & (pl.col("period") - pl.col("period").shift(1) <= days)).fill_null(value=False)
    marked = active.with_columns(begins=begins).with_columns(ends=pl.col("begins").shift(-1, fill_value=True))
    entries = marked.filter("begins").select("group", "period", change=pl.lit(1, dtype=pl.Int64))
    exits = marked.filter("ends").select("group", pl.col("period") + days, change=pl.lit(-1, dtype=pl.Int64))
    changes = pl.concat([entries, exits]).group_by("group", "period").agg(pl.col("change").sum())
    zero = pl.lit(0, dtype=pl.Int64)
    return changes.select(
        "group",
        "period",
        zero.alias("events"),
        zero.alias("people"),
        zero.alias("sessions"),
        pl.lit([], dtype=pl.List(pl.Float64)).alias("values"),
        pl.col("change").alias("active"),
    )
