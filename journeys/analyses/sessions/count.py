"""One shard → one row per session."""

from __future__ import annotations

import polars as pl

from journeys.analyses.breakdown import group_of_events
from journeys.analyses.sessions.spec import OWN_GROUPS, SessionsSpec
from journeys.log import View
from journeys.log.boundaries import starts_session
from journeys.steps import columns_used


def count(view: View, spec: SessionsSpec) -> pl.DataFrame:
    """List the sessions of a shard, one row each, in the order of the log.

    A session starts with a person's first event, after a silence of `gap` or more, and, if asked, at a touch of another
    campaign. For instance, with a gap of 30 minutes:

        ann 10:00, ann 10:29, ann 10:59 → two sessions: 10:00 to 10:29, and 10:59
    """
    steps = [spec.page_view, *([spec.goal] if spec.goal is not None else [])]
    view, group = group_of_events(
        view.with_people_columns(columns_used(steps)), None if spec.by in OWN_GROUPS else spec.by
    )
    rows = view.events
    columns = rows.collect_schema().names()
    is_page = spec.page_view.condition
    page = pl.col(spec.page) if spec.page else pl.lit(None, dtype=pl.String)
    goal = spec.goal.condition if spec.goal is not None else pl.lit(value=False)
    first_of: dict[str, pl.Expr] = {
        name: pl.col(name).cast(pl.String) for name in ("channel", "campaign", "replay_url") if name in columns
    }
    if spec.by not in OWN_GROUPS:
        first_of[spec.group] = group
    marked = rows.select(
        "person",
        "timestamp",
        starts_session(spec.gap, campaign_columns=spec.campaign_columns).cum_sum().alias("number"),
        is_page.alias("is_page"),
        page.cast(pl.String).alias("page"),
        goal.alias("is_goal"),
        *(value.alias(f"first:{name}") for name, value in first_of.items()),
    )
    grouped = marked.group_by("person", "number").agg(
        pl.col("timestamp").min().alias("start"),
        pl.col("timestamp").max().alias("end"),
        pl.len().cast(pl.Int64).alias("events"),
        pl.col("is_page").sum().cast(pl.Int64).alias("pages"),
        pl.col("page").drop_nulls().first().alias("landing"),
        pl.col("page").drop_nulls().last().alias("exit"),
        pl.col("is_goal").any().alias("converted"),
        *(pl.col(f"first:{name}").drop_nulls().first().alias(name) for name in first_of),
    )
    found = grouped.collect().sort("person", "number")
    session = (pl.col("number") - pl.col("number").min().over("person") + 1).cast(pl.Int64)
    labels = view.people.select("code", label="person").collect()
    return (
        found.with_columns(
            session=session,
            duration=pl.col("end") - pl.col("start"),
            bounced=(pl.col("events") == 1) & (pl.col("pages") == 1),
            **{
                name: pl.lit(None, dtype=pl.String) for name in (*OWN_GROUPS, "replay_url") if name not in found.columns
            },
        )
        .join(labels, left_on="person", right_on="code", how="left", maintain_order="left")
        .rename({"person": "code"})
    )
