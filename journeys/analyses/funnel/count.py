"""The counting half: one shard in, a small frame out that adds up over shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.funnel.found import NEVER, Found, each_part, find_attempts, joined
from journeys.analyses.funnel.rows import Bools, Ints
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.log import View
from journeys.parallel import parallel_map

__all__ = ["NONE", "OTHER", "Chosen", "count", "groups_of", "select"]

NONE = "(none)"
OTHER = "(other)"


def count(view: View, spec: FunnelSpec) -> pl.DataFrame:
    """Count the people at each step of each group, with the times between steps.

    Returns
    -------
    pl.DataFrame
        The columns of `by` (String), `step` (1-based), `entered`, `people`, `dropped` (Int64),
        `from_previous` and `from_start` (List of Int64, µs).
    """
    if spec.by:
        parts = each_part(view, spec, work=lambda part: part)
        labels, number = _numbered(_values(view, joined(parts), spec=spec))
        groups = np.split(number, np.cumsum([len(part.person) for part in parts[:-1]], dtype=np.int64))
        tallies = parallel_map(lambda one: _tallies(*one, size=labels.height), zip(parts, groups, strict=True))
    else:
        labels = pl.DataFrame({"": [0]})
        tallies = each_part(
            view, spec, work=lambda part: _tallies(part, np.zeros(len(part.person), dtype=np.int8), size=1)
        )
    return pl.concat(
        [_counted(labels, [part[step] for part in tallies], step=step) for step in range(spec.width)]
    ).drop("")


class _Tally(NamedTuple):
    """What there is to say of one step: people by group, and the times (µs) of those who came from a step before."""

    entered: Ints
    people: Ints
    dropped: Ints
    previous: Ints
    start: Ints
    group: Ints


def _tallies(found: Found, group: Ints, *, size: int) -> list[_Tally]:
    tallies: list[_Tally] = []
    first, before = np.full(len(found.person), NEVER), np.full(len(found.person), NEVER)
    last = found.last
    for step, now in enumerate(found.time):
        line = np.flatnonzero(now != NEVER)
        came = line.compress(before.take(line) != NEVER) if step else line[:0]
        then = now.take(came)
        stays = np.flatnonzero(last == step) if step < len(found.time) - 1 else line[:0]
        tallies.append(
            _Tally(
                entered=_tally(group, size=size),
                people=_tally(group, line, size=size),
                dropped=_tally(group, stays, size=size),
                previous=np.maximum(then - before.take(came), 0),
                start=np.maximum(then - first.take(came), 0),
                group=group.take(came),
            )
        )
        enters = line.compress(first.take(line) == NEVER)
        first[enters] = now.take(enters)
        before[line] = now.take(line)
    return tallies


def _counted(labels: pl.DataFrame, tallies: Sequence[_Tally], *, step: int) -> pl.DataFrame:
    """Add up what the parts say of one step."""
    group = np.concatenate([one.group for one in tallies])
    sums = {
        name: pl.Series(np.sum([getattr(one, name) for one in tallies], axis=0), dtype=pl.Int64)
        for name in ("entered", "people", "dropped")
    }
    times = {
        f"from_{name}": _lists(np.concatenate([getattr(one, name) for one in tallies]), group, size=labels.height)
        for name in ("previous", "start")
    }
    return labels.with_columns(pl.lit(step + 1, dtype=pl.Int64).alias("step"), **sums, **times)


def _numbered(groups: Sequence[pl.Series]) -> tuple[pl.DataFrame, Ints]:
    """Give each combination of values a number, and say which combination has which."""
    # numbers that are none (NaN) find no partner in a join: such columns are written as text before, others after
    early = [one.name for one in groups if one.dtype.is_float()]
    table = pl.DataFrame([_shown(one) if one.name in early else one for one in groups])
    labels = table.unique().sort(table.columns, nulls_last=False).with_row_index("")
    number = table.join(labels, on=table.columns, how="left", maintain_order="left", nulls_equal=True)[""]
    late = [_shown(labels[name]) for name in table.columns if name not in early]
    return labels.with_columns(late), number.to_numpy().astype(np.int64)


def _tally(group: Ints, line: Ints | None = None, *, size: int) -> Ints:
    """Count the lines of each group; one group needs no look at them."""
    if size == 1:
        return np.array([len(group) if line is None else len(line)], dtype=np.int64)
    return np.bincount(group if line is None else group[line], minlength=size)


def _lists(values: Ints, group: Ints, *, size: int) -> pl.Series:
    """Collect the values of each group as one list a group."""
    if size == 1:
        return pl.Series("values", values, dtype=pl.Int64).implode()
    found = pl.DataFrame({"group": group, "values": values}).group_by("group").agg("values")
    everyone = pl.DataFrame({"group": np.arange(size, dtype=np.int64)})
    lists = everyone.join(found, on="group", how="left", maintain_order="left")["values"]
    return lists.cast(pl.List(pl.Int64)).fill_null([])


def groups_of(view: View, found: Found, *, spec: FunnelSpec) -> list[pl.Series]:
    """Return the breakdown's values of each attempt as they are shown, one column each."""
    return [_shown(value) for value in _values(view, found, spec=spec)]


def _values(view: View, found: Found, *, spec: FunnelSpec) -> list[pl.Series]:
    """Return the breakdown's values of each attempt, one column each: of its events, or of the person."""
    return [
        (found.along[column] if column in found.along else _trait(view, column, found.person)).alias(name)
        for name, column in zip(spec.by, spec.by_columns, strict=True)
    ]


def _shown(value: pl.Series) -> pl.Series:
    """Write values as text; null becomes "(none)", and zero has no sign."""
    raw = pl.col("x")
    if value.dtype.is_float():
        raw = pl.when(raw == 0).then(0.0).otherwise(raw)
    text = raw.dt.to_string("polars") if value.dtype == pl.Duration else raw.cast(pl.String)
    quoted = pl.when(text.is_in([NONE, OTHER])).then('"' + text + '"').otherwise(text).fill_null(NONE)
    return value.to_frame("x").select(quoted.alias(value.name))[value.name]


def _trait(view: View, name: str, person: Ints) -> pl.Series:
    known = view.people.select("code", value=pl.col(name)).collect()
    # people are sorted by code, and whoever has events is among them
    return known["value"].gather(np.searchsorted(known["code"].to_numpy(), person))


@dataclass(frozen=True, eq=False)
class Chosen:
    """Whose people: those whose counted attempt took a step, or got no further than it."""

    spec: FunnelSpec
    step: int
    dropped: bool = False
    group: tuple[tuple[str, str], ...] = ()
    listed: tuple[tuple[str, ...], ...] = ()
    before: int | None = None  # only those who took the step before this moment (µs)


def select(view: View, chosen: Chosen) -> pl.Series:
    """Return the codes of the people behind a number."""
    spec = chosen.spec
    found = find_attempts(view, spec)
    keep = found.last == chosen.step if chosen.dropped else found.took(chosen.step)
    if chosen.before is not None:
        keep &= found.time[chosen.step] <= chosen.before
    if chosen.group:
        keep &= _in_group(view, found, chosen=chosen)
    return pl.Series("code", np.unique(found.person[keep]), dtype=pl.UInt32)


def _in_group(view: View, found: Found, *, chosen: Chosen) -> Bools:
    from journeys.analyses.funnel.summarise import folded

    table = pl.DataFrame(groups_of(view, found, spec=chosen.spec))
    shown = folded(table, chosen.listed, spec=chosen.spec)
    mine = pl.all_horizontal(pl.col(name) == value for name, value in chosen.group).alias("mine")
    inside: Bools = shown.select(mine)["mine"].to_numpy()
    return inside
