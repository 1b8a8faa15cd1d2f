"""Counts of shards → the table of a funnel."""

from __future__ import annotations

import polars as pl

from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.labels import OTHER, label_values
from journeys.analyses.sample_size import MIN_PEOPLE
from journeys.stats import wilson


def add_counts(
    counts: pl.DataFrame,
    *,
    spec: FunnelSpec,
    sums: tuple[str, ...],
    lists: tuple[str, ...] = (),
    listed: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Add the counts of shards, and fold the groups that are not `listed` (by default the largest) into "(other)"."""
    joined = [pl.col(name).list.explode(keep_nulls=False, empty_as_null=False) for name in lists]
    table, keys = counts, ["step"]
    if spec.by:
        shown = list_top_groups(counts, spec=spec) if listed is None else listed
        table, keys = fold_small_groups(counts, shown), [*spec.by, "_is_other", "step"]
    return label_groups(sort_groups(table.group_by(keys).agg(pl.col(sums).sum(), *joined), spec=spec), spec=spec)


def summarise(counts: pl.DataFrame, *, spec: FunnelSpec) -> pl.DataFrame:
    """Make the public table: people, rates, intervals and median times of each step (of each group)."""
    lists = ("from_previous", "from_start")
    sums = ("entered", "people", "dropped", "continued", "at_previous")
    table = add_counts(counts, spec=spec, sums=sums, lists=lists)
    names = pl.col("step").replace_strict(range(1, spec.step_count + 1), spec.names, return_dtype=pl.String)
    low, high = wilson(table["people"].to_numpy(), table["entered"].to_numpy())
    return table.select(
        *spec.by,
        "step",
        names.alias("name"),
        pl.col("people").alias(spec.count),
        "dropped",
        pl.when(pl.col("entered") > 0).then(pl.col("people") / pl.col("entered")).alias("rate_from_start"),
        pl.when(pl.col("at_previous") > 0)
        .then(pl.col("continued") / pl.col("at_previous"))
        .alias("rate_from_previous"),
        *(
            pl.when(has_rate(spec)).then(pl.Series(end)).fill_nan(None).alias(name)
            for name, end in (("ci_low", low), ("ci_high", high))
        ),
        *(
            pl.col(name).list.median().floor().cast(pl.Int64).cast(pl.Duration("us")).alias(f"median_time_{name}")
            for name in lists
        ),
    )


def has_rate(spec: FunnelSpec) -> pl.Expr:
    """Mark the rows of a table whose rate is an estimate: not the first step, which everyone who entered took."""
    return pl.lit(value=True) if spec.entry == "any" else pl.col("step") > 1


def find_worst_step(table: pl.DataFrame) -> int | None:
    """Find the row (from 0) of a funnel's table after which most are lost; None where no row has enough people.

    The first step nearly always loses most, because many people only look, so it counts only if no later step loses
    anyone. Steps reached by fewer than 30 are left out.

    Examples
    --------
    >>> find_worst_step(pl.DataFrame({"people": [900, 100, 60, 50], "dropped": [800, 40, 10, 0]}))
    1
    """
    people = table[next(name for name in ("people", "sessions", "entries") if name in table.columns)]
    lost = table["dropped"].to_list()
    rows = [row for row in range(1, table.height - 1) if people[row] >= MIN_PEOPLE and lost[row]]
    if not rows:
        rows = [row for row in range(min(1, table.height - 1)) if people[row] >= MIN_PEOPLE and lost[row]]
    return max(rows, key=lambda row: (lost[row], -row), default=None)


def list_top_groups(counts: pl.DataFrame, *, spec: FunnelSpec) -> pl.DataFrame:
    """Return the keys of the largest groups by people who entered, and of the group without a value."""
    by = list(spec.by)
    sizes = counts.filter(pl.col("step") == 1).group_by(by).agg(pl.col("entered").sum())
    is_none = pl.all_horizontal(pl.col(by).is_null())
    ranked = sizes.filter(~is_none).sort("entered", *by, descending=[True, *[False] * len(by)])
    shown = ranked if spec.top is None else ranked.head(spec.top)
    return pl.concat([shown, sizes.filter(is_none)]).select(pl.col(by).cast(pl.String))


def fold_small_groups(counts: pl.DataFrame, listed: pl.DataFrame) -> pl.DataFrame:
    """Put the groups that are not listed into one: their keys become null, and `_is_other` is true."""
    by = listed.columns
    known = listed.with_columns(_is_listed=True)
    table = counts.join(known, on=by, how="left", maintain_order="left", nulls_equal=True)
    is_other = pl.col("_is_listed").is_null()
    keys = [pl.when(~is_other).then(pl.col(name)).alias(name) for name in by]
    return table.with_columns(*keys, _is_other=is_other).drop("_is_listed")


def sort_groups(table: pl.DataFrame, *, spec: FunnelSpec) -> pl.DataFrame:
    """Sort: the largest group first, the small ones together and the one without a value last, steps in order."""
    if not spec.by:
        return table.sort("step")
    by = list(spec.by)
    is_none = ~pl.col("_is_other") & pl.all_horizontal(pl.col(by).is_null())
    last = pl.col("_is_other").cast(pl.Int8) + 2 * is_none.cast(pl.Int8)
    keys = [last, pl.col("entered"), *map(pl.col, by), pl.col("step")]
    return table.sort(keys, descending=[False, True, *[False] * len(by), False])


def label_groups(table: pl.DataFrame, *, spec: FunnelSpec) -> pl.DataFrame:
    """Put labels in the place of keys."""
    if not spec.by:
        return table
    labels = [
        pl.when(pl.col("_is_other")).then(pl.lit(OTHER)).otherwise(label_values(table[name])).alias(name)
        for name in spec.by
    ]
    return table.with_columns(labels).drop("_is_other")
