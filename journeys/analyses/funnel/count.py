"""One shard → its counted attempts, with the time and the group of each → people per step and group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import polars as pl

from journeys.analyses.funnel.matching import any_order, entries, exclusions, ordered
from journeys.analyses.funnel.rows import Attempts, FunnelRows, mark_first_entries, number_owners, read_log
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.arrays import Bools, Ints, mark_changes, parallel_map, split_between_people
from journeys.log import View

T = TypeVar("T")

NEVER = np.iinfo(np.int64).min
"""The time of a step that was not taken."""


def count(view: View, spec: FunnelSpec) -> pl.DataFrame:
    """Count the people at each step of each group, with the times between steps.

    Return the keys of `by` (String), `step` (1-based), `entered`, `people`, `dropped`, `at_previous` (took the step
    that the rate is measured against), `continued` (took both), `late` (have the value of their group only from a later
    step; Int64), `from_previous` and `from_start` (List of Int64, µs). Of attempts that got no further, `_person`, the
    code of the person, and `_start` and `_end`, the positions (as in `FunnelRows`) of the first and the last step taken
    (List of Int64).
    """
    if spec.by:
        parts = _map_parts(view, spec, work=lambda part: part)
        keys, number = _number_groups(view, concat_attempts(parts), spec=spec)
        groups = np.split(number, np.cumsum([len(part.person) for part in parts[:-1]], dtype=np.int64))
        size = keys.height
        counted = parallel_map(lambda one: _count_steps(*one, spec=spec, size=size), zip(parts, groups, strict=True))
    else:
        # each part is counted where it was found, while it is in the processor's cache
        keys, size = pl.DataFrame(), 1
        counted = _map_parts(
            view,
            spec,
            work=lambda part: _count_steps(part, np.zeros(len(part.person), dtype=np.int8), spec=spec, size=1),
        )
    return pl.concat(
        [_add_parts(keys, [part[step] for part in counted], step=step, size=size) for step in range(spec.step_count)]
    )


class _StepCounts(NamedTuple):
    """The counts of one step in a part of a shard; for what they are, see `count`.

    The first six have one number per group. `from_previous` and `from_start` have one time per attempt that took this
    step after another one, and `group` its group; `person`, `start`, `end` and `stopped_group` are those of the
    attempts that got no further.
    """

    entered: Ints
    people: Ints
    dropped: Ints
    continued: Ints
    at_previous: Ints
    late: Ints
    from_previous: Ints
    from_start: Ints
    group: Ints
    person: Ints
    start: Ints
    end: Ints
    stopped_group: Ints


def _count_steps(found: ShardAttempts, group: Ints, *, spec: FunnelSpec, size: int) -> list[_StepCounts]:
    """Count the attempts of a part step by step.

    For instance, the times (10, 12, 15) and (11, NEVER, NEVER) give 2, 1, 1 people; one dropped after the first step;
    2 and 3 since the previous step, 2 and 5 since the start.
    """
    counts: list[_StepCounts] = []
    first_time, previous_time = np.full(len(found.person), NEVER), np.full(len(found.person), NEVER)
    last_step = found.last_step
    late = _count_groups(group, np.flatnonzero(found.is_late), size=size)
    for step, time in enumerate(found.time):
        taken = np.flatnonzero(time != NEVER)
        with_previous = taken.compress(previous_time.take(taken) != NEVER) if step else taken[:0]
        at_previous = found.has_taken(spec.find_required_before(step)) if step else np.zeros(len(time), dtype=np.bool_)
        stopped = np.flatnonzero(last_step == step)
        dropped = stopped if step < len(found.time) - 1 else taken[:0]
        counts.append(
            _StepCounts(
                entered=_count_groups(group, size=size),
                people=_count_groups(group, taken, size=size),
                dropped=_count_groups(group, dropped, size=size),
                continued=_count_groups(group, taken.compress(at_previous.take(taken)), size=size),
                at_previous=_count_groups(group, np.flatnonzero(at_previous), size=size),
                late=late,
                from_previous=np.maximum(time.take(with_previous) - previous_time.take(with_previous), 0),
                from_start=np.maximum(time.take(with_previous) - first_time.take(with_previous), 0),
                group=group.take(with_previous),
                person=found.person.take(stopped),
                start=found.start.take(stopped),
                end=found.end.take(stopped),
                stopped_group=group.take(stopped),
            )
        )
        entering = taken.compress(first_time.take(taken) == NEVER)
        first_time[entering] = time.take(entering)
        previous_time[taken] = time.take(taken)
    return counts


def _add_parts(keys: pl.DataFrame, counts: Sequence[_StepCounts], *, step: int, size: int) -> pl.DataFrame:
    """Make the rows of one step: add up the counts of all parts, and list the times and the drop-offs of each group."""

    def join(name: str) -> Ints:
        return np.concatenate([getattr(one, name) for one in counts])

    group, stopped_group = join("group"), join("stopped_group")
    return keys.select(
        pl.all(),
        pl.lit(step + 1, dtype=pl.Int64).alias("step"),
        *(
            pl.Series(name, np.sum([getattr(one, name) for one in counts], axis=0), dtype=pl.Int64)
            for name in ("entered", "people", "dropped", "continued", "at_previous", "late")
        ),
        *(_list_by_group(join(name), group, size=size).alias(name) for name in ("from_previous", "from_start")),
        *(
            _list_by_group(join(name), stopped_group, size=size).alias(f"_{name}")
            for name in ("person", "start", "end")
        ),
    )


def _count_groups(group: Ints, chosen: Ints | None = None, *, size: int) -> Ints:
    """Count the attempts, or the chosen ones, of each group; with a single group, all belong to it."""
    if size == 1:
        return np.array([len(group) if chosen is None else len(chosen)], dtype=np.int64)
    return np.bincount(group if chosen is None else group[chosen], minlength=size)


def _list_by_group(values: Ints, group: Ints, *, size: int) -> pl.Series:
    """Collect the values of each group as one list per group."""
    if size == 1:
        return pl.Series("values", values, dtype=pl.Int64).implode()
    found = pl.DataFrame({"group": group, "values": values}).group_by("group").agg("values")
    everyone = pl.DataFrame({"group": np.arange(size, dtype=np.int64)})
    lists = everyone.join(found, on="group", how="left", maintain_order="left")["values"]
    return lists.cast(pl.List(pl.Int64)).fill_null([])


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
        The positions, as in `FunnelRows`, of the first step taken and of the last.
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


def find_shard_attempts(view: View, spec: FunnelSpec) -> ShardAttempts:
    """Find the attempts that count in one shard."""
    return concat_attempts(_map_parts(view, spec, work=lambda part: part))


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


def _map_parts(view: View, spec: FunnelSpec, *, work: Callable[[ShardAttempts], T]) -> list[T]:
    """Find the attempts that count in parts of a shard, in parallel, and apply `work` to those of each part."""
    log = read_log(view, spec)

    def work_on_part(part: tuple[int, int]) -> T:
        rows = log.to_arrays(*part)
        return work(look_up_attempts(rows, select_attempts(rows, spec=spec), spec=spec))

    return parallel_map(work_on_part, split_between_people(log.frame["person"]))


def select_attempts(rows: FunnelRows, *, spec: FunnelSpec) -> Attempts:
    """Find the attempts that count: one per person, one per session, or every entry.

    For instance, within the same day, a person who tries on two days has two units but one counted attempt.
    """
    if spec.count == "entries":
        return entries.find_entries(rows, spec=spec)
    find_attempts = any_order.find_attempts if spec.order == "any" else ordered.find_attempts
    starts = mark_first_entries(rows, spec=spec) if spec.reentry == "first" else None
    attempts = find_attempts(rows, spec=spec, starts=starts)
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


def _choose_one_per_owner(rows: FunnelRows, attempts: Attempts, owner: Ints, *, spec: FunnelSpec) -> Attempts:
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


def look_up_attempts(rows: FunnelRows, attempts: Attempts, *, spec: FunnelSpec) -> ShardAttempts:
    """Look up the people, times and values of attempts."""
    time = np.full((spec.step_count, len(attempts.unit)), NEVER)
    end = np.zeros(len(attempts.unit), dtype=np.int64)
    for step in range(spec.step_count):
        row = attempts.row[:, step]
        taken = np.flatnonzero(row >= 0)
        row = row.take(taken)
        time[step, taken], end[taken] = rows.time.take(row), row
    values, is_late = _take_values(rows.values, attempts, spec=spec)
    start = attempts.start
    known = {name: mask[start] for name, mask in rows.known_by_row.items()}
    position = rows.position
    return ShardAttempts(
        rows.person[attempts.unit], time, values, is_late, known, position.take(start), position.take(end)
    )


def _take_values(
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


def _number_groups(view: View, found: ShardAttempts, *, spec: FunnelSpec) -> tuple[pl.DataFrame, Ints]:
    """Number the combinations of values that occur; return their keys, and the number of each attempt.

    For instance, attempts with the values b, a, b have the keys a, b and the numbers 1, 0, 1.
    """
    values = pl.DataFrame(_look_up_values(view, found, spec=spec))
    distinct = values.unique().sort(values.columns, nulls_last=False)
    number = values.join(
        distinct.with_row_index("_group"), on=values.columns, how="left", maintain_order="left", nulls_equal=True
    )["_group"]
    return pl.DataFrame([_write_as_text(value) for value in distinct]), number.to_numpy().astype(np.int64)


def key_groups(view: View, found: ShardAttempts, *, spec: FunnelSpec) -> pl.DataFrame:
    """Return the keys of each attempt's group, one column per column of the breakdown."""
    return pl.DataFrame([_write_as_text(value) for value in _look_up_values(view, found, spec=spec)])


def _look_up_values(view: View, found: ShardAttempts, *, spec: FunnelSpec) -> list[pl.Series]:
    """Return the values of each attempt, one column each: of its events, or of the person."""
    out = []
    for name, column in zip(spec.by, spec.by_columns, strict=True):
        value = found.values.get(column)
        if value is None:
            people = view.people.select("code", value=pl.col(column)).collect()
            # people are sorted by code, and everyone with events is among them
            value = people["value"].gather(np.searchsorted(people["code"].to_numpy(), found.person))
            if column in found.known_at_entry:
                is_known = pl.Series(found.known_at_entry[column])
                value = pl.select(pl.when(is_known).then(value)).to_series()
        out.append(value.alias(name))
    return out


def _write_as_text(value: pl.Series) -> pl.Series:
    """Write values as text; zero has no sign."""
    raw = pl.col("x")
    if value.dtype.is_float():
        raw = pl.when(raw == 0).then(0.0).otherwise(raw)
    text = raw.dt.to_string("polars") if value.dtype == pl.Duration else raw.cast(pl.String)
    return value.to_frame("x").select(text.alias(value.name))[value.name]
