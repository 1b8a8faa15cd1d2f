"""One shard → how many people are in each state of the lifecycle, per period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from journeys.analyses.calendar import Calendar
from journeys.log import View
from journeys.steps import Step, columns_used

State = Literal["new", "returning", "resurrecting", "dormant"]
STATES: tuple[State, ...] = ("new", "returning", "resurrecting", "dormant")


@dataclass(frozen=True, eq=False, slots=True)
class LifecycleSpec:
    """The options of a lifecycle, checked.

    Attributes
    ----------
    event : Step
        The event that makes a person active.
    calendar : Calendar
        The periods.
    last : int
        The number of the last period: nobody is dormant after it.
    first_events : pl.DataFrame, optional
        For a selection: `person` and `first` (number of the period) of each first event in the whole log.
    """

    event: Step
    calendar: Calendar
    last: int
    first_events: pl.DataFrame | None = None


def count(view: View, spec: LifecycleSpec) -> pl.DataFrame:
    """Count people by `period` (number of the calendar period) and `state`."""
    states = find_states(view, spec).group_by("period", "state").agg(pl.len().cast(pl.Int64).alias("people"))
    return states.sort("period", "state")


def find_states(view: View, spec: LifecycleSpec) -> pl.DataFrame:
    """Return `person`, `period` and `state`, one row per person and period with a state.

    A person who was active in weeks 1, 2 and 5 is

        new in week 1, returning in week 2, dormant in week 3, resurrecting in week 5 and dormant in week 6

    A person without any event in a period and the one before has no state in it.
    """
    active = _active_periods(view, spec)
    if spec.first_events is None:
        first = active.group_by("person", maintain_order=True).agg(first=pl.col("period").min())
    else:
        first = spec.first_events
    same = pl.col("person") == pl.col("person").shift(1)
    follows = (same & (pl.col("period").shift(1) == pl.col("period") - 1)).fill_null(value=False)
    stays = (pl.col("person").shift(-1) == pl.col("person")) & (pl.col("period").shift(-1) == pl.col("period") + 1)
    marked = active.with_columns(follows=follows, stays=stays.fill_null(value=False))
    marked = marked.join(first, on="person", how="left", maintain_order="left")
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
    return pl.concat([marked.select("person", "period", state.alias("state")), dormant])


def find_first_events(view: View, spec: LifecycleSpec) -> pl.DataFrame:
    """Return `person` and `first`, the number of the period of each person's first event."""
    return _active_periods(view, spec).group_by("person").agg(first=pl.col("period").min()).sort("person")


def _active_periods(view: View, spec: LifecycleSpec) -> pl.DataFrame:
    """Return `person` and `period`, once for each period in which a person was active."""
    rows = view.with_people_columns(columns_used([spec.event])).events
    active = rows.filter(spec.event.condition.fill_null(value=False))
    periods = active.select("person", spec.calendar.index(pl.col("timestamp")).alias("period"))
    return periods.unique().collect().sort("person", "period")
