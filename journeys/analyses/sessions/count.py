"""One shard → one row per session."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from journeys.analyses.breakdown import group_of_events, name_group
from journeys.log import View
from journeys.log.boundaries import starts_session
from journeys.steps import Step, columns_used

OWN_GROUPS = ("landing", "exit", "channel", "campaign")
"""Columns of sessions that form groups."""


@dataclass(frozen=True, eq=False, slots=True)
class SessionsSpec:
    """The options of sessions, checked.

    Attributes
    ----------
    gap : int
        The silence that ends a session, in microseconds.
    campaign_columns : tuple of str
        The campaign columns by which sessions start, if asked.
    page_view : Step
        The event that counts as a page view.
    page : str, optional
        The column of the page, for landing and exit pages.
    goal : Step, optional
        The event that makes a session a converting one.
    by : str
        The column of the summary's groups: one of the sessions' columns, or of the log.
    """

    gap: int
    campaign_columns: tuple[str, ...]
    page_view: Step
    page: str | None
    goal: Step | None
    by: str

    @property
    def group(self) -> str:
        """What the column of the groups is called in the tables."""
        return self.by if self.by in OWN_GROUPS else name_group(self.by)


def find_sessions(view: View, spec: SessionsSpec) -> pl.DataFrame:
    """Return one row per session, in the order of the log.

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
