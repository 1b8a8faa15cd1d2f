"""One shard → people and outcomes per variant."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from journeys.analyses.money import amount_of
from journeys.log import View
from journeys.steps import Step, columns_used


@dataclass(frozen=True, eq=False, slots=True)
class ExperimentSpec:
    """The options of an experiment, checked.

    Attributes
    ----------
    variant : str
        The column of the variant; an event where it is filled is an exposure.
    goal : Step
        The event of converting.
    within : int, optional
        How long after the first exposure a conversion counts, in microseconds.
    until : int
        The end of the observation, in microseconds: with `within`, later exposures are pending.
    measure : str, optional
        The numeric column that is summed over the goal's events after the exposure.
    """

    variant: str
    goal: Step
    within: int | None
    until: int
    measure: str | None


def count(view: View, spec: ExperimentSpec) -> pl.DataFrame:
    """Count people per variant.

    Return `variant` (null: people in several variants), `people`, `pending`, `converted` (Int64), `values`
    (List[Float64]: the measured value of each person who is not pending).
    """
    outcomes = find_outcomes(view, spec)
    observed = ~pl.col("pending")
    counts = outcomes.group_by("variant").agg(
        observed.sum().cast(pl.Int64).alias("people"),
        pl.col("pending").sum().cast(pl.Int64),
        (observed & pl.col("converted")).sum().cast(pl.Int64).alias("converted"),
        pl.col("value").filter(observed).alias("values"),
    )
    return counts.sort("variant", nulls_last=True)


def find_outcomes(view: View, spec: ExperimentSpec) -> pl.DataFrame:
    """Return `person`, `variant`, `pending`, `converted` and `value`, one row per person who was exposed.

    The first exposure decides when the clock starts; a person exposed to several variants has none. A goal before the
    exposure does not count.

        ann  exposure a, goal           → a, converted
        bob  goal, exposure b           → b, not converted
        cem  exposure a, exposure b, …  → set apart
    """
    events = view.with_people_columns([*columns_used([spec.goal]), spec.variant]).events
    value = amount_of(spec.measure)
    read = events.select(
        "person",
        pl.int_range(pl.len(), dtype=pl.Int64).alias("place"),
        pl.col("timestamp").to_physical().cast(pl.Int64).alias("time"),
        pl.col(spec.variant).cast(pl.String).alias("variant"),
        spec.goal.condition.alias("goal"),
        value.alias("value"),
    )
    rows = read.filter(pl.col("variant").is_not_null() | pl.col("goal")).collect()
    exposed = rows.filter(pl.col("variant").is_not_null()).group_by("person", maintain_order=True)
    entries = exposed.agg(
        pl.when(pl.col("variant").n_unique() == 1).then(pl.col("variant").first()).alias("variant"),
        pl.col("place").first().alias("entry"),
        pl.col("time").first().alias("begin"),
    )
    goals = rows.filter("goal").join(entries.select("person", "entry", "begin"), on="person", how="inner")
    counted = pl.col("place") > pl.col("entry")
    if spec.within is not None:
        counted &= pl.col("time") - pl.col("begin") <= spec.within
    reached = goals.filter(counted).sort("person", "place").group_by("person", maintain_order=True)
    outcomes = reached.agg(pl.lit(value=True).alias("converted"), pl.col("value").sort().sum())
    pending = pl.lit(value=False)
    if spec.within is not None:
        pending = pl.col("begin") + spec.within > spec.until
    return (
        entries.join(outcomes, on="person", how="left", maintain_order="left")
        .with_columns(pending=pending, converted=pl.col("converted").fill_null(value=False))
        .select("person", "variant", "pending", "converted", pl.col("value").fill_null(0.0))
        .sort("person")
    )
