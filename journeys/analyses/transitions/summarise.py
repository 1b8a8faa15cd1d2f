"""Counts of all shards → the table of transitions, and the matrix of their shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from journeys.analyses.flow.spec import DROP_OFF, OTHER, REACHED, FlowSpec
from journeys.analyses.flow.text import first_named
from journeys.analyses.transitions.count import STOPS


def summarise(counts: pl.DataFrame, spec: FlowSpec) -> pl.DataFrame:
    """Fold small nodes and add up."""
    if spec.top is not None:
        sizes = counts.group_by("source").agg(pl.col("moves").sum()).sort("moves", "source", descending=[True, False])
        kept = sizes["source"].head(spec.top).to_list()
        counts = counts.with_columns(
            pl.when(pl.col(name).is_in([*kept, *stops])).then(name).otherwise(pl.lit(OTHER)).alias(name)
            for name, stops in (("source", ()), ("target", STOPS))
        )
    added = counts.group_by("source", "target").agg(
        pl.col("moves").sum(), pl.col("times").explode(empty_as_null=False).median().alias("median_time")
    )
    # a journey that reaches its end neither goes on nor drops off: it is counted in the shares, but not shown
    shared = added.with_columns(share=pl.col("moves") / pl.col("moves").sum().over("source"))
    times = [pl.col("median_time").round().cast(pl.Int64).cast(pl.Duration("us"))] if spec.times else []
    table = shared.filter(pl.col("target") != REACHED).select("source", "target", "moves", "share", *times)
    return table.sort("moves", "source", "target", descending=[True, False, False])


def find_most_frequent(table: pl.DataFrame) -> dict[str, Any] | None:
    """Find the most frequent move between two nodes, if possible between two that have a name."""
    moves = table.filter(pl.col("target") != DROP_OFF)
    return None if moves.is_empty() else first_named(moves, "source", "target")


def lay_matrix(table: pl.DataFrame, *, most: int | None = None) -> pl.DataFrame:
    """Lay out the shares, one row per source and one column per target: the `most` largest, and always drop-off."""
    order = _rank_names(table)
    is_source = set(table["source"])
    sources = [name for name in order if name in is_source][:most]
    targets = [*[name for name in order if name != DROP_OFF][:most], DROP_OFF]
    row_of, column_of = ({name: number for number, name in enumerate(names)} for names in (sources, targets))
    shares = np.zeros((len(targets), len(sources)))
    for source, target, share in table.select("source", "target", "share").rows():
        if source in row_of and target in column_of:
            shares[column_of[target], row_of[source]] = share
    return pl.DataFrame({"source": sources}, schema={"source": pl.String}).with_columns(
        pl.Series(name, values, dtype=pl.Float64) for name, values in zip(targets, shares, strict=True)
    )


def _rank_names(table: pl.DataFrame) -> list[str]:
    """List the names, those with most moves between names first, "(other)" last."""
    moves = table.select(
        "source", "target", pl.when(pl.col("target") != DROP_OFF).then("moves").otherwise(0).alias("n")
    )
    ends = [moves.select(pl.col(end).alias("name"), "n") for end in ("source", "target")]
    sizes = pl.concat(ends).filter(pl.col("name") != DROP_OFF).group_by("name").agg(pl.col("n").sum())
    names: list[str] = sizes.sort("n", "name", descending=[True, False])["name"].to_list()
    return sorted(names, key=lambda name: name == OTHER)
