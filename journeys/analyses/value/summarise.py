"""Counted people and payments → cumulative value per person by age, with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.analyses.labels import fold_values, label_values, largest_values
from journeys.analyses.value.spec import ValueSpec
from journeys.stats import check_draws, draw_counts, percentile_interval, to_columns

Floats = npt.NDArray[np.float64]

_MOST_BYTES = 1 << 26


def largest_groups(counts: pl.DataFrame, *, top: int | None) -> list[str | None] | None:
    """Return the groups that are shown, None for all."""
    return largest_values(counts, top=top)


def summarise(
    counts: pl.DataFrame, spec: ValueSpec, *, kept: Sequence[str | None] | None, draws: int, seed: int
) -> pl.DataFrame:
    """Make one row per group and age; a group's rows end with the last age that anybody has reached."""
    labelled = counts.with_columns(
        fold_values(counts["group"], kept=kept) if spec.by else label_values(counts["group"])
    )
    parts = labelled.partition_by("group", as_dict=True, maintain_order=True)
    order = labelled.group_by("group").agg(pl.col("people").sum()).sort("people", "group", descending=[True, False])
    rng = np.random.default_rng(seed)
    frames = [_summarise_group(parts[(group,)], group, draws=draws, rng=rng) for group in order["group"].to_list()]
    schema = {
        "group": pl.String, "age": pl.Int64, "people": pl.Int64, "paying": pl.Int64, "value": pl.Float64,
        "per_person": pl.Float64, "ci_low": pl.Float64, "ci_high": pl.Float64, "per_payer": pl.Float64,
        "before": pl.Int64, "complete": pl.Boolean,
    }  # fmt: skip
    table = pl.concat([pl.DataFrame(schema=schema), *(frame for frame in frames if frame.height)])
    return table.rename({"group": spec.by}) if spec.by else table.drop("group")


def _summarise_group(part: pl.DataFrame, group: str, *, draws: int, rng: np.random.Generator) -> pl.DataFrame:
    """Add up one group; people are in the rows of the ages that they have completed, payments up to the end of each.

    For instance, of two people with 2 complete periods and 1, who paid 10 and 30 at age 0, and the first 5 at age 1:

        age 0   people 2   value 40   per person 20
        age 1   people 1   value 15   per person 15
    """
    part = part.sort("person", "periods")
    payers, others = part.filter(pl.col("person").is_not_null()), part.filter(pl.col("person").is_null())
    others = others.group_by("periods").agg(pl.col("people", "before").sum()).sort("periods")
    ages = int(part["periods"].max() or 0)  # type: ignore[arg-type]
    if ages < 1:
        return pl.DataFrame()
    number = np.arange(ages)
    is_old, is_old_other = (
        payers["periods"].to_numpy()[:, None] > number,
        others["periods"].to_numpy()[:, None] > number,
    )
    amounts, has_paid = _spread_payments(payers, ages)
    values, paying = np.cumsum(amounts, axis=1) * is_old, np.maximum.accumulate(has_paid, axis=1) & is_old
    others_people = others["people"].to_numpy()
    people = is_old.sum(axis=0) + others_people @ is_old_other
    before = payers["before"].to_numpy() @ is_old + others["before"].to_numpy() @ is_old_other
    value = values.sum(axis=0)
    low, high = percentile_interval(_draw_means(values, is_old, is_old_other, others_people, draws=draws, rng=rng).T)
    payer_count = paying.sum(axis=0)
    with np.errstate(invalid="ignore"):
        columns = to_columns(per_person=value / people, ci_low=low, ci_high=high, per_payer=value / payer_count)
    whole = payers.height + int(others_people.sum())
    return pl.DataFrame({"age": number, "people": people, "paying": payer_count, "value": value}).select(
        pl.lit(group).alias("group"),
        pl.col("age", "people", "paying").cast(pl.Int64),
        pl.col("value").cast(pl.Float64),
        *columns,
        pl.Series("before", before, dtype=pl.Int64),
        pl.Series("complete", people == whole),
    )


def _spread_payments(payers: pl.DataFrame, ages: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Lay out the amounts of payers by period of age, and whether there was any payment; later ones are left out."""
    length = payers["ages"].list.len().to_numpy()
    row = np.repeat(np.arange(payers.height), length)
    age = payers["ages"].explode(empty_as_null=False).to_numpy().astype(np.int64)
    amount = payers["amounts"].explode(empty_as_null=False).to_numpy().astype(np.float64)
    counted = age < ages
    place = row[counted] * ages + age[counted]
    size = payers.height * ages
    added = np.bincount(place, weights=amount[counted], minlength=size).astype(np.float64)
    return added.reshape(payers.height, ages), (np.bincount(place, minlength=size) > 0).reshape(payers.height, ages)


def _draw_means(
    values: Floats,
    is_old: npt.NDArray[np.bool_],
    is_old_other: npt.NDArray[np.bool_],
    others_people: npt.NDArray[np.int64],
    *,
    draws: int,
    rng: np.random.Generator,
) -> Floats:
    """Return the value per person of each draw and age: payers are drawn one by one, others by completed periods."""
    check_draws(draws, people=len(values), rows=values.shape[1])
    at_once = max(1, min(draws, _MOST_BYTES // (8 * max(len(values), 1))))
    found = []
    for first in range(0, draws, at_once):
        batch = min(at_once, draws - first)
        drawn = draw_counts(np.ones(len(values), dtype=np.int64), draws=batch, rng=rng).T.astype(np.float64)
        others = draw_counts(others_people, draws=batch, rng=rng).T
        people = drawn @ is_old + others @ is_old_other
        found.append(np.divide(drawn @ values, people, out=np.full(people.shape, np.nan), where=people > 0))
    return np.concatenate(found)
