"""The counted attempts of a shard: whose they are, and when each step was taken. Parts of a shard run in parallel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import polars as pl

from journeys.analyses.funnel.matching import any_order, entries, exclusions, exhaustive_search, ordered
from journeys.analyses.funnel.rows import Attempts, Rows, mark_first_entries, number_owners, read_log
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.arrays import Bools, Ints, mark_changes, parallel_map, split_between_people
from journeys.log import View

T = TypeVar("T")
NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False, slots=True)
class ShardAttempts:
    """Counted attempts, in the order of the log.

    Attributes
    ----------
    person : array of uint32
        The code of the person who made the attempt.
    time : array of int64, one line per step and one column per attempt
        When the step was taken (µs); `NEVER` where it was not.
    values : dict of str to Series
        The values of the breakdown that are taken from the events of the attempt.
    is_late : array of bool, optional
        Whether these values come from a later step than the one with which the attempt started.
    known_at_entry : dict of str to array of bool
        Whether the value of a person's first campaign was known when the attempt started.
    start, end : array of int
        The positions, as in `Rows`, of the first step taken and of the last.
    """

    person: Ints
    time: Ints
    values: dict[str, pl.Series]
    is_late: Bools
    known_at_entry: dict[str, Bools]
    start: Ints
    end: Ints

    def has_taken(self, step: int) -> Bools:
        """Mark the attempts that took a step."""
        taken: Bools = self.time[step] != NEVER
        return taken

    @property
    def last_step(self) -> Ints:
        """The last step that each attempt took, from 0."""
        last = np.zeros(len(self.person), dtype=np.int16)
        for step in range(1, len(self.time)):
            np.copyto(last, np.int16(step), where=self.has_taken(step))
        return last

    @property
    def start_time(self) -> Ints:
        """When each attempt entered (µs)."""
        start: Ints = self.time[0].copy()
        for time in self.time[1:]:
            np.copyto(start, time, where=start == NEVER)
        return start


def select_shard_attempts(view: View, spec: FunnelSpec) -> ShardAttempts:
    """Find the attempts that count in one shard."""
    return concat_attempts(map_parts(view, spec, work=lambda found: found))


def concat_attempts(parts: Sequence[ShardAttempts]) -> ShardAttempts:
    """Concatenate the attempts of parts of a shard."""
    if len(parts) == 1:
        return parts[0]
    return ShardAttempts(
        np.concatenate([part.person for part in parts]),
        np.concatenate([part.time for part in parts], axis=1),
        {name: pl.concat([part.values[name] for part in parts]) for name in parts[0].values},
        np.concatenate([part.is_late for part in parts]),
        {name: np.concatenate([part.known_at_entry[name] for part in parts]) for name in parts[0].known_at_entry},
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.end for part in parts]),
    )


def map_parts(view: View, spec: FunnelSpec, *, work: Callable[[ShardAttempts], T]) -> list[T]:
    """Find the attempts that count in parts of a shard, in parallel, and apply `work` to those of each part."""
    log = read_log(view, spec)

    def find_chosen(part: tuple[int, int]) -> T:
        rows = log.to_arrays(*part)
        return work(look_up_attempts(rows, select_attempts(rows, spec=spec), spec=spec))

    return parallel_map(find_chosen, split_between_people(log.frame["person"]))


def select_attempts(rows: Rows, *, spec: FunnelSpec) -> Attempts:
    """Find the attempts that count: one per person, one per session, or every entry.

    For instance, within the same day, a person who tries on two days has two units but one counted attempt.
    """
    if spec.count == "entries":
        return entries.find_entries(rows, spec=spec, find_best=find_best_attempts)
    attempts = find_best_attempts(rows, spec=spec)
    owner = attempts.unit
    if spec.count == "people":
        # by person, any row of the attempt will do; by value, the one with which it starts
        owner = number_owners(rows, attempts.start if spec.by_at == "all" else rows.first[owner], spec=spec)
    if spec.exclude and spec.on_exclusion == "removed":
        is_removed = exclusions.mark_removed_units(rows, attempts, spec=spec)[attempts.unit]
        has_converted = attempts.row[:, spec.step_count - 1] >= 0
        stays = ~is_removed & ~(np.isin(owner, owner[is_removed]) & ~np.isin(owner, owner[has_converted]))
        attempts, owner = attempts.take(np.flatnonzero(stays)), owner[stays]
    return _choose_one_per_owner(rows, attempts, owner, spec=spec)


def find_best_attempts(rows: Rows, *, spec: FunnelSpec, starts: Bools | None = None) -> Attempts:
    """Find the attempt that counts of each unit that entered.

    `starts` marks the rows that may start one; by default all that satisfy a first step.
    """
    if starts is None and spec.reentry == "first":
        starts = mark_first_entries(rows, spec=spec)
    if spec.order == "any":
        return any_order.find_attempts(rows, spec=spec, starts=starts)
    ties = ordered.TieWindow(rows, spec)
    ambiguous = ordered.mark_ambiguous_units(rows, spec=spec, ties=ties)
    attempts = ordered.find_attempts(rows, spec=spec, ties=ties, starts=starts)
    if not ambiguous.any():
        return attempts
    clear = attempts.take(np.flatnonzero(~ambiguous[attempts.unit]))
    searched = exhaustive_search.find_attempts(rows, units=np.flatnonzero(ambiguous), spec=spec, starts=starts)
    return Attempts.concat([clear, searched], step_count=spec.step_count)


def _choose_one_per_owner(rows: Rows, attempts: Attempts, owner: Ints, *, spec: FunnelSpec) -> Attempts:
    """Choose the best attempt among the units of a person (days, sessions, held values)."""
    ascending = owner if (owner[1:] >= owner[:-1]).all() else np.sort(owner)
    if mark_changes(ascending).all():
        return attempts
    is_reached = attempts.row >= 0
    optional = np.array(spec.optional)
    if spec.entry == "any":
        reached, extra = attempts.last_step, is_reached.sum(axis=1)
    else:
        reached, extra = is_reached[:, ~optional].sum(axis=1), is_reached[:, optional].sum(axis=1)
    order = np.lexsort((-rows.position[attempts.start], rows.position[attempts.end], -extra, -reached, owner))
    chosen = order[np.flatnonzero(mark_changes(owner[order]))]
    return attempts.take(np.sort(chosen))


def look_up_attempts(rows: Rows, attempts: Attempts, *, spec: FunnelSpec) -> ShardAttempts:
    """Look up the people, times and values of attempts."""
    time = np.full((spec.step_count, len(attempts.unit)), NEVER)
    end = np.zeros(len(attempts.unit), dtype=np.int64)
    for step in range(spec.step_count):
        row = attempts.row[:, step]
        taken = np.flatnonzero(row >= 0)
        row = row.take(taken)
        time[step, taken], end[taken] = rows.time.take(row), row
    values, is_late = _values_at(rows.values, attempts, spec=spec)
    start = attempts.start
    known = {name: mask[start] for name, mask in rows.known_by_row.items()}
    position = rows.position
    return ShardAttempts(
        rows.person[attempts.unit], time, values, is_late, known, position.take(start), position.take(end)
    )


def _values_at(
    values: dict[str, pl.Series], attempts: Attempts, *, spec: FunnelSpec
) -> tuple[dict[str, pl.Series], Bools]:
    """Take the values that attempts have at a step, or at the first or last step where any is defined.

    Several properties are taken from the same event, so that no combination is shown that did not occur. Return with
    them whether they come from a later step than the first of the attempt.
    """
    if not values:
        return {}, np.zeros(len(attempts.unit), dtype=np.bool_)
    width = attempts.row.shape[1]
    steps = range(width)
    if isinstance(spec.by_at, int):
        steps = range(spec.by_at - 1, spec.by_at)
    elif spec.by_at == "last":
        steps = range(width - 1, -1, -1)
    is_defined = np.logical_or.reduce([column.is_not_null().to_numpy() for column in values.values()])
    chosen = np.full(len(attempts.unit), -1, dtype=np.int64)
    for step in steps if len(is_defined) else ():
        row = attempts.row[:, step]
        chosen = np.where((chosen < 0) & (row >= 0) & is_defined[np.maximum(row, 0)], row, chosen)
    index = pl.Series(chosen, dtype=pl.Int64).to_frame("x").select(pl.when(pl.col("x") >= 0).then("x"))["x"]
    return {name: column.gather(index) for name, column in values.items()}, (chosen >= 0) & (chosen != attempts.start)
