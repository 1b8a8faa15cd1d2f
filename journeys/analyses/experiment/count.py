"""One shard → people and outcomes per variant."""

from __future__ import annotations

import polars as pl

from journeys.analyses.experiment.spec import ExperimentSpec
from journeys.analyses.money import amount_of
from journeys.log import View
from journeys.steps import columns_used


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
    """Find the variant and the outcome of each person who was exposed.

    The clock starts at the first exposure. A goal before it does not count:

        ann  exposure a, goal           → a, converted
        bob  goal, exposure b           → b, not converted
        cem  exposure a, exposure b, …  → no variant, set apart

    Return `person`, `variant` (null for people in several), `pending`, `converted` and `value`, sorted by person.
    """
    events = view.with_people_columns([*columns_used([spec.goal]), spec.variant]).events
    read = events.select(
        "person",
        pl.int_range(pl.len(), dtype=pl.Int64).alias("row"),
        pl.col("timestamp").to_physical().cast(pl.Int64).alias("time"),
        pl.col(spec.variant).cast(pl.String).alias("variant"),
        spec.goal.condition.alias("goal"),
        amount_of(spec.measure).alias("value"),
    )
    rows = read.filter(pl.col("variant").is_not_null() | pl.col("goal")).collect()
    exposed = rows.filter(pl.col("variant").is_not_null()).group_by("person", maintain_order=True)
    entries = exposed.agg(
        pl.when(pl.col("variant").n_unique() == 1).then(pl.col("variant").first()).alias("variant"),
        pl.col("row").first().alias("entry_row"),
        pl.col("time").first().alias("entry_time"),
    )
    counted, pending = pl.col("row") > pl.col("entry_row"), pl.lit(value=False)
    if spec.within is not None:
        counted &= pl.col("time") - pl.col("entry_time") <= spec.within
        pending = pl.col("entry_time") + spec.within > spec.until
    goals = rows.filter("goal").join(entries.drop("variant"), on="person").filter(counted)
    # values are sorted before they are added, so that the order of events at one moment changes no bit
    outcomes = goals.group_by("person").agg(pl.lit(value=True).alias("converted"), pl.col("value").sort().sum())
    return (
        entries.join(outcomes, on="person", how="left", maintain_order="left")
        .with_columns(pending=pending, converted=pl.col("converted").fill_null(value=False))
        .select("person", "variant", "pending", "converted", pl.col("value").fill_null(0.0))
        .sort("person")
    )
