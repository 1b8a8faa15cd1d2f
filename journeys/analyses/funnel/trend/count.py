"""Conversion over time: how many of those who enter in a day, a week or a month convert.

A period is that of the first step, and a person counts once in each period in which they take it: the row of a period
is the funnel of the attempts that start in it. Where the counted attempt does not depend on the period, all periods
are counted in one pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from journeys.analyses.calendar import Calendar
from journeys.analyses.funnel.count import (
    NEVER,
    ShardAttempts,
    concat_attempts,
    find_shard_attempts,
    key_groups,
    look_up_attempts,
    select_attempts,
)
from journeys.analyses.funnel.matching import any_order, exhaustive_search
from journeys.analyses.funnel.matching.ordered import TieWindow, mark_ambiguous_units, propagate_steps
from journeys.analyses.funnel.rows import FunnelRows, mark_entry_conditions, mark_entry_times, read_log
from journeys.analyses.funnel.select_people import mark_group
from journeys.analyses.funnel.spec import Exclusion, FunnelSpec, Slot
from journeys.analyses.period_lookup import find_periods
from journeys.arrays import Bools, Ints
from journeys.log import View
from journeys.steps import moment_us


@dataclass(frozen=True, eq=False, slots=True)
class FunnelTrendSpec:
    """Entries by calendar period, and how many of them reach a table row."""

    spec: FunnelSpec
    calendar: Calendar
    row: int


def count_periods(view: View, asked: FunnelTrendSpec) -> pl.DataFrame:
    """Count, by period of the first step, who entered and who converted.

    Return the keys of `by`, `index` (the number of the period), `entered`, `converted` (Int64).
    """
    spec = asked.spec
    found, converted = _find_entries(view, asked)
    # an attempt is a unit of its own, a person with several starts in a period is one
    unit = found.person if spec.count == "people" and spec.by_at != "all" else np.arange(len(found.person))
    index = find_periods(pl.Series(found.start_time), asked.calendar)
    entries = pl.DataFrame(
        [
            *key_groups(view, found, spec=spec),
            pl.Series("index", index, dtype=pl.Int64),
            pl.Series("_unit", unit, dtype=pl.Int64),
            pl.Series("converted", converted, dtype=pl.Boolean),
        ]
    )
    once = entries.group_by(*spec.by, "index", "_unit").agg(pl.col("converted").any())
    return once.group_by(*spec.by, "index").agg(
        pl.len().cast(pl.Int64).alias("entered"), pl.col("converted").sum().cast(pl.Int64)
    )


@dataclass(frozen=True, eq=False, slots=True)
class EntrySelection:
    """Which people: who entered in a period (None: any), who converted, of a group of the breakdown.

    `listed` has the keys of the groups that the table shows; all others are in "(other)".
    """

    asked: FunnelTrendSpec
    index: int | None
    has_converted: bool
    group: tuple[tuple[str, str], ...]
    listed: pl.DataFrame | None


def select_entries(view: View, selection: EntrySelection) -> pl.Series:
    """Return the codes of the people behind a point of the trend."""
    spec = selection.asked.spec
    if selection.index is None:  # over the whole time each person counts once, as in the funnel
        found = find_shard_attempts(view, spec)
        kept = found.has_taken(selection.asked.row)
    else:
        found, kept = _find_entries(view, selection.asked)
    if not selection.has_converted:
        kept = np.ones(len(found.person), dtype=np.bool_)
    if selection.index is not None:
        kept &= find_periods(pl.Series(found.start_time), selection.asked.calendar) == selection.index
    if selection.listed is not None:
        kept &= mark_group(view, found, spec=spec, group=selection.group, listed=selection.listed)
    return pl.Series("code", np.unique(found.person[kept]), dtype=pl.UInt32)


def _find_entries(view: View, asked: FunnelTrendSpec) -> tuple[ShardAttempts, Bools]:
    """Find the attempts that enter in each period, and which of them convert."""
    spec = asked.spec
    if spec.count != "people" or spec.reentry == "first":
        found = find_shard_attempts(view, spec)
    else:
        rows = read_log(view, spec).to_arrays()
        depends_on_attempt = rows.values or rows.known_by_row
        if not depends_on_attempt and not (spec.exclude and spec.on_exclusion == "removed"):
            return _find_starts(rows, spec=spec, row=asked.row)
        found = concat_attempts([*_find_by_period(rows, asked)])
    return found, found.has_taken(asked.row)


def _find_by_period(rows: FunnelRows, asked: FunnelTrendSpec) -> Iterator[ShardAttempts]:
    """Find the counted attempts of each period among those that start in it, period by period.

    What an exclusion removes, and which value a breakdown takes, depends on the attempt that counts in the period.
    """
    spec = asked.spec
    start = np.flatnonzero(mark_entry_conditions(rows, spec=spec))
    start = start[mark_entry_times(rows.time[start], spec)]
    index = find_periods(pl.Series(rows.time[start]), asked.calendar)
    low, high = spec.entered
    # one part without attempts, for logs in which no one enters
    yield look_up_attempts(rows, select_attempts(rows, spec=replace(spec, entered=(0, 0))), spec=spec)
    for number in np.unique(index).tolist():
        begin, end = (moment_us(asked.calendar.instant(at)) for at in (number, number + 1))
        limits = (begin if low is None else max(low, begin), end if high is None else min(high, end))
        # all units of the people who enter in the period, since an exclusion in one may remove the person
        entering = np.unique(rows.person[rows.unit[start[index == number]]])
        part = rows.take(np.flatnonzero(np.isin(rows.person, entering)[rows.unit]), keep_values=True)
        within_period = replace(spec, entered=limits)
        yield look_up_attempts(part, select_attempts(part, spec=within_period), spec=within_period)


def _find_starts(rows: FunnelRows, *, spec: FunnelSpec, row: int) -> tuple[ShardAttempts, Bools]:
    """Find every first step, and whether an attempt from there gets to a table row.

    Read backwards, with the steps backwards, "the latest start that reaches the last step" becomes "the earliest
    conversion that a first step can reach", so that one pass answers for all first steps. For instance, for A → B
    within 2 days, the first of the events A (day 1), A (day 3), B (day 4) does not convert, the second does.
    """
    start = np.flatnonzero(mark_entry_conditions(rows, spec=spec))
    start = start[mark_entry_times(rows.time[start], spec)]
    if spec.order == "any":
        has_converted = any_order.find_attempts_from(rows, start, spec=spec)[:, row] >= 0
    else:
        goes_on = np.zeros(rows.size, dtype=np.bool_)
        for sequence in spec.list_step_sequences():
            upto = tuple(slot for slot in sequence if slot.row <= row)
            if upto and upto[-1].row == row:
                goes_on[_find_rows_reaching(rows, upto, spec=spec)] = True
        ambiguous = mark_ambiguous_units(rows, spec=spec, ties=TieWindow(rows, spec))
        if ambiguous.any():
            units = np.flatnonzero(ambiguous)
            goes_on &= ~ambiguous[rows.unit]
            goes_on[exhaustive_search.find_converting_starts(rows, units=units, row=row, spec=spec)] = True
        has_converted = goes_on[start]
    time = np.full((spec.step_count, len(start)), NEVER)
    time[0] = rows.time[start]
    is_late, at = np.zeros(len(start), dtype=np.bool_), rows.position[start]
    return ShardAttempts(rows.person[rows.unit[start]], time, {}, is_late, {}, start=at, end=at), has_converted


def _find_rows_reaching(rows: FunnelRows, sequence: tuple[Slot, ...], *, spec: FunnelSpec) -> Ints:
    """Return the rows from which an attempt can take all of a sequence: those that its reverse reaches, backwards."""
    last, width = len(rows.steps) - 1, spec.step_count - 1
    flipped = rows.take(np.arange(rows.size)[::-1])
    reversed_rows = replace(
        flipped,
        unit=(len(rows.person) - 1 - flipped.unit),
        person=rows.person[::-1],
        time=-flipped.time,
        position=-flipped.position,
        steps=flipped.steps[::-1],
    )
    reversed_spec = replace(
        spec,
        step_windows=spec.step_windows[::-1],
        is_reversed=True,
        exclude=tuple(Exclusion(one.step, width - one.high, width - one.low) for one in spec.exclude),
        entered=(None, None),
    )
    mirrored = [Slot(last - slot.condition, width - slot.row) for slot in sequence[::-1]]
    ties = TieWindow(reversed_rows, reversed_spec)
    frontiers = propagate_steps(reversed_rows, mirrored, spec=reversed_spec, ties=ties)
    reached = frontiers[-1].row
    return rows.size - 1 - reached if len(frontiers) == len(mirrored) else reached[:0]
