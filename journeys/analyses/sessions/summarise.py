"""Sessions → their summary by landing page, channel or campaign."""

from __future__ import annotations

import polars as pl

from journeys.analyses.labels import fold_values


def largest_groups(sessions: pl.DataFrame, *, by: str, top: int | None) -> list[str | None] | None:
    """Return the values of the groups with most sessions, which are shown; None where all are."""
    sizes = sessions.group_by(by).len().sort("len", by, descending=[True, False], nulls_last=True)
    values = sizes[by].to_list()
    return None if top is None or len(values) <= top else values[:top]


def summarise(sessions: pl.DataFrame, *, by: str, kept: list[str | None] | None, has_goal: bool) -> pl.DataFrame:
    """Return one row per group: sessions, people, length, depth, bounces and conversions."""
    from journeys.stats import wilson

    labelled = sessions.with_columns(fold_values(sessions[by], kept=kept).alias("group"))
    summary = labelled.group_by("group").agg(
        pl.len().cast(pl.Int64).alias("sessions"),
        pl.col("person").n_unique().cast(pl.Int64).alias("people"),
        pl.col("duration").median().alias("median_duration"),
        (pl.col("events").sum() / pl.len()).alias("events_per_session"),
        (pl.col("pages").sum() / pl.len()).alias("pages_per_session"),
        pl.when(pl.col("bounced").count() > 0).then(pl.col("bounced").sum().cast(pl.Int64)).alias("bounced"),
        pl.col("converted").sum().cast(pl.Int64),
    )
    summary = summary.with_columns(bounce_rate=pl.col("bounced") / pl.col("sessions"))
    if not has_goal:
        summary = summary.drop("converted")
    else:
        low, high = wilson(summary["converted"].to_numpy(), summary["sessions"].to_numpy())
        summary = summary.with_columns(
            conversion_rate=pl.col("converted") / pl.col("sessions"),
            ci_low=pl.Series(low, dtype=pl.Float64),
            ci_high=pl.Series(high, dtype=pl.Float64),
        )
    return summary.sort("sessions", "group", descending=[True, False]).rename({"group": by})
