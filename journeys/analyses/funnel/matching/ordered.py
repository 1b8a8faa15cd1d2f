"""Steps in order: the frontier that moves from step to step, also within ties, and the best attempt of each unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from journeys.analyses.funnel.matching import exhaustive_search
from journeys.analyses.funnel.rows import Attempts, FunnelRows, SortedRows, mark_entry_times
from journeys.analyses.funnel.spec import FunnelSpec, Slot
from journeys.arrays import Bools, Ints, mark_changes, search_within


class TieWindow:
    """The rows that may come before, and after, each row.

    A tie is a run of rows of one unit with equal times. For instance, with the times 1, 2, 2 and ties in either order,
    rows 1 and 2 may both come before or after each other: what comes before either ends before row 3, what comes after
    begins with row 1.
    """

    def __init__(self, rows: FunnelRows, spec: FunnelSpec) -> None:
        self.rows = rows
        self.grace = spec.grace
        self.is_arrival = spec.ties == "arrival"
        self.is_either = spec.ties == "either"
        if self.is_arrival:
            return
        starts = mark_changes(rows.unit) | mark_changes(rows.time)
        number = np.cumsum(starts) - 1
        borders = np.append(np.flatnonzero(starts), rows.size)
        self.tie_start, self.tie_stop = borders[number], borders[number + 1]
        self.low, self.high = self.tie_start, self.tie_stop
        if self.is_either and self.grace:
            # all rows of the unit whose times are within the grace
            first, stop = rows.first[rows.unit], rows.stop[rows.unit]
            self.low = search_within(rows.time, rows.time - self.grace, low=first, high=stop, side="left")
            self.high = search_within(rows.time, rows.time + self.grace, low=first, high=stop)

    def find_stop_before(self, row: Ints) -> Ints:
        """Return, for each row, the row after the last that may come before it."""
        if self.is_arrival:
            return row
        reach: Ints = self.high[row] if self.is_either else self.tie_start[row]
        return reach

    def find_first_after(self, row: Ints) -> Ints:
        """Return, for each row, the first row that may come after it."""
        if self.is_arrival:
            return row + 1
        reach: Ints = self.low[row] if self.is_either else self.tie_stop[row]
        return reach

    def find_between(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Return, for pairs of rows, the first row that surely lies between them, and the row after the last."""
        if self.is_either:
            return self.high[low], self.low[high]
        return low + 1, high


class StepFrontier(SortedRows):
    """The rows that reach a step, and the row with which the best attempt to each starts."""

    __slots__ = ("start",)

    def __init__(self, row: Ints, *, start: Ints, size: int, mask: Bools | None = None) -> None:
        super().__init__(row, size=size, mask=mask)
        self.start = start


def propagate_steps(
    rows: FunnelRows, sequence: Sequence[Slot], *, spec: FunnelSpec, ties: TieWindow, starts: Bools | None = None
) -> list[StepFrontier]:
    """Find the rows that reach each step of a sequence.

    `starts` marks the rows that may start an attempt; by default all that satisfy the first step.
    """
    first = rows.steps[sequence[0].condition]
    row, mask = first.row, None
    if starts is not None:
        row = row[starts[row]]
    elif spec.entered != (None, None):
        row = row[mark_entry_times(rows.time[row], spec)]
    else:
        mask = first.mask
    frontiers = [StepFrontier(row, start=row, size=rows.size, mask=mask)]
    for before, slot in pairwise(sequence):
        row, start = _next_frontier(rows, frontiers[-1], before, slot, spec=spec, ties=ties)
        frontiers.append(StepFrontier(row, start=start, size=rows.size))
        if not row.size:
            break
    return frontiers


def _next_frontier(
    rows: FunnelRows, frontier: StepFrontier, before: Slot, slot: Slot, *, spec: FunnelSpec, ties: TieWindow
) -> tuple[Ints, Ints]:
    """Return the rows that reach the next step, and the start of the best attempt to each."""
    row = rows.steps[slot.condition].row
    if not row.size or not frontier.row.size:
        return row[:0], row[:0]
    pointer = frontier.rank(ties.find_stop_before(row))
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
    rows: FunnelRows, back: Ints, row: Ints, before: Slot, slot: Slot, *, spec: FunnelSpec, ties: TieWindow
) -> Bools | np.bool_:
    """Return whether the time between two steps, and what happened between them, lets `row` follow `back`."""
    allowed: Bools | np.bool_ = np.bool_(1)
    window = spec.step_windows[before.condition if spec.is_reversed else slot.condition]
    if window is not None:
        allowed = allowed & (rows.time[row] - rows.time[back] <= window)
    for number in spec.list_exclusions_between(before.row, slot.row):
        excluded = rows.exclusions[number]
        low, high = ties.find_between(back, row)
        allowed = allowed & (excluded.rank(high) <= excluded.rank(low))
    return allowed


def _find_units_reaching(rows: FunnelRows, frontier: StepFrontier) -> tuple[Ints, Ints]:
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
    rows: FunnelRows,
    sequence: Sequence[Slot],
    start: Ints,
    end: Ints,
    depth: Ints,
    *,
    spec: FunnelSpec,
    ties: TieWindow,
) -> Ints:
    """Choose the rows between start and end of each counted attempt: every step as early as possible.

    Return one line per attempt and one column per slot; -1 where a step was not reached.
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
    usable = _find_usable_rows(rows, sequence, start, end, depth, spec=spec, ties=ties)
    for k in range(1, int(depth.max()) - 1):
        line = np.flatnonzero(depth > k + 1)
        now = chosen[:, k - 1].take(line)
        row = usable[k].row
        pointer = usable[k].rank(ties.find_first_after(now))
        if ties.is_either and not spec.reuse:
            pointer += row[np.minimum(pointer, len(row) - 1)] == now
        chosen[line, k] = row.take(pointer)
    return chosen


def _find_usable_rows(
    rows: FunnelRows,
    sequence: Sequence[Slot],
    start: Ints,
    end: Ints,
    depth: Ints,
    *,
    spec: FunnelSpec,
    ties: TieWindow,
) -> list[SortedRows]:
    """Return, for each slot, the rows from which the end of the unit's attempt can still be reached.

    Without exclusions and windows of steps every row that satisfies the step is one. Otherwise the rows are found from
    the last slot backwards: a row is usable if the next usable row of the slot after it can follow it.
    """
    usable = [rows.steps[slot.condition] for slot in sequence]
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
            pointer = usable[k + 1].rank(ties.find_first_after(row))
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


def mark_ambiguous_units(rows: FunnelRows, *, spec: FunnelSpec, ties: TieWindow) -> Bools:
    """Mark the units for which back pointers do not suffice."""
    ambiguous = np.zeros(len(rows.person), dtype=np.bool_)
    if not ties.is_either or not rows.size:
        return ambiguous
    is_crowded = ties.high - ties.low > 1
    if spec.order != "strict":
        if spec.reuse:
            return ambiguous
        # a step that is asked for twice counts twice
        is_crowded &= np.sum([step.mask for step in rows.steps], axis=0, dtype=np.int8) > 1
    ambiguous[rows.unit[is_crowded]] = True
    return ambiguous


@dataclass(frozen=True, eq=False, slots=True)
class _BestAttempts:
    """The best attempt so far of every unit: which sequence of steps, how deep, its rank, and its ends."""

    sequence: Ints
    depth: Ints
    reached: Ints
    extra: Ints
    start: Ints
    end: Ints


def find_attempts(rows: FunnelRows, *, spec: FunnelSpec, starts: Bools | None) -> Attempts:
    """Find the best attempt of each unit that entered, along the sequence of steps in which it gets furthest.

    `starts` marks the rows that may start one; by default all that satisfy a first step.
    """
    ties = TieWindow(rows, spec)
    sequences = spec.list_step_sequences()
    best: _BestAttempts | None = None
    for number, sequence in enumerate(sequences):
        frontiers = propagate_steps(rows, sequence, spec=spec, ties=ties, starts=starts)
        found = _find_best_attempts(rows, frontiers, sequence, number=number, spec=spec)
        best = found if best is None else _choose_better(best, found)
    assert best is not None  # noqa: S101  # there is at least one step, so at least one sequence
    attempts = _fill_in_rows(rows, best, sequences, spec=spec, ties=ties)
    ambiguous = mark_ambiguous_units(rows, spec=spec, ties=ties)
    if not ambiguous.any():
        return attempts
    clear = attempts.take(np.flatnonzero(~ambiguous[attempts.unit]))
    searched = exhaustive_search.find_attempts(rows, units=np.flatnonzero(ambiguous), spec=spec, starts=starts)
    return Attempts.concat([clear, searched], step_count=spec.step_count)


def _find_best_attempts(
    rows: FunnelRows, frontiers: Sequence[StepFrontier], sequence: tuple[Slot, ...], *, number: int, spec: FunnelSpec
) -> _BestAttempts:
    """Return each unit's best attempt along one sequence: the deepest, and of these the first to get there."""
    units = len(rows.person)
    depth = np.zeros(units, dtype=np.int8)
    start, end = np.zeros(units, dtype=np.int64), np.zeros(units, dtype=np.int64)
    for level, frontier in enumerate(frontiers, start=1):
        unit, at = _find_units_reaching(rows, frontier)
        depth[unit], start[unit], end[unit] = level, frontier.start.take(at), frontier.row.take(at)
    reached, extra = _rank_depths(sequence, spec=spec)
    return _BestAttempts(
        np.full(units, number, dtype=np.int16), depth, reached.take(depth), extra.take(depth), start, end
    )


def _rank_depths(sequence: tuple[Slot, ...], *, spec: FunnelSpec) -> tuple[Ints, Ints]:
    """Return how far each depth of a sequence gets, and what ranks attempts that get equally far."""
    depths = np.arange(len(sequence) + 1)
    if spec.entry == "any":
        return np.array([-1, *(slot.row for slot in sequence)]), depths
    required = [not spec.optional[slot.row] for slot in sequence]
    reached = np.concatenate([[0], np.cumsum(required)])
    return reached - (depths == 0), depths - reached


def _choose_better(old: _BestAttempts, new: _BestAttempts) -> _BestAttempts:
    """Choose by unit: deepest, most optional steps, first to get there, latest start."""
    wins = np.zeros(len(old.reached), dtype=np.bool_)
    is_equal = new.depth > 0
    for better, worse in (
        (new.reached, old.reached),
        (new.extra, old.extra),
        (-new.end, -old.end),
        (new.start, old.start),
    ):
        wins |= is_equal & (better > worse)
        is_equal = is_equal & (better == worse)
    return _BestAttempts(
        *(
            np.where(wins, getattr(new, name), getattr(old, name))
            for name in ("sequence", "depth", "reached", "extra", "start", "end")
        )
    )


def _fill_in_rows(
    rows: FunnelRows, best: _BestAttempts, sequences: Sequence[tuple[Slot, ...]], *, spec: FunnelSpec, ties: TieWindow
) -> Attempts:
    """Find the rows of all steps of the best attempts, of which only the ends are known."""
    parts: list[Attempts] = []
    for number, sequence in enumerate(sequences):
        unit = np.flatnonzero((best.sequence == number) & (best.depth > 0))
        if not unit.size:
            continue
        start, end, depth = best.start.take(unit), best.end.take(unit), best.depth.take(unit)
        chosen = backtrack_rows(rows, sequence, start, end, depth, spec=spec, ties=ties)
        if [slot.row for slot in sequence] != list(range(spec.step_count)):
            row = np.full((len(unit), spec.step_count), -1, dtype=np.int64)
            row[:, [slot.row for slot in sequence]] = chosen
            chosen = row
        parts.append(Attempts(unit, chosen))
    return Attempts.concat(parts, step_count=spec.step_count)
