"""One shard → how many people of each cohort come back in each period."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.breakdown import group_of_events
from journeys.analyses.calendar import Calendar
from journeys.analyses.money import amount_of
from journeys.analyses.period_lookup import PeriodLookup, find_periods, mark_periods, order_periods
from journeys.analyses.retention.spec import RetentionSpec
from journeys.arrays import Ints, count_before, count_values, list_rows, map_between_people, mark_changes, number_runs
from journeys.log import View
from journeys.steps import columns_used

_HOUR, _DAY = 3_600_000_000, 86_400_000_000
_NO_VALUES = pl.lit([], dtype=pl.List(pl.Float64))
_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "cohort": pl.Int64,
    "group": pl.String,
    "period": pl.Int64,
    "people": pl.Int64,
    "latest": pl.Int64,
    "values": pl.List(pl.Float64),
}


class Retained(NamedTuple):
    """The cohort entries of one shard, and when each came back.

    Attributes
    ----------
    entries : pl.DataFrame
        `person`, `cohort` (number of the calendar period), `time` (µs of the start), `group`; sorted by person.
    back : pl.DataFrame
        `entry` (number of its row in `entries`), `period` (from 0), `events`, with a measure `values` (List[Float64]):
        one row per entry and period with any event.
    """

    entries: pl.DataFrame
    back: pl.DataFrame


def count(view: View, spec: RetentionSpec) -> pl.DataFrame:
    """Count, per cohort and group, the entries and those that came back in each period.

    Return `cohort`, `group`, `period` (-1: the cohort itself), `people`, `latest` (µs, the latest start of the cohort),
    `values` (List[Float64], the measured values of events in that period).
    """
    retained = find_retained(view, spec)
    keys = ["cohort", "group"] if spec.by else ["cohort"]
    sizes = retained.entries.group_by(keys).agg(people=pl.len(), latest=pl.col("time").max()).with_row_index("row")
    row = retained.entries.join(sizes, on=keys, how="left", nulls_equal=True, maintain_order="left")["row"].to_numpy()
    cohorts = sizes.with_columns(period=pl.lit(-1, dtype=pl.Int64), values=_NO_VALUES)
    came, width = came_back(retained.back, spec), spec.periods + 1
    number = row[came["entry"].to_numpy()].astype(np.int64) * width + came["period"].to_numpy()
    cell, people = count_values(number)
    frames = [cohorts, _list_cells(sizes, cell, width=width).with_columns(people=people, values=_NO_VALUES)]
    if spec.measure is not None:
        back = retained.back.filter(pl.col("period") <= spec.periods)
        number = row[back["entry"].to_numpy()].astype(np.int64) * width + back["period"].to_numpy()
        values = back.select(pl.Series("cell", number), "values").group_by("cell", maintain_order=True)
        listed = values.agg(pl.col("values").explode(empty_as_null=False))
        cells = _list_cells(sizes, listed["cell"].to_numpy(), width=width)
        frames.append(cells.with_columns(listed["values"], people=0))
    columns = [pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items()]
    counts = pl.concat(
        frame.with_columns(group=pl.col("group") if spec.by else None).select(columns) for frame in frames
    )
    return counts.sort("cohort", "group", "period", nulls_last=False)


def _list_cells(sizes: pl.DataFrame, cell: Ints, *, width: int) -> pl.DataFrame:
    """Return the cohort, the group and the period of cells that are numbered cohort by cohort."""
    cohorts = sizes.drop("people")[cell // width]
    return cohorts.with_columns(period=pl.Series(cell % width), latest=None)


def find_first_starts(view: View, spec: RetentionSpec) -> pl.DataFrame:
    """Return `person` and `time` (µs) of each person's first start event."""
    rows = view.with_people_columns(columns_used([spec.start])).events
    starts = rows.filter(spec.start.condition)
    time = pl.col("timestamp").to_physical().cast(pl.Int64).min().alias("time")
    return starts.group_by("person").agg(time).collect().sort("person")


def find_retained(view: View, spec: RetentionSpec) -> Retained:
    """Find the cohort entries, and the events of coming back after each.

    The start event itself never counts as coming back; an event later in the log does, also in period 0. For
    instance, by calendar days with cohorts="first":

        ann  1 March 10:00  start → entry of cohort 1 March
        ann  1 March 11:00  back  → period 0
        ann  3 March 09:00  back  → period 2
    """
    rows = _read_rows(view, spec)
    lookup = PeriodLookup(spec.calendar, rows["time"])
    parts = map_between_people(rows, lambda part: _find_in_part(part, lookup, spec))
    del rows
    sizes = [len(part.person) for part in parts]
    before = np.cumsum([0, *sizes[:-1]], dtype=np.uint32)
    person, cohort, time, period, events = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("person", "cohort", "time", "period", "events")
    )
    group = pl.concat([part.group for part in parts]) if spec.by else pl.lit(None, dtype=pl.String)
    entries = pl.DataFrame({"person": person, "cohort": cohort, "time": time}).with_columns(group=group)
    entry = np.concatenate([part.entry + first for part, first in zip(parts, before, strict=True)])
    back = pl.DataFrame({"entry": entry, "period": period, "events": events})
    if spec.measure:
        back = back.with_columns(values=pl.concat([part.values for part in parts]))
    return Retained(entries, back)


class _Part(NamedTuple):
    """The columns of `Retained` for some people, their entries numbered from 0."""

    person: Ints
    cohort: Ints
    time: Ints
    group: pl.Series
    entry: Ints
    period: Ints
    events: Ints
    values: pl.Series


def _find_in_part(rows: pl.DataFrame, lookup: PeriodLookup, spec: RetentionSpec) -> _Part:
    """Find the entries among the rows of some people, and the events of coming back after each."""
    person, time = (rows[name].to_numpy() for name in ("person", "time"))
    cohort = lookup.find_numbers(time)
    entry = _find_entries(rows, person=person, cohort=cohort, spec=spec)
    stop = np.append(np.flatnonzero(mark_changes(person)), len(person))
    stop = stop[np.searchsorted(stop, entry, side="right")]
    # the events of coming back after each entry are a run of the rows that come back
    if spec.is_any_back:
        low, high = entry + 1, stop
        row = list_rows(low, high)
    else:
        is_back = rows["back"].to_numpy()
        before = count_before(is_back)
        low, high = before[entry + 1], before[stop]
        row = np.flatnonzero(is_back)[list_rows(low, high)]
    number = np.repeat(np.arange(len(entry), dtype=np.uint32), high - low)
    if spec.clock == "calendar":
        # an event in the hour that a clock set back over midnight repeats is not before the start
        period = np.maximum(cohort[row] - cohort[entry][number], 0)
    else:
        begin, moment = (_round_down(times, spec) for times in (time[entry], time[row]))
        # beyond the last edge counts as one more period
        edges = np.array(spec.edges, dtype=np.int64)
        period = np.searchsorted(edges, moment - begin[number], side="right").astype(np.int32)
    group = rows["group"][entry] if spec.by else pl.Series(dtype=pl.String)
    counted = _count_in_periods(number, period, rows["value"][row] if spec.measure else None)
    return _Part(person[entry], cohort[entry], time[entry], group, *counted)


def _round_down(time: Ints, spec: RetentionSpec) -> Ints:
    """Round times (µs) down as a preset does; a day counts as 24 hours, whatever the clock shows."""
    if spec.rounding is None:
        return time
    if spec.rounding == "rounded down to hours":
        return time // _HOUR * _HOUR
    day = find_periods(pl.Series(time), Calendar(1, "d", spec.calendar.time_zone))
    return day.astype(np.int64) * _DAY


def _find_entries(rows: pl.DataFrame, *, person: Ints, cohort: Ints, spec: RetentionSpec) -> Ints:
    """Return the rows of the cohort entries: the first start of each person, or of each person and period."""
    start = np.flatnonzero(rows["start"].to_numpy())
    periods = [cohort[start]] if spec.cohorts == "each" else []
    entry = start[mark_periods(person[start], *periods)]
    if spec.first_starts is None or spec.cohorts == "each":
        return entry
    chosen = rows.select("person", "time")[entry].with_columns(row=pl.Series(entry))
    return chosen.join(spec.first_starts, on=["person", "time"], how="semi", maintain_order="left")["row"].to_numpy()


def _count_in_periods(number: Ints, period: Ints, value: pl.Series | None) -> tuple[Ints, Ints, Ints, pl.Series]:
    """Count the events of each entry and period, and list the measured values.

    The rows are in the order of entries and of time, so that the events of a period stand next to each other:

        entry   0 0 0 1
        period  0 2 2 1   → entry 0: 1 event in period 0, 2 in period 2; entry 1: 1 in period 1
    """
    order = order_periods(number, period)
    if order is not None:
        number, period = number[order], period[order]
        value = None if value is None else value[order]
    changes = mark_changes(number) | mark_changes(period)
    first = np.flatnonzero(changes)
    events = np.diff(first, append=len(number)).astype(np.int32)
    values = pl.Series(dtype=pl.List(pl.Float64))
    if value is not None:
        runs = pl.DataFrame({"run": pl.Series(number_runs(changes)), "values": value})
        values = runs.group_by("run", maintain_order=True).agg(pl.col("values").drop_nulls())["values"]
    return number[first], period[first], events, values


def came_back(back: pl.DataFrame, spec: RetentionSpec) -> pl.DataFrame:
    """Return `entry` and `period` for each period in which an entry counts as having come back."""
    active = back.filter(pl.col("events") >= spec.at_least).select("entry", "period")
    if spec.when == "on":
        return active.filter(pl.col("period") <= spec.periods)
    by_entry = active.group_by("entry", maintain_order=True)
    if spec.when == "on or after":
        span = by_entry.agg(low=pl.lit(0, dtype=pl.Int64), high=pl.col("period").max())
    elif spec.when == "on or before":
        span = by_entry.agg(low=pl.col("period").min(), high=pl.lit(spec.periods, dtype=pl.Int64))
    else:
        later = active.filter(pl.col("period") > 0).with_columns(rank=pl.col("period").cum_count().over("entry"))
        unbroken = later.filter(pl.col("period") == pl.col("rank")).group_by("entry", maintain_order=True)
        span = unbroken.agg(low=pl.lit(1, dtype=pl.Int64), high=pl.col("period").max())
    span = span.with_columns(high=pl.min_horizontal("high", pl.lit(spec.periods, dtype=pl.Int64)))
    span = span.filter(pl.col("low") <= pl.col("high"))
    periods = pl.int_ranges("low", pl.col("high") + 1, dtype=pl.Int64).alias("period")
    return span.select("entry", periods).explode("period")


def _read_rows(view: View, spec: RetentionSpec) -> pl.DataFrame:
    """Return the rows that start or come back: `person`, `time` (µs), `start`.

    Where they are needed, also `back` (not where every row comes back), `group` and `value`.
    """
    view, group = group_of_events(view.with_people_columns(columns_used([spec.start, spec.back])), spec.by)
    start, back = (step.condition for step in (spec.start, spec.back))
    columns: dict[str, pl.Expr] = {"start": start}
    rows = view.events
    if spec.by:
        # groups by a first campaign depend on the rows before: they are read before rows are left out
        rows, columns["group"] = rows.with_columns(group.alias("__group")), pl.col("__group")
    if spec.measure:
        columns["value"] = amount_of(spec.measure)
    if not spec.is_any_back:
        rows, columns["back"] = rows.filter(start | back), back
    columns["time"] = pl.col("timestamp").to_physical().cast(pl.Int64)
    return rows.select("person", **columns).collect()
