"""Every entry of a unit: each attempt begins after the one before has converted, timed out or met an exclusion."""

from __future__ import annotations

from itertools import count

import numpy as np

from journeys.analyses.funnel.matching import any_order, ordered
from journeys.analyses.funnel.rows import (
    Attempts,
    FunnelRows,
    find_first_per_unit,
    mark_entry_conditions,
    mark_entry_times,
    mark_first_entries,
)
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.arrays import Bools, Ints, list_rows, mark_changes
from journeys.errors import ArgumentError

_CHECK_EVERY = 16
_FIRST_ROWS = 64
_MOST_ROWS = 4_000_000_000
"""Rows looked at in all rounds together; so many take a few minutes."""


def find_entries(rows: FunnelRows, *, spec: FunnelSpec) -> Attempts:
    """Find all entries, sorted by unit and start.

    For instance, a person with the events A, A, B, A enters A → B twice: with the first A, which leads to the B, and
    with the last A. In each round the next entry of every unit is found, from the row at which the one before is over.
    """
    if spec.reentry == "each":
        return _find_each_entry(rows, spec=spec)
    parts: list[Attempts] = []
    floor, stop = rows.first.astype(np.int64), rows.stop
    units = np.flatnonzero(floor < stop)
    for number in count(1):
        if not units.size:
            break
        left = int((stop[units] - floor[units]).sum())
        found, after = _find_next_entries(rows, units, floor=floor[units], stop=stop[units], spec=spec)
        parts.append(found)
        floor[units] = after
        units = units[after < stop[units]]
        if number % _CHECK_EVERY == 0 and spec.ties == "either":
            _refuse_endless_rounds(left, int((stop[units] - floor[units]).sum()))
    found = Attempts.concat(parts, step_count=spec.step_count)
    return found.take(np.lexsort((found.start, found.unit)))


def _find_next_entries(
    rows: FunnelRows, units: Ints, *, floor: Ints, stop: Ints, spec: FunnelSpec
) -> tuple[Attempts, Ints]:
    """Find the first entry of some units from given rows on, and the rows from which their next is looked for.

    Most entries are over after a few rows, so only the first rows of each unit are looked at, and more of those whose
    entry is still open at the end of them: time grows with the number of entries, not with its square.
    """
    after = stop.astype(np.int64)
    parts: list[Attempts] = []
    # where the order within equal times does not count, what comes later may still change what came before
    pending, size = np.arange(len(units)), rows.size if spec.ties == "either" else _FIRST_ROWS
    while pending.size:
        high = np.minimum(floor[pending] + size, stop[pending])
        index = list_rows(floor[pending], high)
        part = rows.take(index).regroup(rows.unit[index])
        found, next_row, is_open = _find_one_entry(part, is_cut=high < stop[pending], spec=spec)
        after[pending] = np.where(next_row < part.stop, np.append(index, -1)[next_row], high)
        settled = found.take(np.flatnonzero(~is_open[found.unit]))
        taken = np.where(settled.row >= 0, index[settled.row], -1)
        parts.append(Attempts(units[pending[settled.unit]], taken))
        pending, size = pending[is_open], size * 8
    return Attempts.concat(parts, step_count=spec.step_count), after


def _find_each_entry(rows: FunnelRows, *, spec: FunnelSpec) -> Attempts:
    """Count every first step as an entry of its own, which ends where the next begins."""
    starts = mark_entry_conditions(rows, spec=spec) & mark_entry_times(rows.time, spec)
    part = np.cumsum(starts) + np.cumsum(mark_changes(rows.unit))
    found = ordered.find_attempts(rows.regroup(part) if rows.size else rows, spec=spec, starts=starts)
    return Attempts(rows.unit[found.start].astype(np.int64), found.row)


def _find_one_entry(rows: FunnelRows, *, is_cut: Bools, spec: FunnelSpec) -> tuple[Attempts, Ints, Bools]:
    """Find the first entry of each unit, the row from which the next is looked for, and which entries are still open.

    `is_cut` marks the units that have more rows than are given; only their entries can be open at the end.
    """
    starts = mark_first_entries(rows, spec=spec)
    stop = rows.stop
    floor, is_open = stop.astype(np.int64), is_cut.copy()
    if not starts.any():
        return Attempts.concat([], step_count=spec.step_count), floor, is_open
    find_attempts = any_order.find_attempts if spec.order == "any" else ordered.find_attempts
    found = find_attempts(rows, spec=spec, starts=starts)
    is_converted = found.row[:, spec.step_count - 1] >= 0
    is_over = is_converted | np.bool_(spec.order == "strict")
    floor[found.unit] = np.where(is_over, found.end + 1, stop[found.unit])
    # a strict attempt that has not converted may go on for as many rows as there are steps
    is_open[found.unit] &= ~is_converted & (
        np.bool_(spec.order != "strict") | (found.start + spec.step_count > stop[found.unit])
    )
    if not is_over.all():
        waiting = np.zeros(len(rows.person), dtype=np.bool_)
        waiting[found.unit[~is_over]] = True
        after = np.full(len(rows.person), rows.size, dtype=np.int64)
        after[found.unit] = found.start + 1
        goes_on = (
            _mark_open_any_order(rows, found.start, spec=spec)
            if spec.order == "any"
            else _mark_open(rows, starts, spec=spec)
        )
        row = np.flatnonzero(waiting[rows.unit] & ~goes_on & (np.arange(rows.size) >= after[rows.unit]))
        row = row[find_first_per_unit(rows, row)]
        floor[rows.unit[row]] = row
        is_open[rows.unit[row]] = False
    return found, floor, is_open


def _refuse_endless_rounds(size: int, left: int) -> None:
    """Raise if a round that drops so few of the rows will be followed by too many others."""
    rounds = left / max(size - left, 1)
    if rounds * left / 2 > _MOST_ROWS:
        raise ArgumentError(
            f"count: a person has about {round(rounds):,} more entries, too many to count one after another; use "
            "reentry='each', or leave such people out with j.only(...)."
        )


def _mark_open(rows: FunnelRows, starts: Bools, *, spec: FunnelSpec) -> Bools:
    """Mark the rows at which the attempt of their unit could still go on."""
    ties = ordered.TieWindow(rows, spec)
    is_open = np.zeros(rows.size, dtype=np.bool_)
    row = np.arange(rows.size)
    for sequence in spec.list_step_sequences():
        frontiers = ordered.propagate_steps(rows, sequence, spec=spec, ties=ties, starts=starts)
        for frontier, before, slot in zip(frontiers, sequence, sequence[1:], strict=False):
            if not frontier.row.size:
                break
            pointer = frontier.rank(row) - 1
            back = frontier.row[np.maximum(pointer, 0)]
            can_go_on = (pointer >= 0) & (rows.unit[back] == rows.unit)
            if spec.within is not None:
                can_go_on &= rows.time - rows.time[frontier.start[np.maximum(pointer, 0)]] <= spec.within
            can_go_on &= ordered.can_follow(rows, back, row, before, slot, spec=spec, ties=ties)
            is_open |= can_go_on
    return is_open


def _mark_open_any_order(rows: FunnelRows, first: Ints, *, spec: FunnelSpec) -> Bools:
    """Mark the rows at which an attempt with steps in any order is still open."""
    start = np.full(len(rows.person), rows.size, dtype=np.int64)
    start[rows.unit[first]] = first
    begin = start[rows.unit]
    row = np.arange(rows.size)
    is_open = begin < row
    back = np.minimum(begin, rows.size - 1)
    if spec.within is not None:
        is_open &= rows.time - rows.time[back] <= spec.within
    for excluded in rows.exclusions:
        is_open &= excluded.rank(row) <= excluded.rank(back + 1)
    return is_open
