"""Counted active days → the table of stickiness."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from journeys.analyses.calendar import list_periods
from journeys.analyses.labels import fold_values
from journeys.analyses.stickiness.spec import StickinessSpec


def summarise(
    counts: pl.DataFrame,
    spec: StickinessSpec,
    *,
    kept: Sequence[str | None] | None,
    observed: tuple[datetime | None, datetime | None],
) -> pl.DataFrame:
    """Add up the shards, and compute the share of people by their number of active days.

    For instance, of four people in one week:

        days 1  people 3  → share 0.75, at least 1.0
        days 2  people 1  → share 0.25, at least 0.25
    """
    labelled = counts.with_columns(fold_values(counts["group"], kept=kept)).rename({"period": "index"})
    keys = ["index", "group"]
    total = pl.col("people").sum().over(keys)
    reached = pl.col("people").reverse().cum_sum().reverse().over(keys)
    table = (
        list_periods(spec.of, observed)
        .join(labelled.group_by(*keys, "days").agg(pl.col("people").sum()), on="index", how="inner")
        .sort(*keys, "days")
        .with_columns(share=pl.col("people") / total, at_least=reached / total)
    )
    groups = [pl.col("group").alias(spec.group)] if spec.by else []
    return table.select("period", *groups, "days", "people", "share", "at_least", "complete")
