"""Counts of all shards → who is lost at each event, how they end, and what the others went on to."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from journeys.stats import wilson


class DropoffSummary(NamedTuple):
    """The tables of a drop-off, and how many are lost, reach the goal, may still reach it, and end hidden."""

    table: pl.DataFrame
    endings: pl.DataFrame
    onward: pl.DataFrame
    lost: int
    reached: int
    pending: int
    hidden: int


def summarise(counts: pl.DataFrame) -> DropoffSummary:
    """Add up the shards, and join what is known of each event at which journeys end."""
    added = counts.group_by("kind", "nodes", "reached").agg(pl.col("people").sum())
    totals = dict(added.filter(pl.col("nodes").list.len() == 0).select("kind", "people").rows())
    lost = int(totals.get("lost", 0))
    event, last = pl.col("nodes").list.first().alias("event"), pl.col("nodes").list.last()
    endings = added.filter(kind="ending").select(last.alias("event"), pl.col("nodes").alias("last_steps"), "people")
    endings = _rank_rows(endings, "event", "last_steps")
    converted = pl.col("people").filter("reached").sum().alias("converted")
    onward = added.filter(kind="next").group_by(event, last.alias("next")).agg(pl.col("people").sum(), converted)
    onward = onward.with_columns(conversion_rate=pl.col("converted") / pl.col("people"))
    onward = _rank_rows(onward, "event", "next")
    passed = added.filter(kind="passed").group_by(event).agg(pl.col("people").sum().alias("passed"))
    most_frequent_ending = endings.group_by("event", maintain_order=True).agg(
        pl.col("people").sum(), pl.col("last_steps").first(), pl.col("people").first().alias("last_steps_people")
    )
    most_frequent_next = onward.group_by("event", maintain_order=True).agg(
        pl.col("next").first().alias("instead"),
        pl.col("people").first().alias("instead_people"),
        pl.col("conversion_rate").first().alias("instead_rate"),
    )
    table = most_frequent_ending.join(passed, on="event", how="left").join(most_frequent_next, on="event", how="left")
    low, high = wilson(table["people"], table["passed"])
    table = table.with_columns(
        share=pl.col("people") / lost if lost else pl.lit(None, dtype=pl.Float64),
        loss_rate=pl.col("people") / pl.col("passed"),
        ci_low=pl.Series(low, nan_to_null=True),
        ci_high=pl.Series(high, nan_to_null=True),
    ).select(
        "event", "people", "share", "passed", "loss_rate", "ci_low", "ci_high", "last_steps", "last_steps_people",
        "instead", "instead_people", "instead_rate",
    )  # fmt: skip
    table = table.sort("people", "event", descending=[True, False])
    counted = (int(totals.get(kind, 0)) for kind in ("reached", "pending", "hidden"))
    return DropoffSummary(table, endings, onward, lost, *counted)


def _rank_rows(table: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Sort by people, then by names; a list of names is compared as one text."""
    keys = [pl.col(n).list.join("\x1f") if table.schema[n] == pl.List(pl.String) else pl.col(n) for n in names]
    return table.sort(pl.col("people"), *keys, descending=[True, *[False] * len(keys)])
