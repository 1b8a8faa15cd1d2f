"""The attempt that counts for each unit: the deepest, of these the first to get there, of these the latest start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from journeys.analyses.funnel.matching import any_order, exhaustive
from journeys.analyses.funnel.matching.ordered import (
    StepFrontier,
    backtrack_rows,
    first_per_unit,
    is_in_entry_range,
    propagate_steps,
    units_reaching,
)
from journeys.analyses.funnel.matching.tie_window import TieWindow
from journeys.analyses.funnel.rows import Rows
from journeys.analyses.funnel.spec import FunnelSpec, Slot
from journeys.log.arrays import Bools, Ints, mark_changes


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
    ambiguous = exhaustive.mark_ambiguous_units(rows, spec=spec, ties=ties)
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
    searched = Attempts(*exhaustive.find_attempts(rows, units=np.flatnonzero(ambiguous), spec=spec, starts=starts))
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
