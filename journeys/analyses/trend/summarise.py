"""Counts per period → the table of a trend."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import fsum

import numpy as np
import polars as pl

from journeys.analyses.calendar import list_periods
from journeys.analyses.labels import largest_values, value_of_label
from journeys.analyses.periods import relative_change
from journeys.analyses.trend.formula import explain_nulls, parse_formula
from journeys.analyses.trend.spec import TrendSpec


def summarise(
    counts: pl.DataFrame, spec: TrendSpec, *, observed: tuple[datetime | None, datetime | None]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add up the shards, fill in the periods without any event, and compute the values.

    Return the table by period, and the totals over the whole time.
    """
    group = spec.group
    keys = ["series", group]
    added = (
        counts.rename({"group": group})
        .group_by(*keys, "period")
        .agg(pl.col("events", "people", "sessions", "active").sum(), pl.col("values").explode(empty_as_null=False))
    )
    groups = added.select(group).unique() if spec.by else pl.DataFrame({group: ["(none)"]})
    series = pl.DataFrame({"series": list(spec.series)}).join(groups, how="cross")
    totals = series.join(added.filter(pl.col("period").is_null()).drop("period"), on=keys, how="left")
    table = _by_period(added.filter(pl.col("period").is_not_null()), spec, series=series, observed=observed)
    order = {name: at for at, name in enumerate([*spec.series, spec.formula or ""])}
    columns = [*([group] if spec.by else []), "series"]
    frames = []
    for frame, when in ((table, ["period"]), (totals, [])):
        valued = _add_values(frame, spec, is_total=not when)
        if spec.formula is not None:
            valued = pl.concat([valued, _apply_formula(valued, spec, keys=[*when, group])], how="diagonal")
        rank = pl.col("series").replace_strict(order, return_dtype=pl.Int64)
        frames.append(valued.sort(*when, rank, group))
    table, totals = frames
    compared: list[str] = []
    if spec.back is not None:
        table, compared = add_comparison(table, back=spec.back, keys=keys), ["previous", "change"]
    counted, reason = ["value", "people", "events"], ["null_reason"] if spec.formula is not None else []
    if spec.trailing is not None:
        counted.insert(1, "stickiness")
    return (
        table.select("period", *columns, *counted, "complete", *compared, *reason),
        totals.select(*columns, "value", "people", "events", *reason),
    )


def largest_groups(counts: pl.DataFrame, spec: TrendSpec) -> tuple[str | None, ...] | None:
    """Return the values of the largest groups over the whole time, which are shown; None where all are."""
    if spec.by is None:
        return None
    sizes = counts.filter(pl.col("period").is_null())
    values = pl.Series("group", [value_of_label(label) for label in sizes["group"].to_list()], dtype=pl.String)
    largest = largest_values(sizes.with_columns(values), top=spec.top)
    return None if largest is None else tuple(largest)


def _by_period(
    added: pl.DataFrame,
    spec: TrendSpec,
    *,
    series: pl.DataFrame,
    observed: tuple[datetime | None, datetime | None],
) -> pl.DataFrame:
    """List every period of the observed time, with zeros where nothing happened."""
    periods = list_periods(spec.calendar, observed).select("index", "period", "complete")
    keys = [name for name in series.columns if name != "period"]
    table = periods.join(series, how="cross").join(
        added.rename({"period": "index"}), on=[*keys, "index"], how="left", maintain_order="left"
    )
    table = table.sort(*keys, "index")
    if spec.trailing is not None:  # a window that begins before the log is not complete
        first = pl.col("index").filter("complete").min()
        table = table.with_columns(pl.col("complete") & (pl.col("index") - first >= spec.trailing - 1))
    return table.with_columns(pl.col("active").fill_null(0).cum_sum().over(keys))


def _add_values(frame: pl.DataFrame, spec: TrendSpec, *, is_total: bool) -> pl.DataFrame:
    """Add `value`: what was asked to be counted. Sums of nothing are 0, means of nothing null."""
    frame = frame.with_columns(pl.col("events", "people", "sessions").fill_null(0))
    if spec.column is not None:
        values = [_compute_statistic(one or [], spec.count) for one in frame["values"].to_list()]
        return frame.with_columns(pl.Series("value", values, dtype=pl.Float64))
    if spec.count == "per person":
        value: pl.Expr = pl.when(pl.col("people") > 0).then(pl.col("events") / pl.col("people"))
    else:
        value = pl.col("active" if spec.trailing is not None and not is_total else spec.count).cast(pl.Float64)
    frame = frame.with_columns(value=value)
    if spec.trailing is not None:
        frame = frame.with_columns(stickiness=pl.when(pl.col("value") > 0).then(pl.col("people") / pl.col("value")))
    return frame


def _compute_statistic(values: list[float], name: str) -> float | None:
    """Compute a statistic in a way that does not depend on the order of values."""
    ordered = sorted(values)
    if name == "sum":
        return fsum(ordered)
    if not ordered:
        return None
    if name == "mean":
        return fsum(ordered) / len(ordered)
    return float(np.quantile(ordered, {"median": 0.5, "p90": 0.9}[name]))


def _apply_formula(valued: pl.DataFrame, spec: TrendSpec, *, keys: list[str]) -> pl.DataFrame:
    """Return the rows of the formula: one per period and group; `people` and `events` are null.

    `null_reason` says why a value is null.
    """
    # a series may be named like a key
    assert spec.formula is not None  # noqa: S101  # the caller looked
    inner = {key: f"key {key}" for key in keys}
    wide = valued.rename(inner).pivot(
        on="series", on_columns=list(spec.series), index=list(inner.values()), values="value", maintain_order=True
    )
    value = parse_formula(spec.formula, names=list(spec.series))
    value = pl.when(value == 0).then(0.0).otherwise(value).alias("value")  # never -0
    rows = wide.select(
        *(pl.col(name).alias(key) for key, name in inner.items()),
        pl.lit(spec.formula).alias("series"),
        value,
        explain_nulls(spec.formula),
    )
    if "complete" not in valued.columns:
        return rows
    complete = valued.select("index", "complete", *keys).unique(keys, keep="any")
    return rows.join(complete, on=keys, how="left")


def add_comparison(table: pl.DataFrame, *, back: int, keys: Sequence[str], value: str = "value") -> pl.DataFrame:
    """Add `previous`, the value of a number of periods earlier, and `change`, relative to it; null from 0.

    `index` is the number of the period. For instance, one period back:

        index 7  value 2.0  → previous null, change null
        index 8  value 3.0  → previous 2.0, change 0.5
    """
    earlier = table.select(*keys, index=pl.col("index") + back, previous=value)
    joined = table.join(earlier, on=[*keys, "index"], how="left", nulls_equal=True, maintain_order="left")
    return joined.with_columns(change=relative_change(pl.col(value), pl.col("previous")))
