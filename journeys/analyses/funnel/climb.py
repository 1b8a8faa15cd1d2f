"""Which rows reach which step: back pointers to the latest row that reached the step before.

The latest predecessor is always the best one: the starts of attempts rise with the row, so whatever an earlier
predecessor could do within a window, after an exclusion or within a gap, the latest can do too. One pass over
the rows a step, therefore, answers for every attempt that there could be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from journeys.analyses.funnel.marks import Marks
from journeys.analyses.funnel.rows import Bools, Ints, Rows, changes
from journeys.analyses.funnel.spec import FunnelSpec, Slot

__all__ = ["Level", "Near", "climb", "fill", "firsts", "firsts_of"]


@dataclass(frozen=True, eq=False, slots=True)
class Level:
    """The rows that reach a step, and the row that the best attempt of each began with."""

    marks: Marks
    start: Ints

    @property
    def row(self) -> Ints:
        """The rows, rising."""
        return self.marks.row

    def below(self, at: Ints) -> Ints:
        """For each row number, how many of the level's rows are below it."""
        return self.marks.below(at)


class Near:
    """How far "before" and "after" reach when equal (or nearly equal) times are not told apart."""

    def __init__(self, rows: Rows, spec: FunnelSpec) -> None:
        self.rows = rows
        self.ties = spec.ties
        self.grace = spec.grace
        self.either = spec.ties == "either"
        if self.ties == "arrival":
            return
        new = changes(rows.unit) | changes(rows.time)
        number = np.cumsum(new) - 1
        borders = np.append(np.flatnonzero(new), rows.size)
        self.tie_start, self.tie_end = borders[number], borders[number + 1]
        self.low, self.high = self.tie_start, self.tie_end
        if self.either and self.grace:
            self.low, self.high = self._stretch(-1), self._stretch(1)

    def _stretch(self, direction: int) -> Ints:
        """Reach over whole ties as long as they are within the grace."""
        rows = self.rows
        reach: Ints = (self.tie_start if direction < 0 else self.tie_end).copy()
        active = np.arange(rows.size)
        while active.size:
            beyond = reach[active] - 1 if direction < 0 else reach[active]
            inside = (beyond >= 0) & (beyond < rows.size)
            active, beyond = active[inside], beyond[inside]
            close = (rows.unit[beyond] == rows.unit[active]) & (
                np.abs(rows.time[beyond] - rows.time[active]) <= self.grace
            )
            active, beyond = active[close], beyond[close]
            reach[active] = self.tie_start[beyond] if direction < 0 else self.tie_end[beyond]
        return reach

    def before(self, row: Ints) -> Ints:
        """Rows below this number may come before `row`."""
        if self.ties == "arrival":
            return row
        reach: Ints = self.high[row] if self.either else self.tie_start[row]
        return reach

    def after(self, row: Ints) -> Ints:
        """Rows from this number on may come after `row`."""
        if self.ties == "arrival":
            return row + 1
        reach: Ints = self.low[row] if self.either else self.tie_end[row]
        return reach

    def between(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """The rows from the first number to below the second lie surely between `low` and `high`."""
        if self.either:
            return self.high[low], self.low[high]
        return low + 1, high


def climb(
    rows: Rows, shape: Sequence[Slot], *, spec: FunnelSpec, near: Near, starts: Bools | None = None
) -> list[Level]:
    """Find the rows that reach each step of a shape.

    `starts` marks the rows that may start an attempt; all that satisfy the first step by default.
    """
    marks = rows.where(shape[0].condition)
    if starts is not None:
        marks = Marks(marks.row[starts[marks.row]], size=rows.size)
    elif spec.entered != (None, None):
        marks = Marks(marks.row[in_range(rows.time[marks.row], spec)], size=rows.size)
    levels = [Level(marks, marks.row)]
    for before, slot in pairwise(shape):
        row, start = _next_level(rows, levels[-1], before, slot, spec=spec, near=near)
        levels.append(Level(Marks(row, size=rows.size), start))
        if not row.size:
            break
    return levels


def in_range(time: Ints, spec: FunnelSpec) -> Bools:
    """Say which times may start an attempt."""
    low, high = spec.entered
    inside = np.ones(len(time), dtype=np.bool_)
    if low is not None:
        inside &= time >= low
    if high is not None:
        inside &= time < high
    return inside


def _next_level(
    rows: Rows, level: Level, before: Slot, slot: Slot, *, spec: FunnelSpec, near: Near
) -> tuple[Ints, Ints]:
    row = rows.where(slot.condition).row
    if not row.size or not level.row.size:
        return row[:0], row[:0]
    pointer = level.below(near.before(row))
    pointer -= 1
    if near.either and not spec.reuse:
        # the row itself is no step before: take the one before it
        pointer -= (level.row[np.maximum(pointer, 0)] == row) & (pointer >= 0)
    keep = pointer >= 0
    np.maximum(pointer, 0, out=pointer)
    start = level.start.take(pointer)
    keep &= rows.unit.take(start) == rows.unit.take(row)
    if spec.within is not None:
        keep &= rows.time.take(row) - rows.time.take(start) <= spec.within
    if spec.order == "strict" or not spec.plain:
        back = level.row.take(pointer)
        if spec.order == "strict":
            keep &= rows.place.take(row) - rows.place.take(back) == 1
        keep &= linked(rows, back, row, before, slot, spec=spec, near=near)
    kept = np.flatnonzero(keep)
    return row.take(kept), start.take(kept)


def linked(
    rows: Rows, back: Ints, row: Ints, before: Slot, slot: Slot, *, spec: FunnelSpec, near: Near
) -> Bools | np.bool_:
    """Say whether the time between two steps and what happened between them let one follow the other."""
    fine: Bools | np.bool_ = np.bool_(1)
    gap = spec.gaps[before.condition if spec.backwards else slot.condition]
    if gap is not None:
        fine = fine & (rows.time[row] - rows.time[back] <= gap)
    for number in spec.stops_between(before.row, slot.row):
        stopped = rows.stopped(number)
        low, high = near.between(back, row)
        fine = fine & (stopped.below(high) <= stopped.below(low))
    return fine


def firsts(rows: Rows, row: Ints) -> Ints:
    """Positions in `row` (rising) where a new unit begins."""
    return np.flatnonzero(changes(rows.unit[row])) if row.size else row


def firsts_of(rows: Rows, level: Level) -> tuple[Ints, Ints]:
    """Units that have rows in a level, and the position of the first of each; asked by unit if most rows reach it."""
    if rows.heads is None or len(level.row) < 3 * len(rows.person):
        units = rows.unit.take(level.row)
        at = np.flatnonzero(changes(units))
        return units.take(at), at
    count = level.below(np.append(rows.heads, rows.size))
    unit = np.flatnonzero(count[1:] > count[:-1])
    return unit, count.take(unit)


def fill(
    rows: Rows, shape: Sequence[Slot], start: Ints, end: Ints, depth: Ints, *, spec: FunnelSpec, near: Near
) -> Ints:
    """Choose the rows between start and end of each counted attempt: every step as early as possible.

    Returns one line an attempt and one column a slot; -1 where a step was not reached.
    """
    chosen = np.full((len(start), len(shape)), -1, dtype=np.int64, order="F")
    chosen[:, 0] = start
    for k in range(1, len(shape)):
        line = np.flatnonzero(depth == k + 1)
        chosen[line, k] = end.take(line)
    if depth.max(initial=0) <= 2:
        return chosen
    if spec.order == "strict" and not near.either:
        # neighbours in the log are neighbours here
        for k in range(1, int(depth.max()) - 1):
            line = np.flatnonzero(depth > k + 1)
            chosen[line, k] = end.take(line) - (depth.take(line) - (k + 1))
        return chosen
    able = _able(rows, shape, start, end, depth, spec=spec, near=near)
    for k in range(1, int(depth.max()) - 1):
        line = np.flatnonzero(depth > k + 1)
        now = chosen[:, k - 1].take(line)
        row = able[k].row
        pointer = able[k].below(near.after(now))
        if near.either and not spec.reuse:
            pointer += row[np.minimum(pointer, len(row) - 1)] == now
        chosen[line, k] = row.take(pointer)
    return chosen


def _able(
    rows: Rows, shape: Sequence[Slot], start: Ints, end: Ints, depth: Ints, *, spec: FunnelSpec, near: Near
) -> list[Marks]:
    """For each slot, the rows from which the end of the unit's attempt can still be reached."""
    able = [rows.where(slot.condition) for slot in shape]
    if spec.plain and not near.either:
        return able
    latest = np.full(len(rows.person), np.iinfo(np.int64).max)
    if spec.within is not None:
        latest[rows.unit[start]] = rows.time[start] + spec.within
    able[-1] = Marks(np.sort(end[depth == len(shape)]), size=rows.size)
    for k in range(len(shape) - 2, 0, -1):
        row, later = able[k].row, able[k + 1].row
        good = np.zeros(len(row), dtype=np.bool_)
        if later.size:
            pointer = able[k + 1].below(near.after(row))
            if near.either and not spec.reuse:
                pointer += later[np.minimum(pointer, len(later) - 1)] == row
            good = pointer < len(later)
            ahead = later[np.minimum(pointer, len(later) - 1)]
            good &= rows.unit[ahead] == rows.unit[row]
            if spec.order == "strict":
                good &= rows.place[ahead] - rows.place[row] == 1
            if near.either and near.grace:
                good &= rows.time[ahead] >= rows.time[row] - near.grace
            good &= rows.time[row] <= latest[rows.unit[row]]
            good &= linked(rows, row, ahead, shape[k], shape[k + 1], spec=spec, near=near)
        able[k] = Marks(np.union1d(row[good], end[depth == k + 1]), size=rows.size)
    return able
