"""Counts of shards → the table of a funnel."""

from __future__ import annotations

import polars as pl

from journeys.analyses.funnel.groups import fold_small_groups, sort_groups, top_groups
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.stats import wilson

__all__ = ["add_counts", "summarise"]


def add_counts(
    counts: pl.DataFrame, *, spec: FunnelSpec, lists: tuple[str, ...], sums: tuple[str, ...]
) -> pl.DataFrame:
    """Add the counts of shards, and fold the groups beyond the largest into "(other)"."""
    table = fold_small_groups(counts, top_groups(counts, spec=spec), spec=spec) if spec.by else counts
    joined = [pl.col(name).list.explode(keep_nulls=False, empty_as_null=False) for name in lists]
    return sort_groups(table.group_by([*spec.by, "step"]).agg(pl.col(sums).sum(), *joined), spec=spec)


def summarise(counts: pl.DataFrame, *, spec: FunnelSpec) -> pl.DataFrame:
    """Make the public table: people, rates, intervals and median times of each step (of each group)."""
    sums, lists = ("entered", "people", "dropped"), ("from_previous", "from_start")
    table = add_counts(counts, spec=spec, sums=sums, lists=lists)
    names = pl.col("step").replace_strict(range(1, spec.width + 1), spec.names, return_dtype=pl.String)
    came = pl.col("from_previous").list.len().cast(pl.Int64)
    # measured against the last step before it that is not optional
    previous = _people_at_previous(spec)
    low, high = wilson(table["people"].to_numpy(), table["entered"].to_numpy())
    return table.with_columns(previous=previous).select(
        *spec.by,
        "step",
        names.alias("name"),
        "people",
        "dropped",
        pl.when(pl.col("entered") > 0).then(pl.col("people") / pl.col("entered")).alias("rate_from_start"),
        pl.when(pl.col("previous") > 0)
        .then((came if spec.entry == "any" else pl.col("people")) / pl.col("previous"))
        .alias("rate_from_previous"),
        pl.Series("ci_low", low).fill_nan(None),
        pl.Series("ci_high", high).fill_nan(None),
        *(
            pl.col(name).list.median().floor().cast(pl.Int64).cast(pl.Duration("us")).alias(f"median_time_{name}")
            for name in lists
        ),
    )


def _people_at_previous(spec: FunnelSpec) -> pl.Expr:
    """Return the people of the step that a step is measured against: the last one before it that is not optional."""
    expression = pl.lit(None, dtype=pl.Int64)
    for step in range(1, spec.width):
        against = step - 1
        while against > 0 and spec.optional[against]:
            against -= 1
        people = pl.col("people").shift(step - against)
        expression = pl.when(pl.col("step") == step + 1).then(people).otherwise(expression)
    return expression
