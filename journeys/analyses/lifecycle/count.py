"""One shard → how many people are in each state of the lifecycle, per period."""

from __future__ import annotations

import polars as pl

from journeys.analyses.lifecycle.spec import LifecycleSpec
from journeys.analyses.period_lookup import read_active_periods
from journeys.log import View


def count(view: View, spec: LifecycleSpec) -> pl.DataFrame:
    """Count people by `period` (number of the calendar period), `group` (null is no value) and `state`."""
    keys = ["period", "group", "state"]
    return find_states(view, spec).group_by(keys).agg(pl.len().cast(pl.Int64).alias("people")).sort(keys)


def count_dormant_before(view: View, spec: LifecycleSpec) -> pl.DataFrame:
    """Count, as `count` does, the people who are dormant in the first period; of journeys that are not cut in time."""
    return count(view, spec).filter((pl.col("period") == spec.begin) & (pl.col("state") == "dormant"))


def find_states(view: View, spec: LifecycleSpec) -> pl.DataFrame:
    """Return `person`, `group`, `period` and `state`, one row per person and period with a state.

    A person who was active in weeks 1, 2 and 5 is

        new in week 1, returning in week 2, dormant in week 3, resurrecting in week 5 and dormant in week 6

    A person without any event in a period and the one before has no state in it.
    """
    active = read_active_periods(view, spec.event, [spec.calendar], by=spec.by)
    # a person is in one group throughout, so that the groups add up
    group = active.unique("person", keep="first", maintain_order=True).select("person", "group")
    active = active.sort("person", "period")
    first = _describe_first(active, spec) if spec.first_events is None else spec.first_events
    same = pl.col("person") == pl.col("person").shift(1)
    follows = (same & (pl.col("period").shift(1) == pl.col("period") - 1)).fill_null(value=False)
    stays = (pl.col("person").shift(-1) == pl.col("person")) & (pl.col("period").shift(-1) == pl.col("period") + 1)
    marked = active.with_columns(follows=follows, stays=stays.fill_null(value=False))
    # of the period before a selection, only the whole log knows who was active
    was_there = (pl.col("period") == spec.begin) & pl.col("before").fill_null(value=False)
    marked = marked.join(first, on="person", how="left", maintain_order="left")
    marked = marked.with_columns(follows=pl.col("follows") | was_there)
    state = (
        pl.when(pl.col("period") == pl.col("first"))
        .then(pl.lit("new"))
        .when("follows")
        .then(pl.lit("returning"))
        .otherwise(pl.lit("resurrecting"))
    )
    dormant = marked.filter(~pl.col("stays") & (pl.col("period") < spec.last)).select(
        "person", pl.col("period") + 1, pl.lit("dormant").alias("state")
    )
    states = pl.concat([marked.select("person", "period", state.alias("state")), dormant])
    return states.join(group, on="person", how="left").sort("person", "period")


def find_first_events(view: View, spec: LifecycleSpec) -> pl.DataFrame:
    """Return `person`, `first` (the period of each person's first event), `before` (active before the first period)."""
    return _describe_first(read_active_periods(view, spec.event, [spec.calendar], by=spec.by), spec).sort("person")


def _describe_first(active: pl.DataFrame, spec: LifecycleSpec) -> pl.DataFrame:
    before = (pl.col("period") == spec.begin - 1).any()
    return active.group_by("person").agg(first=pl.col("period").min(), before=before)
