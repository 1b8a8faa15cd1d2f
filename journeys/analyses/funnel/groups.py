"""The groups of a breakdown: the value of each attempt, which groups are shown, and their labels.

Groups are keyed by the text of their values, null where there is no value; labels such as "(none)" and "(other)" are
put in their place only for display.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from journeys.analyses.funnel.select_attempts import ShardAttempts
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.labels import OTHER, label_values
from journeys.log import View
from journeys.log.arrays import Bools, Ints


def number_groups(view: View, found: ShardAttempts, *, spec: FunnelSpec) -> tuple[pl.DataFrame, Ints]:
    """Give each combination of values a number; return the keys of each number, and the number of each attempt."""
    groups = _values_of_attempts(view, found, spec=spec)
    # NaN finds no partner in a join: columns of floats are turned into text before it, others after it
    early = [one.name for one in groups if one.dtype.is_float()]
    table = pl.DataFrame([_to_text(one) if one.name in early else one for one in groups])
    keys = table.unique().sort(table.columns, nulls_last=False).with_row_index("")
    number = table.join(keys, on=table.columns, how="left", maintain_order="left", nulls_equal=True)[""]
    late = [_to_text(keys[name]) for name in table.columns if name not in early]
    return keys.with_columns(late), number.to_numpy().astype(np.int64)


def key_groups(view: View, found: ShardAttempts, *, spec: FunnelSpec) -> pl.DataFrame:
    """Return the keys of each attempt's group, one column per column of the breakdown."""
    return pl.DataFrame([_to_text(value) for value in _values_of_attempts(view, found, spec=spec)])


def _values_of_attempts(view: View, found: ShardAttempts, *, spec: FunnelSpec) -> list[pl.Series]:
    """Return the values of each attempt, one column each: of its events, or of the person."""
    out = []
    for name, column in zip(spec.by, spec.by_columns, strict=True):
        value = found.values.get(column)
        if value is None:
            value = _value_of_people(view, column, found.person)
            if column in found.known_at_entry:
                value = _set_null(value, ~found.known_at_entry[column])
        out.append(value.alias(name))
    return out


def _value_of_people(view: View, name: str, person: Ints) -> pl.Series:
    people = view.people.select("code", value=pl.col(name)).collect()
    # people are sorted by code, and everyone with events is among them
    return people["value"].gather(np.searchsorted(people["code"].to_numpy(), person))


def _set_null(value: pl.Series, where: Bools) -> pl.Series:
    return pl.select(pl.when(pl.Series(~where)).then(value)).to_series()


def _to_text(value: pl.Series) -> pl.Series:
    """Write values as text; zero has no sign."""
    raw = pl.col("x")
    if value.dtype.is_float():
        raw = pl.when(raw == 0).then(0.0).otherwise(raw)
    text = raw.dt.to_string("polars") if value.dtype == pl.Duration else raw.cast(pl.String)
    return value.to_frame("x").select(text.alias(value.name))[value.name]


def top_groups(counts: pl.DataFrame, *, spec: FunnelSpec) -> pl.DataFrame:
    """Return the keys of the largest groups by people who entered, and of the group without a value."""
    by = list(spec.by)
    sizes = counts.filter(pl.col("step") == 1).group_by(by).agg(pl.col("entered").sum())
    is_none = pl.all_horizontal(pl.col(by).is_null())
    ranked = sizes.filter(~is_none).sort("entered", *by, descending=[True, *[False] * len(by)])
    shown = ranked if spec.top is None else ranked.head(spec.top)
    return pl.concat([shown, sizes.filter(is_none)]).select(pl.col(by).cast(pl.String))


def fold_small_groups(counts: pl.DataFrame, listed: pl.DataFrame) -> pl.DataFrame:
    """Put the groups that are not listed into one: their keys become null, and `_is_other` is true."""
    by = listed.columns
    known = listed.with_columns(_is_listed=True)
    table = counts.join(known, on=by, how="left", maintain_order="left", nulls_equal=True)
    is_other = pl.col("_is_listed").is_null()
    keys = [pl.when(~is_other).then(pl.col(name)).alias(name) for name in by]
    return table.with_columns(*keys, _is_other=is_other).drop("_is_listed")


def sort_groups(table: pl.DataFrame, *, spec: FunnelSpec) -> pl.DataFrame:
    """Sort: the largest group first, the small ones together and the one without a value last, steps in order."""
    if not spec.by:
        return table.sort("step")
    by = list(spec.by)
    is_none = ~pl.col("_is_other") & pl.all_horizontal(pl.col(by).is_null())
    last = pl.col("_is_other").cast(pl.Int8) + 2 * is_none.cast(pl.Int8)
    keys = [last, pl.col("entered"), *map(pl.col, by), pl.col("step")]
    return table.sort(keys, descending=[False, True, *[False] * len(by), False])


def label_groups(table: pl.DataFrame, *, spec: FunnelSpec) -> pl.DataFrame:
    """Put labels in the place of keys."""
    if not spec.by:
        return table
    labels = [
        pl.when(pl.col("_is_other")).then(pl.lit(OTHER)).otherwise(label_values(table[name])).alias(name)
        for name in spec.by
    ]
    return table.with_columns(labels).drop("_is_other")
