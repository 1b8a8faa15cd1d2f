"""The groups of a breakdown: the value of each attempt, its label, and which groups are shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from journeys.analyses.funnel.select_attempts import ShardAttempts
from journeys.analyses.funnel.spec import NONE, OTHER, FunnelSpec
from journeys.log import View
from journeys.log.arrays import Ints

__all__ = ["fold_small_groups", "label_groups", "number_groups", "sort_groups", "top_groups"]


def number_groups(view: View, found: ShardAttempts, *, spec: FunnelSpec) -> tuple[pl.DataFrame, Ints]:
    """Give each combination of values a number; return the labels of each number, and the number of each attempt."""
    groups = _values_of_attempts(view, found, spec=spec)
    # NaN finds no partner in a join: columns of floats are turned into text before it, others after it
    early = [one.name for one in groups if one.dtype.is_float()]
    table = pl.DataFrame([_to_labels(one) if one.name in early else one for one in groups])
    labels = table.unique().sort(table.columns, nulls_last=False).with_row_index("")
    number = table.join(labels, on=table.columns, how="left", maintain_order="left", nulls_equal=True)[""]
    late = [_to_labels(labels[name]) for name in table.columns if name not in early]
    return labels.with_columns(late), number.to_numpy().astype(np.int64)


def label_groups(view: View, found: ShardAttempts, *, spec: FunnelSpec) -> list[pl.Series]:
    """Return the labels of each attempt's values, one column each."""
    return [_to_labels(value) for value in _values_of_attempts(view, found, spec=spec)]


def _values_of_attempts(view: View, found: ShardAttempts, *, spec: FunnelSpec) -> list[pl.Series]:
    """Return the values of each attempt, one column each: of its events, or of the person."""
    return [
        (found.values[column] if column in found.values else _value_of_people(view, column, found.person)).alias(name)
        for name, column in zip(spec.by, spec.by_columns, strict=True)
    ]


def _value_of_people(view: View, name: str, person: Ints) -> pl.Series:
    people = view.people.select("code", value=pl.col(name)).collect()
    # people are sorted by code, and everyone with events is among them
    return people["value"].gather(np.searchsorted(people["code"].to_numpy(), person))


def _to_labels(value: pl.Series) -> pl.Series:
    """Write values as text; null becomes "(none)", and zero has no sign."""
    raw = pl.col("x")
    if value.dtype.is_float():
        raw = pl.when(raw == 0).then(0.0).otherwise(raw)
    text = raw.dt.to_string("polars") if value.dtype == pl.Duration else raw.cast(pl.String)
    quoted = pl.when(text.is_in([NONE, OTHER])).then('"' + text + '"').otherwise(text).fill_null(NONE)
    return value.to_frame("x").select(quoted.alias(value.name))[value.name]


def top_groups(counts: pl.DataFrame, *, spec: FunnelSpec) -> list[tuple[str, ...]]:
    """Return the largest groups by people who entered, and the one without a value."""
    by = list(spec.by)
    sizes = counts.filter(pl.col("step") == 1).group_by(by).agg(pl.col("entered").sum())
    is_none = pl.all_horizontal(pl.col(name) == NONE for name in by)
    ranked = sizes.filter(~is_none).sort("entered", *by, descending=[True, *[False] * len(by)])
    shown = ranked if spec.top is None else ranked.head(spec.top)
    return [*shown.select(by).rows(), *sizes.filter(is_none).select(by).rows()]


def fold_small_groups(counts: pl.DataFrame, listed: Sequence[tuple[str, ...]], *, spec: FunnelSpec) -> pl.DataFrame:
    """Put the groups that are not listed into "(other)"."""
    shown = pl.DataFrame(listed, schema=dict.fromkeys(spec.by, pl.String), orient="row")
    known = counts.join(shown.with_columns(known=True), on=list(spec.by), how="left", maintain_order="left")
    is_other = pl.col("known").is_null()
    named = [pl.when(is_other).then(pl.lit(OTHER)).otherwise(pl.col(name)).alias(name) for name in spec.by]
    return known.with_columns(named).drop("known")


def sort_groups(table: pl.DataFrame, *, spec: FunnelSpec) -> pl.DataFrame:
    """Sort: the largest group first, "(other)" and "(none)" last, steps in order."""
    if not spec.by:
        return table.sort("step")
    by = list(spec.by)
    last = pl.all_horizontal(pl.col(name) == OTHER for name in by).cast(pl.Int8)
    last += 2 * pl.all_horizontal(pl.col(name) == NONE for name in by).cast(pl.Int8)
    keys = [last.alias("_last"), pl.col("entered"), *map(pl.col, by), pl.col("step")]
    return table.sort(keys, descending=[False, True, *[False] * len(by), False])
