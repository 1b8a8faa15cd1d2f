"""One shard → how often each event occurs: per day and source, per person, per property and value."""

from __future__ import annotations

import polars as pl

from journeys.analyses.dictionary.spec import DictionarySpec
from journeys.log import View


def count_people(view: View, _: object) -> pl.DataFrame:
    """Count people and rows by `event`, with the first and the last time it was seen."""
    counted = view.events.group_by("event").agg(
        pl.len().cast(pl.Int64).alias("rows"),
        pl.col("person").n_unique().cast(pl.Int64).alias("people"),
        pl.col("timestamp").min().alias("first_seen"),
        pl.col("timestamp").max().alias("last_seen"),
    )
    return counted.sort("event").collect()


def count_days(view: View, spec: DictionarySpec) -> pl.DataFrame:
    """Count rows by `event`, `source` and `day` (UTC), and of these the `recent` ones and those `before`."""
    at = pl.col("timestamp")
    recent = pl.lit(value=False) if spec.recent is None else at > spec.recent
    before = pl.lit(value=False) if spec.before is None else (at > spec.before) & (at <= spec.recent)
    source = pl.col("source").cast(pl.String) if "source" in view.schema else pl.lit(None, dtype=pl.String)
    counted = view.events.group_by("event", source.alias("source"), at.dt.date().alias("day")).agg(
        pl.len().cast(pl.Int64).alias("rows"),
        recent.sum().cast(pl.Int64).alias("recent"),
        before.sum().cast(pl.Int64).alias("before"),
    )
    return counted.sort("event", "source", "day").collect()


def count_values(view: View, spec: DictionarySpec) -> pl.DataFrame:
    """Count rows and people by `event`, `property` and `value` (as text), where the value is not missing."""
    found = [
        view.events.filter(pl.col(name).is_not_null())
        .group_by("event", pl.lit(name).alias("property"), pl.col(name).cast(pl.String).alias("value"))
        .agg(pl.len().cast(pl.Int64).alias("rows"), pl.col("person").n_unique().cast(pl.Int64).alias("people"))
        for name in spec.properties
    ]
    if not found:
        empty = view.events.head(0).select(
            "event", property=pl.lit(""), value=pl.lit(""), rows=pl.lit(0), people=pl.lit(0)
        )
        return empty.cast({"rows": pl.Int64, "people": pl.Int64}).collect()
    return pl.concat(found).sort("event", "property", "value").collect()
