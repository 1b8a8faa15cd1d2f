"""Steps in order: which rows reach which step, by back pointers to the latest row that reached the step before.

The latest predecessor is always the best one: the starts of attempts rise with the row, so whatever an earlier
predecessor could do within a window, after an exclusion or within a step's window, the latest can do too. One pass
over the rows per step therefore answers for every possible attempt. For instance, for A → B::

    row    0  1  2  3
    event  A  A  B  B    ->  rows 0 and 1 reach A; rows 2 and 3 reach B, both with an attempt that starts at row 1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from journeys.analyses.funnel.matching.tie_window import TieWindow
from journeys.analyses.funnel.rows import Rows, SortedRows
from journeys.analyses.funnel.spec import FunnelSpec, Slot
from journeys.log.arrays import Bools, Ints, mark_changes


@dataclass(frozen=True, eq=False, slots=True)
class StepFrontier:
    """The rows that reach a step, and the row with which the best attempt to each starts."""

    rows: SortedRows
    start: Ints

    @property
    def row(self) -> Ints:
        """The rows, ascending."""
        return self.rows.row

    def rank(self, at: Ints) -> Ints:
        """Return, for each row number, how many rows of the frontier are before it."""
        return self.rows.rank(at)


def propagate_steps(
    rows: Rows, sequence: Sequence[Slot], *, spec: FunnelSpec, ties: TieWindow, starts: Bools | None = None
) -> list[StepFrontier]:
    """Find the rows that reach each step of a sequence.

    `starts` marks the rows that may start an attempt; by default all that satisfy the first step.
    """
    first = rows.satisfying(sequence[0].condition)
    if starts is not None:
        first = SortedRows(first.row[starts[first.row]], size=rows.size)
    elif spec.entered != (None, None):
        first = SortedRows(first.row[is_in_entry_range(rows.time[first.row], spec)], size=rows.size)
    frontiers = [StepFrontier(first, first.row)]
    for before, slot in pairwise(sequence):
        row, start = _next_frontier(rows, frontiers[-1], before, slot, spec=spec, ties=ties)
        frontiers.append(StepFrontier(SortedRows(row, size=rows.size), start))
        if not row.size:
            break
    return frontiers


def is_in_entry_range(time: Ints, spec: FunnelSpec) -> Bools:
    """Mark the times at which an attempt may start."""
    low, high = spec.entered
    inside = np.ones(len(time), dtype=np.bool_)
    if low is not None:
        inside &= time >= low
    if high is not None:
        inside &= time < high
    return inside


def _next_frontier(
    rows: Rows, frontier: StepFrontier, before: Slot, slot: Slot, *, spec: FunnelSpec, ties: TieWindow
) -> tuple[Ints, Ints]:
    """Return the rows that reach the next step, and the start of the best attempt to each."""
    row = rows.satisfying(slot.condition).row
    if not row.size or not frontier.row.size:
        return row[:0], row[:0]
    pointer = frontier.rank(ties.before(row))
    pointer -= 1
    if ties.is_either and not spec.reuse:
        # the row itself is no step before: take the one before it
        pointer -= (frontier.row[np.maximum(pointer, 0)] == row) & (pointer >= 0)
    keep = pointer >= 0
    np.maximum(pointer, 0, out=pointer)
    start = frontier.start.take(pointer)
    keep &= rows.unit.take(start) == rows.unit.take(row)
    if spec.within is not None:
        keep &= rows.time.take(row) - rows.time.take(start) <= spec.within
    if spec.order == "strict" or not spec.takes_any_next:
        back = frontier.row.take(pointer)
        if spec.order == "strict":
            keep &= rows.position.take(row) - rows.position.take(back) == 1
        keep &= can_follow(rows, back, row, before, slot, spec=spec, ties=ties)
    kept = np.flatnonzero(keep)
    return row.take(kept), start.take(kept)


def can_follow(
    rows: Rows, back: Ints, row: Ints, before: Slot, slot: Slot, *, spec: FunnelSpec, ties: TieWindow
) -> Bools | np.bool_:
    """Return whether the time between two steps, and what happened between them, lets `row` follow `back`."""
    allowed: Bools | np.bool_ = np.bool_(1)
    window = spec.step_windows[before.condition if spec.is_reversed else slot.condition]
    if window is not None:
        allowed = allowed & (rows.time[row] - rows.time[back] <= window)
    for number in spec.exclusions_between(before.row, slot.row):
        excluded = rows.excluded(number)
        low, high = ties.between(back, row)
        allowed = allowed & (excluded.rank(high) <= excluded.rank(low))
    return allowed


def first_per_unit(rows: Rows, row: Ints) -> Ints:
    """Return the positions in `row` (ascending) at which another unit starts."""
    return np.flatnonzero(mark_changes(rows.unit[row])) if row.size else row


def units_reaching(rows: Rows, frontier: StepFrontier) -> tuple[Ints, Ints]:
    """Return the units that have rows in a frontier, and the position of the first of each.

    Where most rows reach the step, units are looked up instead of rows.
    """
    if rows.unit_first is None or len(frontier.row) < 3 * len(rows.person):
        units = rows.unit.take(frontier.row)
        at = np.flatnonzero(mark_changes(units))
        return units.take(at), at
    count = frontier.rank(np.append(rows.unit_first, rows.size))
    unit = np.flatnonzero(count[1:] > count[:-1])
    return unit, count.take(unit)


def backtrack_rows(
    rows: Rows, sequence: Sequence[Slot], start: Ints, end: Ints, depth: Ints, *, spec: FunnelSpec, ties: TieWindow
) -> Ints:
    """Choose the rows between start and end of each counted attempt: every step as early as possible.

    Returns
    -------
    np.ndarray
        One line per attempt and one column per slot; -1 where a step was not reached.
    """
    chosen = np.full((len(start), len(sequence)), -1, dtype=np.int64, order="F")
    chosen[:, 0] = start
    for k in range(1, len(sequence)):
        line = np.flatnonzero(depth == k + 1)
        chosen[line, k] = end.take(line)
    if depth.max(initial=0) <= 2:
        return chosen
    if spec.order == "strict" and not ties.is_either:
        # neighbours in the log are neighbours here
        for k in range(1, int(depth.max()) - 1):
            line = np.flatnonzero(depth > k + 1)
            chosen[line, k] = end.take(line) - (depth.take(line) - (k + 1))
        return chosen
    usable = _rows_leading_to_end(rows, sequence, start, end, depth, spec=spec, ties=ties)
    for k in range(1, int(depth.max()) - 1):
        line = np.flatnonzero(depth > k + 1)
        now = chosen[:, k - 1].take(line)
        row = usable[k].row
        pointer = usable[k].rank(ties.after(now))
        if ties.is_either and not spec.reuse:
            pointer += row[np.minimum(pointer, len(row) - 1)] == now
        chosen[line, k] = row.take(pointer)
    return chosen


def _rows_leading_to_end(
    rows: Rows, sequence: Sequence[Slot], start: Ints, end: Ints, depth: Ints, *, spec: FunnelSpec, ties: TieWindow
) -> list[SortedRows]:
    """Return, for each slot, the rows from which the end of the unit's attempt can still be reached.

    Without exclusions and windows of steps every row that satisfies the step is one. Otherwise the rows are found from
    the last slot backwards: a row is usable if the next usable row of the slot after it can follow it.
    """
    usable = [rows.satisfying(slot.condition) for slot in sequence]
    if spec.takes_any_next and not ties.is_either:
        return usable
    latest = np.full(len(rows.person), np.iinfo(np.int64).max)
    if spec.within is not None:
        latest[rows.unit[start]] = rows.time[start] + spec.within
    usable[-1] = SortedRows(np.sort(end[depth == len(sequence)]), size=rows.size)
    for k in range(len(sequence) - 2, 0, -1):
        row, later = usable[k].row, usable[k + 1].row
        good = np.zeros(len(row), dtype=np.bool_)
        if later.size:
            pointer = usable[k + 1].rank(ties.after(row))
            if ties.is_either and not spec.reuse:
                pointer += later[np.minimum(pointer, len(later) - 1)] == row
            good = pointer < len(later)
            ahead = later[np.minimum(pointer, len(later) - 1)]
            good &= rows.unit[ahead] == rows.unit[row]
            if spec.order == "strict":
                good &= rows.position[ahead] - rows.position[row] == 1
            if ties.is_either and ties.grace:
                good &= rows.time[ahead] >= rows.time[row] - ties.grace
            good &= rows.time[row] <= latest[rows.unit[row]]
            good &= can_follow(rows, row, ahead, sequence[k], sequence[k + 1], spec=spec, ties=ties)
        usable[k] = SortedRows(np.union1d(row[good], end[depth == k + 1]), size=rows.size)
    return usable
