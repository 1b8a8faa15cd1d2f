"""The attempt that counts for each person: the best, each entry, or none where an exclusion ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import polars as pl

from journeys.analyses.funnel.matching import any_order, ordered
from journeys.analyses.funnel.matching.ordered import (
    StepFrontier,
    TieWindow,
    backtrack_rows,
    can_follow,
    first_per_unit,
    is_in_entry_range,
    propagate_steps,
    units_reaching,
)
from journeys.analyses.funnel.rows import Rows
from journeys.analyses.funnel.spec import FunnelSpec, Slot
from journeys.arrays import Bools, Ints, list_rows, mark_changes
from journeys.errors import ArgumentError


@dataclass(frozen=True, eq=False, slots=True)
class Attempts:
    """Counted attempts, one line each.

    Attributes
    ----------
    unit : array of int
        The unit that made it.
    row : array of int, one column per table row
        The row of `Rows` that served the step; -1 where the step was not taken.
    """

    unit: Ints
    row: Ints

    @classmethod
    def concat(cls, parts: Sequence[Attempts], *, width: int) -> Attempts:
        """Concatenate attempts, sorted by unit; of one unit, in the order given."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls(np.zeros(0, dtype=np.int64), np.zeros((0, width), dtype=np.int64))
        both = cls(np.concatenate([part.unit for part in parts]), np.concatenate([part.row for part in parts]))
        return both.take(np.argsort(both.unit, kind="stable"))

    def take(self, index: Ints) -> Attempts:
        """Keep some of them."""
        return Attempts(self.unit[index], self.row[index])

    @property
    def last_step(self) -> Ints:
        """The last table row that each attempt reached."""
        width = self.row.shape[1]
        last: Ints = width - 1 - np.argmax(self.row[:, ::-1] >= 0, axis=1)
        return last

    @property
    def first_step(self) -> Ints:
        """The table row at which each attempt entered."""
        first: Ints = np.argmax(self.row >= 0, axis=1)
        return first

    @property
    def start(self) -> Ints:
        """The row of `Rows` with which each attempt starts."""
        start: Ints = self.row[np.arange(len(self.unit)), self.first_step]
        return start

    @property
    def end(self) -> Ints:
        """The row of `Rows` with which each attempt ends."""
        end: Ints = self.row[np.arange(len(self.unit)), self.last_step]
        return end


@dataclass(frozen=True, eq=False, slots=True)
class _Best:
    """The best attempt so far of every unit: which sequence of steps, how deep, its rank, and its ends."""

    sequence: Ints
    depth: Ints
    reached: Ints
    extra: Ints
    start: Ints
    end: Ints


def find_best_attempts(rows: Rows, *, spec: FunnelSpec, starts: Bools | None = None) -> Attempts:
    """Find the attempt that counts of each unit that entered.

    `starts` marks the rows that may start one; by default all that satisfy a first step.
    """
    if starts is None and spec.reentry == "first":
        starts = mark_first_entries(rows, spec=spec)
    if spec.order == "any":
        return Attempts(*any_order.find_attempts(rows, spec=spec, starts=starts))
    ties = TieWindow(rows, spec)
    ambiguous = ordered.mark_ambiguous_units(rows, spec=spec, ties=ties)
    sequences = spec.step_sequences()
    best: _Best | None = None
    for number, sequence in enumerate(sequences):
        frontiers = propagate_steps(rows, sequence, spec=spec, ties=ties, starts=starts)
        found = _best_of_sequence(rows, frontiers, sequence, number=number, spec=spec)
        best = found if best is None else _choose_better(best, found)
    assert best is not None  # noqa: S101  # there is at least one step, so at least one sequence
    attempts = _fill_in_rows(rows, best, sequences, spec=spec, ties=ties)
    if not ambiguous.any():
        return attempts
    clear = attempts.take(np.flatnonzero(~ambiguous[attempts.unit]))
    searched = Attempts(*ordered.find_attempts(rows, units=np.flatnonzero(ambiguous), spec=spec, starts=starts))
    return Attempts.concat([clear, searched], width=spec.width)


def mark_entry_conditions(rows: Rows, *, spec: FunnelSpec) -> Bools:
    """Mark the rows that satisfy a step with which attempts may start, whatever their time."""
    if spec.order == "any" or spec.entry == "any":
        conditions = set(range(spec.width))
    else:
        conditions = {sequence[0].condition for sequence in spec.step_sequences()}
    mask = np.zeros(rows.size, dtype=np.bool_)
    for condition in conditions:
        mask |= rows.steps[condition]
    return mask


def mark_first_entries(rows: Rows, *, spec: FunnelSpec) -> Bools:
    """Mark the first row of each unit that may start an attempt; where people are counted, of each person."""
    row = np.flatnonzero(mark_entry_conditions(rows, spec=spec))
    row = row[is_in_entry_range(rows.time[row], spec)]
    row = row[first_per_unit(rows, row)]
    if spec.count == "people":
        owner = number_owners(rows, row, spec=spec)
        order = np.lexsort((rows.position[row], owner))
        row = row[order[np.flatnonzero(mark_changes(owner[order]))]]
    out = np.zeros(rows.size, dtype=np.bool_)
    out[row] = True
    return out


def number_owners(rows: Rows, row: Ints, *, spec: FunnelSpec) -> Ints:
    """Number what counts once: people; with a breakdown by held values, each combination of person and values."""
    person = rows.person[rows.unit[row]]
    if spec.by_at != "all" or not spec.by:
        return person
    pairs = pl.DataFrame([pl.Series("", person), *(column.gather(row) for column in rows.values.values())])
    number: Ints = pairs.select(pl.struct(pl.all()).rank("dense").alias("number"))["number"].to_numpy()
    return number


def _best_of_sequence(
    rows: Rows, frontiers: Sequence[StepFrontier], sequence: tuple[Slot, ...], *, number: int, spec: FunnelSpec
) -> _Best:
    """Return each unit's best attempt along one sequence: the deepest, and of these the first to get there."""
    units = len(rows.person)
    depth = np.zeros(units, dtype=np.int8)
    start, end = np.zeros(units, dtype=np.int64), np.zeros(units, dtype=np.int64)
    for level, frontier in enumerate(frontiers, start=1):
        unit, at = units_reaching(rows, frontier)
        depth[unit], start[unit], end[unit] = level, frontier.start.take(at), frontier.row.take(at)
    reached, extra = _rank_depths(sequence, spec=spec)
    return _Best(np.full(units, number, dtype=np.int16), depth, reached.take(depth), extra.take(depth), start, end)


def _rank_depths(sequence: tuple[Slot, ...], *, spec: FunnelSpec) -> tuple[Ints, Ints]:
    """Return how far each depth of a sequence gets, and what ranks attempts that get equally far."""
    depths = np.arange(len(sequence) + 1)
    if spec.entry == "any":
        return np.array([-1, *(slot.row for slot in sequence)]), depths
    required = [not spec.optional[slot.row] for slot in sequence]
    reached = np.concatenate([[0], np.cumsum(required)])
    return reached - (depths == 0), depths - reached


def _choose_better(old: _Best, new: _Best) -> _Best:
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
    return _Best(
        *(
            np.where(wins, getattr(new, name), getattr(old, name))
            for name in ("sequence", "depth", "reached", "extra", "start", "end")
        )
    )


def _fill_in_rows(
    rows: Rows, best: _Best, sequences: Sequence[tuple[Slot, ...]], *, spec: FunnelSpec, ties: TieWindow
) -> Attempts:
    """Find the rows of all steps of the best attempts, of which only the ends are known."""
    parts: list[Attempts] = []
    for number, sequence in enumerate(sequences):
        unit = np.flatnonzero((best.sequence == number) & (best.depth > 0))
        if not unit.size:
            continue
        start, end, depth = best.start.take(unit), best.end.take(unit), best.depth.take(unit)
        chosen = backtrack_rows(rows, sequence, start, end, depth, spec=spec, ties=ties)
        if [slot.row for slot in sequence] != list(range(spec.width)):
            row = np.full((len(unit), spec.width), -1, dtype=np.int64)
            row[:, [slot.row for slot in sequence]] = chosen
            chosen = row
        parts.append(Attempts(unit, chosen))
    return Attempts.concat(parts, width=spec.width)


_CHECK_EVERY = 16
_FIRST_ROWS = 64
_MOST_ROWS = 4_000_000_000
"""Rows looked at in all rounds together; so many take a few minutes."""


def find_entries(rows: Rows, *, spec: FunnelSpec) -> Attempts:
    """Find all entries, sorted by unit and start."""
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
    found = Attempts.concat(parts, width=spec.width)
    return found.take(np.lexsort((found.start, found.unit)))


def _find_next_entries(rows: Rows, units: Ints, *, floor: Ints, stop: Ints, spec: FunnelSpec) -> tuple[Attempts, Ints]:
    """Find the first entry of some units from given rows on, and the rows from which their next is looked for.

    Most entries are over after a few rows, so only the first rows of each unit are looked at, and more of those whose
    entry is still open at the end of them: time grows with the number of entries, not with its square.
    """
    after = stop.astype(np.int64)
    parts: list[Attempts] = []
    # where equal times are not told apart, what comes later may still change what came before
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
    return Attempts.concat(parts, width=spec.width), after


def _find_each_entry(rows: Rows, *, spec: FunnelSpec) -> Attempts:
    """Count every first step as an entry of its own, which ends where the next begins."""
    starts = mark_entry_conditions(rows, spec=spec) & is_in_entry_range(rows.time, spec)
    part = np.cumsum(starts) + np.cumsum(mark_changes(rows.unit))
    found = find_best_attempts(rows.regroup(part) if rows.size else rows, spec=spec, starts=starts)
    return Attempts(rows.unit[found.start].astype(np.int64), found.row)


def _find_one_entry(rows: Rows, *, is_cut: Bools, spec: FunnelSpec) -> tuple[Attempts, Ints, Bools]:
    """Find the first entry of each unit, the row from which the next is looked for, and which entries are still open.

    `is_cut` marks the units that have more rows than are given; only their entries can be open at the end.
    """
    starts = mark_first_entries(rows, spec=spec)
    stop = rows.stop
    floor, is_open = stop.astype(np.int64), is_cut.copy()
    if not starts.any():
        return Attempts.concat([], width=spec.width), floor, is_open
    found = find_best_attempts(rows, spec=spec, starts=starts)
    is_converted = found.row[:, spec.width - 1] >= 0
    is_over = is_converted | np.bool_(spec.order == "strict")
    floor[found.unit] = np.where(is_over, found.end + 1, stop[found.unit])
    # a strict attempt that has not converted may go on for as many rows as there are steps
    is_open[found.unit] &= ~is_converted & (
        np.bool_(spec.order != "strict") | (found.start + spec.width > stop[found.unit])
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
        row = row[first_per_unit(rows, row)]
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


def mark_removed_units(rows: Rows, attempts: Attempts, *, spec: FunnelSpec) -> Bools:
    """Mark the units of which an attempt met an exclusion in its range, and that did not convert cleanly.

    For instance, for A → B without X: A X A removes the unit, A X A B does not.
    """
    ties = TieWindow(rows, spec)
    starts = mark_first_entries(rows, spec=spec) if spec.reentry == "first" else None
    hit = np.zeros(len(rows.person), dtype=np.bool_)
    if spec.order == "any":
        # nothing goes on after an exclusion: a unit that has not finished by then has been stopped by it
        sequences: list[tuple[Slot, ...]] = [(Slot(number, number),) for number in range(spec.width)]
    else:
        sequences = spec.step_sequences()
    for sequence in sequences:
        frontiers = propagate_steps(rows, sequence, spec=spec, ties=ties, starts=starts)
        for number, one in enumerate(spec.exclude):
            row = rows.excluded(number).row
            for depth, (frontier, slot) in enumerate(zip(frontiers, sequence, strict=False)):
                if not (one.low <= slot.row < one.high or spec.order == "any"):
                    continue
                later = frontiers[depth + 1] if depth + 1 < len(frontiers) else None
                hits = _hits_open_attempt(rows, row, frontier, later, slot, spec=spec, ties=ties)
                hit[rows.unit[row[hits]]] = True
    converted = attempts.unit[attempts.row[:, spec.width - 1] >= 0]
    hit[converted] = False
    return hit


def _hits_open_attempt(
    rows: Rows,
    row: Ints,
    frontier: StepFrontier,
    later: StepFrontier | None,
    slot: Slot,
    *,
    spec: FunnelSpec,
    ties: TieWindow,
) -> Bools:
    """Mark the excluded events that meet an attempt which has come to this step, with its window still open."""
    if not frontier.row.size:
        return np.zeros(len(row), dtype=np.bool_)
    cut = ties.low[row] if ties.is_either else row
    pointer = frontier.rank(cut) - 1
    back = frontier.row[np.maximum(pointer, 0)]
    hit: Bools = (pointer >= 0) & (rows.unit[back] == rows.unit[row])
    if spec.within is not None:
        hit &= rows.time[row] - rows.time[frontier.start[np.maximum(pointer, 0)]] <= spec.within
    window = spec.step_windows[slot.row + 1] if slot.row + 1 < spec.width else None
    if window is not None:
        hit &= rows.time[row] - rows.time[back] <= window
    if later is not None and later.row.size:
        # an attempt that has gone on is at a later step
        up_to = cut if ties.is_either else row + 1
        hit &= later.rank(up_to) <= later.rank(np.minimum(back + 1, up_to))
    return hit
