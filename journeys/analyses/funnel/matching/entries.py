"""Every entry counted: the next attempt begins when the one before has converted, timed out or met an exclusion.

Round by round, all units at once: each round finds one attempt for every unit that is left, and drops the rows before
the next possible start. There are as many rounds as the busiest unit has entries, and each is shorter than the last.
For instance, for A → B, the events A A B A have two entries: rows 0 to 2, which converts, and row 3.
"""

from __future__ import annotations

import numpy as np

from journeys.analyses.funnel.matching.best_attempt import (
    Attempts,
    find_best_attempts,
    mark_entry_conditions,
    mark_first_entries,
)
from journeys.analyses.funnel.matching.ordered import can_follow, first_per_unit, is_in_entry_range, propagate_steps
from journeys.analyses.funnel.matching.tie_window import TieWindow
from journeys.analyses.funnel.rows import Rows
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.log.arrays import Bools, Ints, mark_changes

__all__ = ["find_entries"]


def find_entries(rows: Rows, *, spec: FunnelSpec) -> Attempts:
    """Find all entries, sorted by unit and start."""
    if spec.reentry == "each":
        return _find_each_entry(rows, spec=spec)
    parts: list[Attempts] = []
    index = np.arange(rows.size)
    left = rows
    while left.size:
        starts = mark_first_entries(left, spec=spec)
        if not starts.any():
            break
        found = find_best_attempts(left, spec=spec, starts=starts)
        parts.append(Attempts(found.unit, np.where(found.row >= 0, index[found.row], -1)))
        keep = _rows_of_next_attempts(left, found, starts, spec=spec)
        index, left = index[keep], left.take(np.flatnonzero(keep))
    found = Attempts.concat(parts, width=spec.width)
    return found.take(np.lexsort((found.start, found.unit)))


def _find_each_entry(rows: Rows, *, spec: FunnelSpec) -> Attempts:
    """Count every first step as an entry of its own, which ends where the next begins."""
    starts = mark_entry_conditions(rows, spec=spec) & is_in_entry_range(rows.time, spec)
    part = np.cumsum(starts) + np.cumsum(mark_changes(rows.unit))
    found = find_best_attempts(rows.regroup(part) if rows.size else rows, spec=spec, starts=starts)
    return Attempts(rows.unit[found.start].astype(np.int64), found.row)


def _rows_of_next_attempts(rows: Rows, found: Attempts, starts: Bools, *, spec: FunnelSpec) -> Bools:
    """Mark the rows from which each unit's next attempt is looked for."""
    is_over = (found.row[:, spec.width - 1] >= 0) | np.bool_(spec.order == "strict")
    first = found.start
    floor = np.full(len(rows.person), rows.size, dtype=np.int64)
    floor[found.unit] = np.where(is_over, found.end + 1, first + 1)
    if not is_over.all():
        is_waiting = np.zeros(len(rows.person), dtype=np.bool_)
        is_waiting[found.unit[~is_over]] = True
        is_open = (
            _mark_open_any_order(rows, first, spec=spec) if spec.order == "any" else _mark_open(rows, starts, spec=spec)
        )
        row = np.flatnonzero(is_waiting[rows.unit] & ~is_open & (np.arange(rows.size) >= floor[rows.unit]))
        floor[found.unit[~is_over]] = rows.size
        at = first_per_unit(rows, row)
        floor[rows.unit[row[at]]] = row[at]
    return np.arange(rows.size) >= floor[rows.unit]


def _mark_open(rows: Rows, starts: Bools, *, spec: FunnelSpec) -> Bools:
    """Mark the rows at which the attempt of their unit could still go on."""
    ties = TieWindow(rows, spec)
    is_open = np.zeros(rows.size, dtype=np.bool_)
    row = np.arange(rows.size)
    for sequence in spec.step_sequences():
        frontiers = propagate_steps(rows, sequence, spec=spec, ties=ties, starts=starts)
        for frontier, before, slot in zip(frontiers, sequence, sequence[1:], strict=False):
            if not frontier.row.size:
                break
            pointer = frontier.rank(row) - 1
            back = frontier.row[np.maximum(pointer, 0)]
            can_go_on = (pointer >= 0) & (rows.unit[back] == rows.unit)
            if spec.within is not None:
                can_go_on &= rows.time - rows.time[frontier.start[np.maximum(pointer, 0)]] <= spec.within
            can_go_on &= can_follow(rows, back, row, before, slot, spec=spec, ties=ties)
            is_open |= can_go_on
    return is_open


def _mark_open_any_order(rows: Rows, first: Ints, *, spec: FunnelSpec) -> Bools:
    """Mark the rows at which an attempt with steps in any order is still open."""
    start = np.full(len(rows.person), rows.size, dtype=np.int64)
    start[rows.unit[first]] = first
    begin = start[rows.unit]
    row = np.arange(rows.size)
    is_open = begin < row
    back = np.minimum(begin, rows.size - 1)
    if spec.within is not None:
        is_open &= rows.time - rows.time[back] <= spec.within
    for number in range(len(rows.exclusions)):
        excluded = rows.excluded(number)
        is_open &= excluded.rank(row) <= excluded.rank(back + 1)
    return is_open
