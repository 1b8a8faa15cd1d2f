"""The one attempt that counts for each unit: furthest, first to get there, with the latest start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from journeys.analyses.funnel import anyorder, patient
from journeys.analyses.funnel.climb import Level, Near, climb, fill, firsts, firsts_of
from journeys.analyses.funnel.rows import Bools, Ints, Rows, changes
from journeys.analyses.funnel.spec import FunnelSpec, Slot

__all__ = ["Attempts", "counted", "find"]


@dataclass(frozen=True, eq=False, slots=True)
class Attempts:
    """Counted attempts, one line each.

    Attributes
    ----------
    unit : array of int
        The unit that made it.
    row : array of int, one column a table row
        The row of `Rows` that served the step; -1 where the step was not taken.
    """

    unit: Ints
    row: Ints

    def take(self, index: Ints) -> Attempts:
        """Keep some of them."""
        return Attempts(self.unit[index], self.row[index])

    @property
    def last(self) -> Ints:
        """The last table row that each attempt reached."""
        width = self.row.shape[1]
        last: Ints = width - 1 - np.argmax(self.row[:, ::-1] >= 0, axis=1)
        return last

    @property
    def first(self) -> Ints:
        """The table row at which each attempt entered."""
        first: Ints = np.argmax(self.row >= 0, axis=1)
        return first


@dataclass(frozen=True, eq=False, slots=True)
class _Best:
    """For every unit, the best attempt so far: which shape, how far, and its ends."""

    shape: Ints
    depth: Ints
    far: Ints
    extra: Ints
    start: Ints
    end: Ints


def find(rows: Rows, *, spec: FunnelSpec, starts: Bools | None = None) -> Attempts:
    """Find the counted attempt of each unit that entered.

    `starts` marks the rows that may start one.
    """
    if starts is None and spec.reentry == "first":
        starts = first_entries(rows, spec=spec)
    if spec.order == "any":
        unit, row = anyorder.find(rows, spec=spec, starts=starts)
        return Attempts(unit, row)
    near = Near(rows, spec)
    hard = patient.hard_units(rows, spec=spec, near=near)
    shapes = spec.shapes()
    best: _Best | None = None
    for number, shape in enumerate(shapes):
        levels = climb(rows, shape, spec=spec, near=near, starts=starts)
        found = _best_of(rows, levels, shape, number=number, spec=spec)
        best = found if best is None else _better(best, found)
    assert best is not None  # noqa: S101  # there is at least one step, so at least one shape
    attempts = _filled(rows, best, shapes, spec=spec, near=near)
    if not hard.any():
        return attempts
    easy = attempts.take(np.flatnonzero(~hard[attempts.unit]))
    unit, row = patient.find(rows, units=np.flatnonzero(hard), spec=spec, starts=starts)
    both = Attempts(np.concatenate([easy.unit, unit]), np.concatenate([easy.row, row]))
    return both.take(np.argsort(both.unit, kind="stable"))


def first_entries(rows: Rows, *, spec: FunnelSpec) -> Bools:
    """Mark the first row of each unit that may start an attempt; where people are counted, of each person."""
    from journeys.analyses.funnel.climb import in_range

    mask = np.zeros(rows.size, dtype=np.bool_)
    entry = range(spec.width) if spec.order == "any" or spec.entry == "any" else {s[0].condition for s in spec.shapes()}
    for condition in entry:
        mask |= rows.steps[condition]
    row = np.flatnonzero(mask)
    row = row[in_range(rows.time[row], spec)]
    row = row[firsts(rows, row)]
    if spec.count == "people":
        whose = _whose(rows, row, spec=spec)
        order = np.lexsort((rows.place[row], whose))
        row = row[order[np.flatnonzero(changes(whose[order]))]]
    out = np.zeros(rows.size, dtype=np.bool_)
    out[row] = True
    return out


def _whose(rows: Rows, row: Ints, *, spec: FunnelSpec) -> Ints:
    """Number those who count once: people, or with a value held constant for its group, people and values."""
    person = rows.person[rows.unit[row]]
    if spec.by_at != "all" or not spec.by:
        return person
    pairs = pl.DataFrame([pl.Series("", person), *(column.gather(row) for column in rows.values.values())])
    number: Ints = pairs.select(pl.struct(pl.all()).rank("dense").alias("number"))["number"].to_numpy()
    return number


def _best_of(rows: Rows, levels: Sequence[Level], shape: tuple[Slot, ...], *, number: int, spec: FunnelSpec) -> _Best:
    units = len(rows.person)
    depth = np.zeros(units, dtype=np.int8)
    start, end = np.zeros(units, dtype=np.int64), np.zeros(units, dtype=np.int64)
    for level, found in enumerate(levels, start=1):
        unit, at = firsts_of(rows, found)
        depth[unit], start[unit], end[unit] = level, found.start.take(at), found.row.take(at)
    far, extra = _scores(shape, spec=spec)
    return _Best(np.full(units, number, dtype=np.int16), depth, far.take(depth), extra.take(depth), start, end)


def _scores(shape: tuple[Slot, ...], *, spec: FunnelSpec) -> tuple[Ints, Ints]:
    """How far each depth of a shape gets, and what ranks attempts that get equally far."""
    if spec.entry == "any":
        return np.array([-1, *(slot.row for slot in shape)]), np.arange(len(shape) + 1)
    needed = [not spec.optional[slot.row] for slot in shape]
    far = np.concatenate([[0], np.cumsum(needed)])
    return far - (np.arange(len(shape) + 1) == 0), np.arange(len(shape) + 1) - far


def _better(old: _Best, new: _Best) -> _Best:
    """Choose by unit: furthest, most optional steps, first to get there, latest start."""
    wins = np.zeros(len(old.far), dtype=np.bool_)
    even = new.depth > 0
    for better, worse in (
        (new.far, old.far),
        (new.extra, old.extra),
        (-new.end, -old.end),
        (new.start, old.start),
    ):
        wins |= even & (better > worse)
        even = even & (better == worse)
    return _Best(
        *(
            np.where(wins, getattr(new, name), getattr(old, name))
            for name in ("shape", "depth", "far", "extra", "start", "end")
        )
    )


def _filled(rows: Rows, best: _Best, shapes: Sequence[tuple[Slot, ...]], *, spec: FunnelSpec, near: Near) -> Attempts:
    parts: list[Attempts] = []
    for number, shape in enumerate(shapes):
        unit = np.flatnonzero((best.shape == number) & (best.depth > 0))
        if not unit.size:
            continue
        start, end, depth = best.start.take(unit), best.end.take(unit), best.depth.take(unit)
        chosen = fill(rows, shape, start, end, depth, spec=spec, near=near)
        if len(shape) == spec.width and all(slot.row == at for at, slot in enumerate(shape)):
            parts.append(Attempts(unit, chosen))
            continue
        row = np.full((len(unit), spec.width), -1, dtype=np.int64)
        row[:, [slot.row for slot in shape]] = chosen
        parts.append(Attempts(unit, row))
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Attempts(np.zeros(0, dtype=np.int64), np.zeros((0, spec.width), dtype=np.int64))
    both = Attempts(np.concatenate([p.unit for p in parts]), np.concatenate([p.row for p in parts]))
    return both.take(np.argsort(both.unit, kind="stable"))


def counted(rows: Rows, *, spec: FunnelSpec) -> Attempts:
    """Find what counts: one attempt a person, one a session, or every entry; `unit` tells whose it is."""
    if spec.count == "entries":
        from journeys.analyses.funnel.entries import entries

        return entries(rows, spec=spec)
    attempts = find(rows, spec=spec)
    whose = attempts.unit
    if spec.count == "people":
        # by unit, any row of the attempt will do; by value, the one it begins with
        start = attempts.row[np.arange(len(whose)), attempts.first] if spec.by_at == "all" else rows.begin[whose]
        whose = _whose(rows, start, spec=spec)
    if spec.exclude and spec.excluded == "removed":
        from journeys.analyses.funnel.removed import removed_units

        gone = removed_units(rows, attempts, spec=spec)[attempts.unit]
        clean = attempts.row[:, spec.width - 1] >= 0
        left = ~gone & ~(np.isin(whose, whose[gone]) & ~np.isin(whose, whose[clean]))
        attempts, whose = attempts.take(np.flatnonzero(left)), whose[left]
    return _once(rows, attempts, whose, spec=spec)


def _once(rows: Rows, attempts: Attempts, whose: Ints, *, spec: FunnelSpec) -> Attempts:
    """Choose among the units of a person (days, sessions, values held constant)."""
    rising = whose if (whose[1:] >= whose[:-1]).all() else np.sort(whose)
    if changes(rising).all():
        return attempts
    reached = attempts.row >= 0
    optional = np.array(spec.optional)
    line = np.arange(len(whose))
    if spec.entry == "any":
        far, extra = attempts.last, reached.sum(axis=1)
    else:
        far, extra = reached[:, ~optional].sum(axis=1), reached[:, optional].sum(axis=1)
    end = rows.place[attempts.row[line, attempts.last]]
    start = rows.place[attempts.row[line, attempts.first]]
    order = np.lexsort((-start, end, -extra, -far, whose))
    chosen = order[np.flatnonzero(changes(whose[order]))]
    return attempts.take(np.sort(chosen))
