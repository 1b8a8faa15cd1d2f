"""One shard → people per step and group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.funnel.select_attempts import NEVER, ShardAttempts, concat_attempts, map_parts
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.labels import OTHER, label_values
from journeys.arrays import Bools, Ints, parallel_map
from journeys.log import View


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


def count(view: View, spec: FunnelSpec) -> pl.DataFrame:
    """Count the people at each step of each group, with the times between steps.

    Return the keys of `by` (String), `step` (1-based), `entered`, `people`, `dropped`, `at_previous` (took the step
    that the rate is measured against), `continued` (took both), `late` (have the value of their group only from a later
    step; Int64), `from_previous` and `from_start` (List of Int64, µs). Of attempts that got no further, `_person`, the
    code of the person, and `_start` and `_end`, the positions (as in `Rows`) of the first and the last step taken (List
    of Int64).
    """
    if spec.by:
        parts = map_parts(view, spec, work=lambda part: part)
        keys, number = number_groups(view, concat_attempts(parts), spec=spec)
        groups = np.split(number, np.cumsum([len(part.person) for part in parts[:-1]], dtype=np.int64))
        counted = parallel_map(
            lambda one: _count_steps(*one, spec=spec, size=keys.height), zip(parts, groups, strict=True)
        )
    else:
        keys = pl.DataFrame({"": [0]})
        counted = map_parts(
            view,
            spec,
            work=lambda part: _count_steps(part, np.zeros(len(part.person), dtype=np.int8), spec=spec, size=1),
        )
    return pl.concat(
        [_add_parts(keys, [part[step] for part in counted], step=step) for step in range(spec.step_count)]
    ).drop("")


class _StepCounts(NamedTuple):
    """The counts of one step by group; the times (µs) of attempts that came from a step before; who got no further."""

    entered: Ints
    people: Ints
    dropped: Ints
    continued: Ints
    at_previous: Ints
    late: Ints
    from_previous: Ints
    from_start: Ints
    group: Ints
    person: Ints
    start: Ints
    end: Ints
    stopped_group: Ints


def _count_steps(found: ShardAttempts, group: Ints, *, spec: FunnelSpec, size: int) -> list[_StepCounts]:
    """Count the attempts of a part step by step.

    For instance, the times (10, 12, 15) and (11, NEVER, NEVER) give 2, 1, 1 people; one dropped after the first step;
    2 and 3 since the previous step, 2 and 5 since the start.
    """
    counts: list[_StepCounts] = []
    first, before = np.full(len(found.person), NEVER), np.full(len(found.person), NEVER)
    last_step = found.last_step
    late = _count_groups(group, np.flatnonzero(found.is_late), size=size)
    for step, now in enumerate(found.time):
        line = np.flatnonzero(now != NEVER)
        came = line.compress(before.take(line) != NEVER) if step else line[:0]
        then = now.take(came)
        previous = found.has_taken(spec.previous_required(step)) if step else np.zeros(len(now), dtype=np.bool_)
        stopped = np.flatnonzero(last_step == step)
        dropped = stopped if step < len(found.time) - 1 else line[:0]
        counts.append(
            _StepCounts(
                entered=_count_groups(group, size=size),
                people=_count_groups(group, line, size=size),
                dropped=_count_groups(group, dropped, size=size),
                continued=_count_groups(group, line.compress(previous.take(line)), size=size),
                at_previous=_count_groups(group, np.flatnonzero(previous), size=size),
                late=late,
                from_previous=np.maximum(then - before.take(came), 0),
                from_start=np.maximum(then - first.take(came), 0),
                group=group.take(came),
                person=found.person.take(stopped),
                start=found.start.take(stopped),
                end=found.end.take(stopped),
                stopped_group=group.take(stopped),
            )
        )
        enters = line.compress(first.take(line) == NEVER)
        first[enters] = now.take(enters)
        before[line] = now.take(line)
    return counts


def _add_parts(keys: pl.DataFrame, counts: Sequence[_StepCounts], *, step: int) -> pl.DataFrame:
    """Add up the counts of the parts for one step."""
    sums = {
        name: pl.Series(np.sum([getattr(one, name) for one in counts], axis=0), dtype=pl.Int64)
        for name in ("entered", "people", "dropped", "continued", "at_previous", "late")
    }
    lists = {}
    for of, names in (("group", ("from_previous", "from_start")), ("stopped_group", ("person", "start", "end"))):
        group = np.concatenate([getattr(one, of) for one in counts])
        for name in names:
            values = np.concatenate([getattr(one, name) for one in counts])
            column = name if of == "group" else f"_{name}"
            lists[column] = _list_by_group(values, group, size=keys.height)
    return keys.with_columns(pl.lit(step + 1, dtype=pl.Int64).alias("step"), **sums, **lists)


def _count_groups(group: Ints, line: Ints | None = None, *, size: int) -> Ints:
    """Count the lines of each group; a single group needs no look at them."""
    if size == 1:
        return np.array([len(group) if line is None else len(line)], dtype=np.int64)
    return np.bincount(group if line is None else group[line], minlength=size)


def _list_by_group(values: Ints, group: Ints, *, size: int) -> pl.Series:
    """Collect the values of each group as one list per group."""
    if size == 1:
        return pl.Series("values", values, dtype=pl.Int64).implode()
    found = pl.DataFrame({"group": group, "values": values}).group_by("group").agg("values")
    everyone = pl.DataFrame({"group": np.arange(size, dtype=np.int64)})
    lists = everyone.join(found, on="group", how="left", maintain_order="left")["values"]
    return lists.cast(pl.List(pl.Int64)).fill_null([])
