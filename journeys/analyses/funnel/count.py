"""The counting half: one shard in, a small frame out that adds up over shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from journeys.analyses.funnel.attempts import Attempts, counted
from journeys.analyses.funnel.rows import Bools, Ints, Rows, read_rows
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.log import View

__all__ = ["NONE", "OTHER", "Chosen", "count", "groups_of", "select", "timeline"]

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
    rows = read_rows(view, spec)
    attempts = counted(rows, spec=spec)
    labels, group = _numbered(groups_of(view, rows, attempts, spec=spec), size=len(attempts.unit))
    entered = _tally(group, size=labels.height)
    parts = []
    first = np.full(len(attempts.unit), -1, dtype=np.int64)
    before = first.copy()
    last = attempts.last if len(attempts.unit) else first
    for step in range(spec.width):
        row = attempts.row[:, step]
        line = np.flatnonzero(row >= 0)
        came = line[before[line] >= 0] if step else line[:0]
        now = rows.time[row[came]]
        stays = line[last[line] == step] if step < spec.width - 1 else line[:0]
        parts.append(
            labels.with_columns(
                step=pl.lit(step + 1, dtype=pl.Int64),
                entered=pl.Series(entered, dtype=pl.Int64),
                people=pl.Series(_tally(group, line, size=labels.height), dtype=pl.Int64),
                dropped=pl.Series(_tally(group, stays, size=labels.height), dtype=pl.Int64),
                from_previous=_lists(now - rows.time[before[came]], group[came], size=labels.height),
                from_start=_lists(now - rows.time[first[came]], group[came], size=labels.height),
            )
        )
        first[line] = np.where(first[line] < 0, row[line], first[line])
        before[line] = row[line]
    return pl.concat(parts).drop("")


def _numbered(groups: Sequence[pl.Series], *, size: int) -> tuple[pl.DataFrame, Ints]:
    """Give each combination of values a number, and say which combination has which."""
    if not groups:
        return pl.DataFrame({"": [0]}), np.zeros(size, dtype=np.int64)
    table = pl.DataFrame(groups)
    labels = table.unique().sort(table.columns).with_row_index("")
    number = table.join(labels, on=table.columns, how="left", maintain_order="left")[""]
    return labels, number.to_numpy().astype(np.int64)


def _tally(group: Ints, line: Ints | None = None, *, size: int) -> Ints:
    """Count the lines of each group; one group needs no look at them."""
    if size == 1:
        return np.array([len(group) if line is None else len(line)], dtype=np.int64)
    return np.bincount(group if line is None else group[line], minlength=size)


def _lists(values: Ints, group: Ints, *, size: int) -> pl.Series:
    """Collect the values of each group, never below zero, as one list a group."""
    values = np.maximum(values, 0)
    if size == 1:
        return pl.Series("values", values, dtype=pl.Int64).implode()
    found = pl.DataFrame({"group": group, "values": values}).group_by("group").agg("values")
    everyone = pl.DataFrame({"group": np.arange(size, dtype=np.int64)})
    lists = everyone.join(found, on="group", how="left", maintain_order="left")["values"]
    return lists.cast(pl.List(pl.Int64)).fill_null([])


def timeline(rows: Rows, attempts: Attempts) -> Ints:
    """Return the time of each step of each attempt (µs); the smallest int where it was not taken."""
    never = np.iinfo(np.int64).min
    if not rows.size:
        return np.full(attempts.row.shape, never)
    return np.where(attempts.row >= 0, rows.time[np.maximum(attempts.row, 0)], never)


def groups_of(view: View, rows: Rows, attempts: Attempts, *, spec: FunnelSpec) -> list[pl.Series]:
    """Return the breakdown's values of each attempt, one column each; null becomes "(none)"."""
    along = _along(rows.values, attempts, spec=spec)
    out = []
    for name in spec.by:
        value = along[name] if name in along else _trait(view, name, rows.person[attempts.unit])
        quoted = value.to_frame("x").select(
            pl.when(pl.col("x").is_in([NONE, OTHER]))
            .then('"' + pl.col("x") + '"')
            .otherwise("x")
            .fill_null(NONE)
            .alias("x")
        )
        out.append(quoted["x"].alias(name))
    return out


def _along(values: dict[str, pl.Series], attempts: Attempts, *, spec: FunnelSpec) -> dict[str, pl.Series]:
    """Take the values that attempts have at a step, or at the first or last step where any is defined.

    Several properties are taken of the same event: no combination is shown that nobody had.
    """
    width = attempts.row.shape[1]
    steps = range(width)
    if isinstance(spec.by_at, int):
        steps = range(spec.by_at - 1, spec.by_at)
    elif spec.by_at == "last":
        steps = range(width - 1, -1, -1)
    defined = np.zeros(0, dtype=np.bool_)
    if values:
        known = [column.is_not_null() for column in values.values()]
        defined = np.logical_or.reduce([one.to_numpy() for one in known])
    chosen = np.full(len(attempts.unit), -1, dtype=np.int64)
    for step in steps if len(defined) else ():
        row = attempts.row[:, step]
        chosen = np.where((chosen < 0) & (row >= 0) & defined[np.maximum(row, 0)], row, chosen)
    index = pl.Series(chosen, dtype=pl.Int64).to_frame("x").select(pl.when(pl.col("x") >= 0).then("x"))["x"]
    return {name: column.gather(index) for name, column in values.items()}


def _trait(view: View, name: str, person: Ints) -> pl.Series:
    known = view.people.select("code", pl.col(name).cast(pl.String).alias("value")).collect()
    wanted = pl.DataFrame({"code": pl.Series(person, dtype=pl.UInt32)})
    return wanted.join(known, on="code", how="left", maintain_order="left")["value"]


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
    rows = read_rows(view, spec)
    attempts = counted(rows, spec=spec)
    keep = attempts.row[:, chosen.step] >= 0
    if chosen.dropped:
        keep &= attempts.last == chosen.step
    if chosen.before is not None:
        keep &= timeline(rows, attempts)[:, chosen.step] <= chosen.before
    if chosen.group:
        keep &= _in_group(view, rows, attempts, chosen=chosen)
    return pl.Series("code", np.unique(rows.person[attempts.unit[keep]]), dtype=pl.UInt32)


def _in_group(view: View, rows: Rows, attempts: Attempts, *, chosen: Chosen) -> Bools:
    from journeys.analyses.funnel.summarise import folded

    table = pl.DataFrame(groups_of(view, rows, attempts, spec=chosen.spec))
    shown = folded(table, chosen.listed, spec=chosen.spec)
    mine = pl.all_horizontal(pl.col(name) == value for name, value in chosen.group).alias("mine")
    inside: Bools = shown.select(mine)["mine"].to_numpy()
    return inside
