"""From the sorted log to paths of touches: who was touched by what, in which order, before converting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from journeys.log import View
from journeys.log.expressions import ends_person, last_before
from journeys.steps import Step, columns_used

__all__ = ["AttributionSpec", "count", "paths_of", "touched"]

Repeats = Literal["collapse", "keep"]


@dataclass(frozen=True, eq=False, slots=True)
class AttributionSpec:
    """What was asked.

    Attributes
    ----------
    conversion : Step
        The event that earns the credit.
    by : str
        The column whose values are the touches; rows where it is null are none.
    lookback : int
        How long before the conversion a touch may lie, in microseconds, the boundary included.
    repeats : {"collapse", "keep"}
        Whether equal touches next to each other are one (at the time of the last of them).
    value : str, optional
        The column with what a conversion is worth.
    touch : str, optional
        When people are selected: those who have this touch in their path.
    converted : bool, optional
        When people are selected: only those who converted, or only those who did not.
    """

    conversion: Step
    by: str
    lookback: int
    repeats: Repeats
    value: str | None = None
    touch: str | None = None
    converted: bool | None = None


def paths_of(view: View, spec: AttributionSpec) -> pl.DataFrame:
    """Give each person who was touched or converted a path.

    A path ends with the first conversion, or with the last touch of somebody who never converted, and holds
    the touches of the look-back before its end. A touch on the converting event itself counts.

    Returns
    -------
    pl.DataFrame
        `person`, `path` (List[String]), `ages` (List[Int64], µs before the end), `converted`, `value`.
    """
    rows = _before_conversion(view, spec)
    last = (pl.col("person") != pl.col("person").shift(-1)).fill_null(value=True)
    # who never converts has touches only, so that the last row is the end of every path
    ends = rows.filter(last).select("person", pl.col("time").alias("end"), pl.col("goal").alias("converted"), "value")
    touches = rows.filter(pl.col("touch").is_not_null())
    touches = touches.join(ends.select("person", "end"), on="person", how="left", maintain_order="left")
    touches = touches.with_columns(age=pl.col("end") - pl.col("time")).filter(pl.col("age") <= spec.lookback)
    if spec.repeats == "collapse":
        again = (pl.col("touch") == pl.col("touch").shift(-1)) & ~ends_person()
        touches = touches.filter(~again.fill_null(value=False))
    paths = touches.group_by("person", maintain_order=True).agg(
        pl.col("touch").alias("path"), pl.col("age").alias("ages")
    )
    nothing = (pl.lit([], dtype=pl.List(pl.String)), pl.lit([], dtype=pl.List(pl.Int64)))
    return (
        ends.drop("end")
        .join(paths, on="person", how="left", maintain_order="left")
        .with_columns(pl.col("path").fill_null(nothing[0]), pl.col("ages").fill_null(nothing[1]))
    )


def _before_conversion(view: View, spec: AttributionSpec) -> pl.DataFrame:
    """Touches and first conversions, nothing after them: `person`, `time`, `touch`, `goal`, `value`."""
    worth = pl.col(spec.value).cast(pl.Float64) if spec.value else pl.lit(None, dtype=pl.Float64)
    rows = view.with_people_columns(columns_used([spec.conversion])).events.select(
        "person",
        pl.col("timestamp").to_physical().alias("time"),
        pl.col(spec.by).cast(pl.String).alias("touch"),
        spec.conversion.condition.fill_null(value=False).alias("goal"),
        worth.alias("value"),
    )
    kept = rows.filter(pl.col("goal") | pl.col("touch").is_not_null()).collect()
    return kept.filter(last_before(pl.col("goal")).is_null())


def count(view: View, spec: AttributionSpec) -> pl.DataFrame:
    """Count people by path; the ages of touches and the values are kept as samples, in a fixed order.

    Returns
    -------
    pl.DataFrame
        `path`, `converted`, `people`, and of those who converted `ages` (List[List[Int64]]), `values` (List[Float64]).
    """
    paths = paths_of(view, spec).sort("person")
    return (
        paths.group_by("path", "converted", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("people"),
            pl.col("ages").filter(pl.col("converted")),
            pl.col("value").filter(pl.col("converted")).alias("values"),
        )
        .select("path", "converted", "people", "ages", "values")
    )


def touched(view: View, spec: AttributionSpec) -> pl.Series:
    """Choose the people whose path holds a touch, and, if asked, who converted or did not."""
    paths = paths_of(view, spec)
    kept = pl.lit(value=True)
    if spec.touch == "(none)":
        kept = pl.col("path").list.len() == 0
    elif spec.touch is not None:
        kept = pl.col("path").list.contains(spec.touch)
    if spec.converted is not None:
        kept &= pl.col("converted") == spec.converted
    return paths.filter(kept)["person"]
