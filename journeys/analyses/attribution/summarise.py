"""Counted paths → the credit of each touchpoint."""

from __future__ import annotations

import numpy as np
import polars as pl

from journeys.analyses.attribution.count import TouchPaths
from journeys.analyses.attribution.credit import share_credit
from journeys.analyses.attribution.spec import AttributionSpec
from journeys.analyses.labels import label_values
from journeys.arrays import Ints


def summarise_touches(paths: TouchPaths, spec: AttributionSpec) -> pl.DataFrame:
    """Make one row per touchpoint, and one for the conversions without any; highest credit first."""
    total = paths.path_of.size
    touched, converted, conversions, influenced = _count_touched(paths)
    columns = {
        "touch": pl.Series([*paths.names, None], dtype=pl.String),
        "credit": pl.Series(share_credit(paths, spec, amount=np.ones(total)), dtype=pl.Float64),
        "touched": pl.Series(touched, dtype=pl.Int64),
        "converted": pl.Series(converted, dtype=pl.Int64),
        "conversions": pl.Series(conversions, dtype=pl.Int64),
        "influenced": pl.Series([*influenced.tolist(), None], dtype=pl.Int64),
    }
    rates = {
        "share": pl.col("credit") / total if total else pl.lit(None, dtype=pl.Float64),
        # people without a touchpoint are counted only when they converted: they have no rate and no influence
        "conversion_rate": pl.when(pl.col("touch").is_not_null()).then(pl.col("converted") / pl.col("touched")),
    }
    shown = ["credit", "share", "touched", "converted", "conversion_rate", "conversions", "influenced"]
    if spec.value is not None:
        columns["value"] = pl.Series(share_credit(paths, spec, amount=paths.value), dtype=pl.Float64)
        rates["value_per_conversion"] = pl.when(pl.col("credit") > 0).then(pl.col("value") / pl.col("credit"))
        shown += ["value", "value_per_conversion"]
    table = pl.DataFrame(columns).with_columns(**rates)
    table = table.filter(pl.col("touch").is_not_null() | (pl.col("converted") > 0))
    labelled = table.select(label_values(table["touch"]).alias(spec.by), *shown)
    return labelled.sort(["credit", "touched", spec.by], descending=[True, True, False])


def touch_labels(paths: TouchPaths) -> list[str]:
    """Return the label of each touchpoint, and of none."""
    return label_values(pl.Series("touch", [*paths.names, None], dtype=pl.String)).to_list()


def _count_touched(paths: TouchPaths) -> tuple[Ints, Ints, Ints, Ints]:
    """Count per touchpoint the people touched, those of them who converted, their conversions, those it influenced.

    The first three have one more entry, for the conversions without a touchpoint.
    """
    size, persons = len(paths.names), paths.code.size
    conversion, at = paths.touch_rows
    untouched = np.flatnonzero(paths.is_untouched)
    # each pair of a touchpoint and a person who converted, once; touchpoint `size` stands for none
    pairs = [paths.touch[at] * persons + paths.person[conversion], size * persons + paths.person[untouched]]
    touch, person = np.divmod(np.unique(np.concatenate(pairs)), max(persons, 1))
    converted = np.bincount(touch, minlength=size + 1)
    conversions_of = np.bincount(paths.person, minlength=persons)
    conversions = np.bincount(touch, weights=conversions_of[person], minlength=size + 1).astype(np.int64)
    conversions[size] = untouched.size
    lost = _sum_by_touchpoint(paths, paths.lost)
    influenced = _sum_by_touchpoint(paths, np.bincount(paths.path_of, minlength=paths.lost.size))
    return converted + np.append(lost, 0), converted, conversions, influenced


def _sum_by_touchpoint(paths: TouchPaths, by_path: Ints) -> Ints:
    """Add up a count of paths for each touchpoint that occurs in them."""
    weights = np.where(paths.first_occurrences, by_path[paths.path_of_touch], 0)
    return np.bincount(paths.touch, weights=weights, minlength=len(paths.names)).astype(np.int64)


def summarise_paths(paths: TouchPaths) -> pl.DataFrame:
    """Make one row per distinct path, converted or not; most people first."""
    number, persons = paths.converted.size, max(paths.code.size, 1)
    converted = np.bincount(np.unique(paths.path_of * persons + paths.person) // persons, minlength=number)
    touches = pl.Series(paths.names, dtype=pl.String).gather(paths.touch)
    listed = (
        pl.DataFrame({"row": paths.path_of_touch, "path": touches}).group_by("row", maintain_order=True).agg("path")
    )
    table = (
        pl.DataFrame({"row": np.arange(number), "lost": paths.lost, "converted": converted})
        .with_columns(conversions=pl.Series(np.bincount(paths.path_of, minlength=number), dtype=pl.Int64))
        .join(listed, on="row", how="left")
        .with_columns(pl.col("path").fill_null(pl.lit([], dtype=pl.List(pl.String))))
        .group_by("path")
        .agg(pl.col("lost", "converted", "conversions").sum().cast(pl.Int64))
        .with_columns(people=pl.col("lost") + pl.col("converted"))
    )
    rate = (pl.col("converted") / pl.col("people")).alias("conversion_rate")
    return table.select("path", "people", "converted", rate, "conversions").sort(
        "people", "path", descending=[True, False]
    )
