"""Every entry counted: the next attempt begins when the one before has converted, timed out or met an exclusion.

Round by round, all units at once: each round finds one attempt for every unit that is left, and drops the rows before
the next possible start. There are as many rounds as the busiest unit has entries, and each is shorter than the last.
"""

from __future__ import annotations

import numpy as np

from journeys.analyses.funnel.attempts import Attempts, find, first_entries
from journeys.analyses.funnel.climb import Near, climb, firsts, in_range, linked
from journeys.analyses.funnel.rows import Bools, Ints, Rows, changes
from journeys.analyses.funnel.spec import FunnelSpec

__all__ = ["entries"]


def entries(rows: Rows, *, spec: FunnelSpec) -> Attempts:
    """Find all entries, sorted by unit and start."""
    if spec.reentry == "each":
        return _each(rows, spec=spec)
    parts: list[Attempts] = []
    index = np.arange(rows.size)
    left = rows
    while left.size:
        starts = first_entries(left, spec=spec)
        if not starts.any():
            break
        found = find(left, spec=spec, starts=starts)
        parts.append(Attempts(found.unit, np.where(found.row >= 0, index[found.row], -1)))
        keep = _after(left, found, starts, spec=spec)
        index, left = index[keep], left.take(np.flatnonzero(keep))
    if not parts:
        return Attempts(np.zeros(0, dtype=np.int64), np.zeros((0, spec.width), dtype=np.int64))
    both = Attempts(np.concatenate([p.unit for p in parts]), np.concatenate([p.row for p in parts]))
    start = both.row[np.arange(len(both.unit)), both.first]
    return both.take(np.lexsort((start, both.unit)))


def _each(rows: Rows, *, spec: FunnelSpec) -> Attempts:
    """Let every first step be an entry of its own, which ends where the next begins."""
    mask = np.zeros(rows.size, dtype=np.bool_)
    for condition in {shape[0].condition for shape in spec.shapes()}:
        mask |= rows.steps[condition]
    starts = mask & in_range(rows.time, spec)
    number = np.cumsum(starts)
    part = number + np.cumsum(changes(rows.unit))
    split = rows.regroup(part) if rows.size else rows
    found = find(split, spec=spec, starts=starts)
    return Attempts(rows.unit[found.row[np.arange(len(found.unit)), found.first]].astype(np.int64), found.row)


def _after(rows: Rows, found: Attempts, starts: Bools, *, spec: FunnelSpec) -> Bools:
    """Mark the rows from which each unit's next attempt is looked for."""
    line = np.arange(len(found.unit))
    first, last = found.row[line, found.first], found.row[line, found.last]
    complete = (found.row[:, spec.width - 1] >= 0) | np.bool_(spec.order == "strict")
    floor = np.full(len(rows.person), rows.size, dtype=np.int64)
    floor[found.unit] = np.where(complete, last + 1, first + 1)
    if not complete.all():
        waiting = np.zeros(len(rows.person), dtype=np.bool_)
        waiting[found.unit[~complete]] = True
        alive = _alive_any(rows, first, spec=spec) if spec.order == "any" else _alive(rows, starts, spec=spec)
        row = np.flatnonzero(waiting[rows.unit] & ~alive & (np.arange(rows.size) >= floor[rows.unit]))
        floor[found.unit[~complete]] = rows.size
        at = firsts(rows, row)
        floor[rows.unit[row[at]]] = row[at]
    return np.arange(rows.size) >= floor[rows.unit]


def _alive(rows: Rows, starts: Bools, *, spec: FunnelSpec) -> Bools:
    """Mark the rows at which the attempt of their unit could still go on."""
    near = Near(rows, spec)
    alive = np.zeros(rows.size, dtype=np.bool_)
    row = np.arange(rows.size)
    for shape in spec.shapes():
        levels = climb(rows, shape, spec=spec, near=near, starts=starts)
        for level, before, slot in zip(levels, shape, shape[1:], strict=False):
            if not level.row.size:
                break
            pointer = level.below(row) - 1
            back = level.row[np.maximum(pointer, 0)]
            fine = (pointer >= 0) & (rows.unit[back] == rows.unit)
            if spec.within is not None:
                fine &= rows.time - rows.time[level.start[np.maximum(pointer, 0)]] <= spec.within
            fine &= linked(rows, back, row, before, slot, spec=spec, near=near)
            alive |= fine
    return alive


def _alive_any(rows: Rows, first: Ints, *, spec: FunnelSpec) -> Bools:
    """Mark the rows at which a collection of steps in any order is still open."""
    start = np.full(len(rows.person), rows.size, dtype=np.int64)
    start[rows.unit[first]] = first
    begin = start[rows.unit]
    row = np.arange(rows.size)
    alive = begin < row
    back = np.minimum(begin, rows.size - 1)
    if spec.within is not None:
        alive &= rows.time - rows.time[back] <= spec.within
    for number in range(len(rows.stops)):
        stopped = rows.stopped(number)
        alive &= stopped.below(row) <= stopped.below(back + 1)
    return alive
