"""Counts of shards → the table of a funnel."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from journeys.analyses.funnel.count import NONE, OTHER
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.stats import wilson

__all__ = ["added_up", "folded", "ranked", "summarise", "top_groups"]


def added_up(counts: pl.DataFrame, *, spec: FunnelSpec) -> pl.DataFrame:
    """Add the counts of shards, and fold the groups beyond the largest into "(other)"."""
    keys = [*spec.by, "step"]
    table = folded(counts, top_groups(counts, spec=spec), spec=spec) if spec.by else counts
    lists = [
        pl.col(name).list.explode(keep_nulls=False, empty_as_null=False) for name in ("from_previous", "from_start")
    ]
    summed = table.group_by(keys).agg(pl.col("entered", "people", "dropped").sum(), *lists)
    return ranked(summed, spec=spec)


def folded(counts: pl.DataFrame, listed: Sequence[tuple[str, ...]], *, spec: FunnelSpec) -> pl.DataFrame:
    """Put the groups that are not listed into "(other)"."""
    shown = pl.DataFrame(listed, schema=dict.fromkeys(spec.by, pl.String), orient="row")
    known = counts.join(shown.with_columns(known=True), on=list(spec.by), how="left", maintain_order="left")
    other = pl.col("known").is_null()
    named = [pl.when(other).then(pl.lit(OTHER)).otherwise(pl.col(name)).alias(name) for name in spec.by]
    return known.with_columns(named).drop("known")


def top_groups(counts: pl.DataFrame, *, spec: FunnelSpec) -> list[tuple[str, ...]]:
    """Return the largest groups by people who entered, and the one without a value."""
    by = list(spec.by)
    sizes = counts.filter(pl.col("step") == 1).group_by(by).agg(pl.col("entered").sum())
    nothing = pl.all_horizontal(pl.col(name) == NONE for name in by)
    ranked = sizes.filter(~nothing).sort("entered", *by, descending=[True, *[False] * len(by)]).head(spec.top)
    return [*ranked.select(by).rows(), *sizes.filter(nothing).select(by).rows()]


def ranked(summed: pl.DataFrame, *, spec: FunnelSpec) -> pl.DataFrame:
    """Sort: the largest group first, "(other)" and "(none)" last, steps in order."""
    if not spec.by:
        return summed.sort("step")
    by = list(spec.by)
    last = pl.all_horizontal(pl.col(name) == OTHER for name in by).cast(pl.Int8)
    last += 2 * pl.all_horizontal(pl.col(name) == NONE for name in by).cast(pl.Int8)
    ranked = summed.with_columns(_last=last)
    return ranked.sort("_last", "entered", *by, "step", descending=[False, True, *[False] * len(by), False]).drop(
        "_last"
    )


def summarise(counts: pl.DataFrame, *, spec: FunnelSpec) -> pl.DataFrame:
    """Make the public table: people, rates, intervals and median times of each step (of each group)."""
    table = added_up(counts, spec=spec).with_columns(
        name=pl.col("step").replace_strict(range(1, spec.width + 1), spec.names, return_dtype=pl.String)
    )
    came = pl.col("from_previous").list.len().cast(pl.Int64)
    before = _people_before(spec)
    table = table.with_columns(_before=before)
    rate = pl.when(pl.col("entered") > 0).then(pl.col("people") / pl.col("entered"))
    again = pl.when(pl.col("_before") > 0).then((came if spec.entry == "any" else pl.col("people")) / pl.col("_before"))
    low, high = wilson(table["people"].to_numpy(), table["entered"].to_numpy())
    median = [
        pl.col(f"from_{name}")
        .list.median()
        .floor()
        .cast(pl.Int64)
        .cast(pl.Duration("us"))
        .alias(f"median_time_from_{name}")
        for name in ("previous", "start")
    ]
    return table.select(
        *spec.by,
        "step",
        "name",
        "people",
        "dropped",
        rate.alias("rate_from_start"),
        again.alias("rate_from_previous"),
        pl.Series("ci_low", low).fill_nan(None),
        pl.Series("ci_high", high).fill_nan(None),
        *median,
    )


def _people_before(spec: FunnelSpec) -> pl.Expr:
    """Return the people of the step that a step is measured against: the last one before it that is not optional."""
    expression = pl.lit(None, dtype=pl.Int64)
    for step in range(1, spec.width):
        against = step - 1
        while against > 0 and spec.optional[against]:
            against -= 1
        people = pl.col("people").shift(step - against)
        expression = pl.when(pl.col("step") == step + 1).then(people).otherwise(expression)
    return expression
