"""The counting half: one shard in, a small frame out that adds up over shards."""

from __future__ import annotations

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
    times = timeline(rows, attempts)
    groups = groups_of(view, rows, attempts, spec=spec)
    wide = pl.DataFrame({"last": attempts.last if len(attempts.unit) else np.zeros(0, dtype=np.int64)})
    wide = wide.with_columns(groups)
    previous, start = _durations(times)
    parts = []
    for step in range(spec.width):
        one = wide.with_columns(
            reached=pl.Series(attempts.row[:, step] >= 0),
            previous=_maybe(previous[:, step]),
            start=_maybe(start[:, step]),
        )
        sums = [
            pl.lit(step + 1, dtype=pl.Int64).alias("step"),
            pl.len().cast(pl.Int64).alias("entered"),
            pl.col("reached").sum().cast(pl.Int64).alias("people"),
            ((pl.col("last") == step).sum() if step < spec.width - 1 else pl.lit(0)).cast(pl.Int64).alias("dropped"),
            pl.col("previous").drop_nulls().implode().alias("from_previous"),
            pl.col("start").drop_nulls().implode().alias("from_start"),
        ]
        if spec.by:
            sums[-2:] = [
                pl.col("previous").drop_nulls().alias("from_previous"),
                pl.col("start").drop_nulls().alias("from_start"),
            ]
            parts.append(one.group_by(spec.by).agg(sums).select(*spec.by, "step", "entered", "people", *_REST))
        else:
            parts.append(one.select(sums))
    return pl.concat(parts)


_REST = ("dropped", "from_previous", "from_start")


def timeline(rows: Rows, attempts: Attempts) -> Ints:
    """Return the time of each step of each attempt (µs), -1 before 1970 aside; the smallest int where not taken."""
    never = np.iinfo(np.int64).min
    if not rows.size:
        return np.full(attempts.row.shape, never)
    return np.where(attempts.row >= 0, rows.time[np.maximum(attempts.row, 0)], never)


def _durations(times: Ints) -> tuple[Ints, Ints]:
    """Return the time since the step before and since entering, never negative; else the smallest int."""
    never = np.iinfo(np.int64).min
    previous, start = np.full(times.shape, never), np.full(times.shape, never)
    before, first = np.full(len(times), never), np.full(len(times), never)
    for step in range(times.shape[1]):
        now = times[:, step]
        known = (now != never) & (before != never)
        previous[:, step] = np.where(known, np.maximum(now - before, 0), never)
        start[:, step] = np.where(known, np.maximum(now - first, 0), never)
        first = np.where((first == never) & (now != never), now, first)
        before = np.where(now != never, now, before)
    return previous, start


def _maybe(values: Ints) -> pl.Series:
    never = int(np.iinfo(np.int64).min)
    return pl.Series(values, dtype=pl.Int64).to_frame("x").select(pl.when(pl.col("x") != never).then("x"))["x"]


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
