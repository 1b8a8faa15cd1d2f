"""Counted states → the table of a lifecycle."""

from __future__ import annotations

import polars as pl

from journeys.analyses.labels import fold_values, largest_values
from journeys.analyses.lifecycle.spec import STATES, LifecycleSpec


def summarise(counts: pl.DataFrame, spec: LifecycleSpec, *, periods: pl.DataFrame) -> pl.DataFrame:
    """Add up the shards, list every period (and group), and compute the active people and the pulse."""
    labels = fold_values(counts["group"], kept=largest_groups(counts, spec))
    columns = [pl.col("people").filter(pl.col("state") == state).sum().alias(state) for state in STATES]
    states = counts.with_columns(labels).group_by("period", "group").agg(columns).rename({"period": "index"})
    listed = periods.join(states.select("group").unique(), how="cross") if spec.by else periods
    keys = ["index", "group"] if spec.by else ["index"]
    table = listed.join(states, on=keys, how="left").with_columns(pl.col(STATES).fill_null(0)).sort(keys)
    woken = pl.col("new") + pl.col("resurrecting")
    return table.select(
        "period",
        *([pl.col("group").alias(spec.group)] if spec.by else []),
        *STATES,
        (woken + pl.col("returning")).alias("active"),
        pl.when(pl.col("dormant") > 0).then(woken / pl.col("dormant")).alias("pulse"),
        "complete",
    )


def largest_groups(counts: pl.DataFrame, spec: LifecycleSpec) -> list[str | None] | None:
    """Return the values of the groups with most active people over all periods; None where all are shown."""
    if spec.by is None:
        return None
    active = counts.with_columns(people=pl.when(pl.col("state") != "dormant").then("people").otherwise(0))
    return largest_values(active, top=spec.top)
