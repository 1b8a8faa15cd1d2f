"""What each touchpoint cost, joined to its credit."""

from __future__ import annotations

import polars as pl

from journeys.analyses.labels import label_values
from journeys.errors import ArgumentError, UnknownNameError, first_line, raise_all, unknown_message


def join_costs(table: pl.DataFrame, costs: pl.DataFrame | pl.LazyFrame, *, by: str, cost: str) -> pl.DataFrame:
    """Add `cost`, `cost_per_conversion` and, where there are values, `roas` to the table of touchpoints.

    A touchpoint that only `costs` has gets a row without credit, so that the costs add up.
    """
    if isinstance(costs, str):
        raise ArgumentError(f"costs: {costs!r} is not a table; read it first, e.g. with pl.read_csv({costs!r}).")
    try:
        frame = costs.lazy().collect() if isinstance(costs, pl.DataFrame | pl.LazyFrame) else pl.DataFrame(costs)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"costs: {first_line(repr(costs))} is not a table of {by!r} and {cost!r}.") from error
    missing = [name for name in (by, cost) if name not in frame.columns]
    raise_all(
        [unknown_message("costs", missing, available=frame.columns, what="column")] if missing else [], UnknownNameError
    )
    if not frame[cost].dtype.is_numeric():
        raise ArgumentError(f"costs: column {cost!r} is {frame[cost].dtype}, expected numbers.")
    amounts = frame[cost].cast(pl.Float64)
    if int((amounts.is_null() | ~amounts.is_finite() | (amounts < 0)).sum()):
        raise ArgumentError(f"costs: column {cost!r} must have a number of 0 or more in each row.")
    spent = pl.DataFrame({by: label_values(frame[by].cast(pl.String)), "cost": amounts})
    spent = spent.group_by(by, maintain_order=True).agg(pl.col("cost").sum())
    joined = table.drop("cost", "cost_per_conversion", "roas", strict=False).join(
        spent, on=by, how="full", coalesce=True
    )
    counts = [pl.col("credit", "touched", "converted", "conversions", "influenced")]
    counts += [pl.col("value")] if "value" in table.columns else []
    is_new = ~pl.col(by).is_in(table[by].implode())
    joined = joined.with_columns(pl.when(is_new).then(0).otherwise(one).name.keep() for one in counts)
    joined = joined.with_columns(share=pl.when(is_new & pl.col("share").is_null()).then(0.0).otherwise("share"))
    per_conversion = pl.when(pl.col("credit") > 0).then(pl.col("cost") / pl.col("credit"))
    joined = joined.with_columns(per_conversion.alias("cost_per_conversion"))
    if "value" in table.columns:
        joined = joined.with_columns(pl.when(pl.col("cost") > 0).then(pl.col("value") / pl.col("cost")).alias("roas"))
    return joined.sort(["credit", "touched", by], descending=[True, True, False])
