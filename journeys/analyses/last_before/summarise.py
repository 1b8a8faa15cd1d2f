"""Counts of all shards → the values with their people, intervals, and rates of going on."""

from __future__ import annotations

from typing import Any

import polars as pl

from journeys.analyses.labels import OTHER, label_values
from journeys.analyses.last_before.spec import LastBeforeSpec

Listed = tuple[tuple[str | None, ...], ...]


def list_values(counts: pl.DataFrame, spec: LastBeforeSpec, *, top: int | None) -> Listed:
    """Return the values, or combinations of them, that the table shows: the largest, and always those without any.

    For instance, with `top=1` of the counts "/pricing" 5, null 2, "/" 1, "/" is in "(other)".
    """
    names = spec.names
    sizes = counts.group_by(names).agg(pl.col("people").sum())
    sizes = sizes.sort("people", *names, descending=[True, *(False for _ in names)], nulls_last=True)
    is_none = pl.all_horizontal(pl.col(names).is_null())
    rank = (~is_none).cum_sum()
    shown = sizes if top is None else sizes.filter(is_none | (rank <= top))
    return tuple(shown.select(names).rows())


def summarise(counts: pl.DataFrame, spec: LastBeforeSpec, *, listed: Listed) -> pl.DataFrame:
    """Add up the shards, fold what is not listed, and compare the rates of going on with those of all others."""
    from journeys.stats import adjust, difference, wilson

    names = list(spec.names)
    schema = {name: pl.String() for name in names}
    shown = pl.DataFrame(listed, schema=schema, orient="row").with_row_index("_place")
    folded = counts.join(shown, on=names, how="left", nulls_equal=True)
    is_shown = folded["_place"].is_not_null()
    labels = [pl.when(is_shown).then(label_values(folded[name])).otherwise(pl.lit(OTHER)).alias(name) for name in names]
    added = (
        folded.with_columns(labels)
        .group_by(*names, "_place")
        .agg(pl.col("people", "pending", "went_on").sum(), pl.col("before").explode(empty_as_null=False))
        .sort("_place", nulls_last=True)
    )
    people, total = added["people"].to_numpy(), int(added["people"].sum())
    low, high = wilson(people, [total] * len(people))
    table = added.select(
        *names,
        "people",
        pl.col("people").truediv(max(total, 1)).alias("share"),
        pl.Series("ci_low", low, dtype=pl.Float64).fill_nan(None),
        pl.Series("ci_high", high, dtype=pl.Float64).fill_nan(None),
        pl.col("before").list.median().floor().cast(pl.Int64).cast(pl.Duration("us")).alias("median_time_before"),
        "pending",
        "went_on",
    ).rename({"people": spec.unit})
    if spec.then is None:
        return table.drop("pending", "went_on")
    going = table.select(
        went_on="went_on",
        asked=pl.col(spec.unit) - pl.col("pending"),
        others_went_on=pl.col("went_on").sum() - pl.col("went_on"),
        others_asked=(pl.col(spec.unit) - pl.col("pending")).sum() - pl.col(spec.unit) + pl.col("pending"),
    )
    counted = [going[name].to_numpy() for name in ("went_on", "asked", "others_went_on", "others_asked")]
    rate_low, rate_high = wilson(*counted[:2])
    numbers: dict[str, Any] = {
        "rate": going["went_on"] / going["asked"],
        "rate_low": rate_low,
        "rate_high": rate_high,
        "others_rate": going["others_went_on"] / going["others_asked"],
        "q_value": adjust(difference(*counted).p_value),
    }
    return table.with_columns(
        pl.Series(name, values, dtype=pl.Float64).fill_nan(None) for name, values in numbers.items()
    )
