"""One shard → how many people took each path of touchpoints, and whether they converted."""

from __future__ import annotations

import polars as pl

from journeys.analyses.attribution.spec import AttributionSpec
from journeys.log import View
from journeys.log.expressions import ends_person, last_before
from journeys.steps import columns_used


def count(view: View, spec: AttributionSpec) -> pl.DataFrame:
    """Count people by path; the ages of touchpoints and the values are kept as samples, in a fixed order.

    Returns
    -------
    pl.DataFrame
        `path`, `converted`, `people`, and for those who converted `ages` (List[List[Int64]]), `values` (List[Float64]).
    """
    paths = paths_per_person(view, spec).sort("person")
    return (
        paths.group_by("path", "converted", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("people"),
            pl.col("ages").filter(pl.col("converted")),
            pl.col("value").filter(pl.col("converted")).alias("values"),
        )
        .select("path", "converted", "people", "ages", "values")
    )


def paths_per_person(view: View, spec: AttributionSpec) -> pl.DataFrame:
    """Return the path of each person who had a touchpoint or converted.

    A path ends with the first conversion, or with the last touchpoint of a person who never converted, and holds
    the touchpoints of the look-back before its end. A touchpoint on the converting event itself counts. For instance,
    with a look-back of 2 days:

        day 1  ads      → too old
        day 3  spring   → path ["spring"], age 1 day
        day 4  goal     → the end; converted

    With a period of conversions, people are taken as they stood at its end, if their path ends in it: a conversion
    after the period has not happened yet, and who converted before it is left out.

    Returns
    -------
    pl.DataFrame
        `person`, `path` (List[String]), `ages` (List[Int64], µs before the end), `converted`, `value`.
    """
    rows = _until_conversion(view, spec)
    # a person who never converts has only touchpoints here, so that the last row is the end of every path
    ends = rows.filter(ends_person()).select(
        "person", pl.col("time").alias("end"), pl.col("goal").alias("converted"), "value"
    )
    if spec.converted[0] is not None:
        ends = ends.filter(pl.col("end") >= spec.converted[0])
    touches = rows.filter(pl.col("touch").is_not_null())
    touches = touches.join(ends.select("person", "end"), on="person", how="left", maintain_order="left")
    touches = touches.with_columns(age=pl.col("end") - pl.col("time")).filter(pl.col("age") <= spec.lookback)
    if spec.repeats == "collapse":
        repeated = (pl.col("touch") == pl.col("touch").shift(-1)) & ~ends_person()
        touches = touches.filter(~repeated.fill_null(value=False))
    paths = touches.group_by("person", maintain_order=True).agg(
        pl.col("touch").alias("path"), pl.col("age").alias("ages")
    )
    no_touches, no_ages = pl.lit([], dtype=pl.List(pl.String)), pl.lit([], dtype=pl.List(pl.Int64))
    return (
        ends.drop("end")
        .join(paths, on="person", how="left", maintain_order="left")
        .with_columns(pl.col("path").fill_null(no_touches), pl.col("ages").fill_null(no_ages))
    )


def _until_conversion(view: View, spec: AttributionSpec) -> pl.DataFrame:
    """Return touchpoints up to the first conversion, and that: `person`, `time`, `touch`, `goal`, `value`."""
    value = pl.col(spec.value).cast(pl.Float64) if spec.value else pl.lit(None, dtype=pl.Float64)
    rows = view.with_people_columns(columns_used([spec.goal])).events.select(
        "person",
        pl.col("timestamp").to_physical().alias("time"),
        pl.col(spec.by).cast(pl.String).alias("touch"),
        spec.goal.condition.fill_null(value=False).alias("goal"),
        value.alias("value"),
    )
    if spec.converted[1] is not None:
        rows = rows.filter(pl.col("time") < spec.converted[1])
    kept = rows.filter(pl.col("goal") | pl.col("touch").is_not_null()).collect()
    return kept.filter(last_before(pl.col("goal")).is_null())
