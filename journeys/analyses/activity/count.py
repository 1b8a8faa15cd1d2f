"""One shard → the activity of each account."""

from __future__ import annotations

import polars as pl

from journeys.analyses.activity.spec import ActivitySpec
from journeys.log import View
from journeys.steps import Step, columns_used


def count(view: View, spec: ActivitySpec) -> pl.DataFrame:
    """Count the activity of each account; accounts are never split, so that the rows of shards just follow each other.

    For instance, with a window of 7 days before day 14:

        day 2   ann  Completed Task   → before
        day 9   ann  Completed Task   → in the window; last active on day 9, silent for 5 days, trend 1

    Return `account`, `members`, `first_seen`; `active_members`, `active_days`, `events`, `breadth` (in the window),
    `events_before` (in the window before it), `last_active`, `last_contact`; as `own` a struct of all columns of the
    account, whose names may equal those of the counts.
    """
    steps = [step for step in (spec.active, spec.contact) if step is not None]
    rows = view.with_people_columns(columns_used(steps)).events
    time = pl.col("timestamp").to_physical().cast(pl.Int64)
    rows = rows.filter(time <= spec.until)
    is_active, is_contact = _step_condition(spec.active, default=True), _step_condition(spec.contact, default=False)
    in_window = is_active & (time > spec.until - spec.window)
    before = is_active & (time <= spec.until - spec.window) & (time > spec.until - 2 * spec.window)
    counted = rows.group_by("person").agg(
        pl.col("member").n_unique().cast(pl.Int64).alias("members"),
        pl.col("timestamp").min().alias("first_seen"),
        pl.col("member").filter(in_window).n_unique().cast(pl.Int64).alias("active_members"),
        pl.col("timestamp").filter(in_window).dt.date().n_unique().cast(pl.Int64).alias("active_days"),
        in_window.sum().cast(pl.Int64).alias("events"),
        pl.col("event").filter(in_window).n_unique().cast(pl.Int64).alias("breadth"),
        before.sum().cast(pl.Int64).alias("events_before"),
        pl.col("timestamp").filter(is_active).max().alias("last_active"),
        pl.col("timestamp").filter(is_contact).max().alias("last_contact"),
    )
    accounts = view.people.select("code", pl.col("person").alias("account"), pl.struct(pl.exclude("code")).alias("own"))
    return accounts.join(counted, left_on="code", right_on="person", how="inner").sort("code").drop("code").collect()


def _step_condition(step: Step | None, *, default: bool) -> pl.Expr:
    return pl.lit(value=default) if step is None else step.condition
