"""Counts per variant → the table of an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from math import fsum

import polars as pl

from journeys.stats import adjust, to_columns, wilson
from journeys.stats.experiments import Sample, compare_samples, sample_ratio_p


def add_up(counts: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Add up the counts of shards; return a row per variant, by name, and the people exposed to several."""
    people = ["people", "pending", "converted"]
    summed = counts.group_by("variant").agg(pl.col(people).sum(), pl.col("values").explode(empty_as_null=False))
    in_several = summed.filter(pl.col("variant").is_null())
    return summed.drop_nulls("variant").sort("variant"), int((in_several["people"] + in_several["pending"]).sum())


def summarise(
    variants: pl.DataFrame, *, control: str, expected: Mapping[str, float], by_value: bool
) -> tuple[pl.DataFrame, float | None]:
    """Compare every variant with the control; return the table and the p-value of the sample ratio."""
    ordered = variants.with_columns(first=pl.col("variant") == control).sort(
        "first", "variant", descending=[True, False]
    )
    samples = [_describe_sample(row, by_value=by_value) for row in ordered.iter_rows(named=True)]
    lifts = [None, *(compare_samples(sample, samples[0]) for sample in samples[1:])]
    rows = [{} if lift is None else lift._asdict() for lift in lifts]
    names = {"low": "difference_low", "high": "difference_high"}
    columns = ["difference", "low", "high", "lift", "lift_low", "lift_high", "p_value"]
    compared = {names.get(name, name): pl.Series([row.get(name) for row in rows], dtype=pl.Float64) for name in columns}
    q_values = adjust(compared["p_value"].fill_null(float("nan")).to_numpy()[1:])
    table = ordered.select("variant", "people", "pending", "converted").with_columns(
        **_measure_outcomes(ordered, samples, by_value=by_value),
        **compared,
        q_value=pl.Series([None, *q_values], dtype=pl.Float64).fill_nan(None),
    )
    people = (variants["people"] + variants["pending"]).to_list()
    shares = [expected.get(name, 0.0) for name in variants["variant"]]
    return table, sample_ratio_p(people, expected=shares) if all(shares) else None


def _describe_sample(row: dict[str, object], *, by_value: bool) -> Sample:
    """Return size, mean and variance of the outcomes of one variant."""
    people, converted = int(row["people"]), int(row["converted"])  # type: ignore[call-overload]
    if not people:
        return Sample(0, 0.0, 0.0)
    if not by_value:
        rate = converted / people
        return Sample(people, rate, rate * (1 - rate))
    values = sorted(row["values"])  # type: ignore[call-overload]
    mean = fsum(values) / people
    variance = fsum((value - mean) ** 2 for value in values) / (people - 1) if people > 1 else 0.0
    return Sample(people, mean, variance)


def _measure_outcomes(ordered: pl.DataFrame, samples: list[Sample], *, by_value: bool) -> dict[str, pl.Series]:
    """Return the mean of a measure, or the rate with Wilson's interval."""
    mean = pl.Series([sample.mean if sample.n else None for sample in samples], dtype=pl.Float64)
    if by_value:
        return {"mean": mean}
    low, high = wilson(ordered["converted"].to_numpy(), ordered["people"].to_numpy())
    return {"rate": mean} | {end.name: end for end in to_columns(ci_low=low, ci_high=high)}
