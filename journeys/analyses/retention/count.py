"""One shard → how many people of each cohort come back in each period."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.breakdown import group_of_events
from journeys.analyses.retention.spec import RetentionSpec
from journeys.log import View
from journeys.log.arrays import Ints, bound_people, list_rows, mark_changes, number_runs
from journeys.steps import columns_used

_HOUR = 3_600_000_000


class Retained(NamedTuple):
    """The cohort entries of one shard, and when each came back.

    Attributes
    ----------
    entries : pl.DataFrame
        `entry` (row number), `person`, `cohort` (number of the calendar period), `time` (µs of the start), `group`.
    back : pl.DataFrame
        `entry`, `period` (from 0), `events`, `values` (List[Float64]): one row per entry and period with any event.
    """

    entries: pl.DataFrame
    back: pl.DataFrame


def count(view: View, spec: RetentionSpec) -> pl.DataFrame:
    """Count, per cohort and group, the entries and those that came back in each period.

    Returns
    -------
    pl.DataFrame
        `cohort`, `group`, `period` (-1: the cohort itself), `people`, `latest` (µs, the latest start of the cohort),
        `values` (List[Float64], the measured values of events in that period).
    """
    retained = find_retained(view, spec)
    keys = ["cohort", "group"]
    sizes = retained.entries.group_by(keys).agg(
        pl.lit(-1, dtype=pl.Int64).alias("period"),
        pl.len().cast(pl.Int64).alias("people"),
        pl.col("time").max().alias("latest"),
        pl.lit([], dtype=pl.List(pl.Float64)).alias("values"),
    )
    came = came_back(retained.back, spec)
    by_cell = came.hstack(retained.entries.select(keys)[came["entry"]]).group_by(*keys, "period")
    cells = by_cell.agg(
        pl.len().cast(pl.Int64).alias("people"),
        pl.lit(None, dtype=pl.Int64).alias("latest"),
        pl.lit([], dtype=pl.List(pl.Float64)).alias("values"),
    )
    frames = [sizes, cells]
    if spec.measure is not None:
        rows = retained.back.hstack(retained.entries.select(keys)[retained.back["entry"]]).group_by(*keys, "period")
        values = rows.agg(
            pl.lit(0, dtype=pl.Int64).alias("people"),
            pl.lit(None, dtype=pl.Int64).alias("latest"),
            pl.col("values").explode(empty_as_null=False),
        )
        frames.append(values.filter(pl.col("period") <= spec.periods))
    columns = [*keys, "period", "people", "latest", "values"]
    return pl.concat([frame.select(columns) for frame in frames]).sort(*keys, "period", nulls_last=False)


def find_first_starts(view: View, spec: RetentionSpec) -> pl.DataFrame:
    """Return `person` and `time` (µs) of each person's first start event."""
    rows = view.with_people_columns(columns_used([spec.start])).events
    starts = rows.filter(spec.start.condition.fill_null(value=False))
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
    entry = _find_entries(rows, spec)
    person, time, cohort = (rows[name].to_numpy() for name in ("person", "time", "cohort"))
    group = rows["group"][entry] if spec.by else pl.repeat(None, len(entry), dtype=pl.String, eager=True)
    found = {"person": person[entry], "cohort": cohort[entry], "time": time[entry]}
    entries = pl.DataFrame(
        {"entry": np.arange(len(entry)), **found, "group": group},
        schema_overrides={"entry": pl.UInt32, "person": pl.UInt32, "cohort": pl.Int64, "time": pl.Int64},
    )
    # the events of coming back after each entry: a run of the rows that come back
    back = np.arange(rows.height) if spec.is_any_back else np.flatnonzero(rows["back"].to_numpy())
    bounds = bound_people(person)
    stop = bounds.stop[np.searchsorted(bounds.code, person[entry])]
    low, high = np.searchsorted(back, entry, side="right"), np.searchsorted(back, stop)
    number, row = np.repeat(np.arange(len(entry), dtype=np.uint32), high - low), back[list_rows(low, high)]
    if spec.clock == "calendar":
        period = cohort[row] - cohort[entry][number]
    else:
        begin, moment = time[entry], time[row]
        if spec.truncate_hours:
            begin, moment = begin // _HOUR * _HOUR, moment // _HOUR * _HOUR
        # beyond the last edge counts as one more period
        period = np.searchsorted(np.array(spec.edges, dtype=np.int64), moment - begin[number], side="right")
    return Retained(entries, _count_in_periods(number, period, rows["value"][row] if spec.measure else None))


def _find_entries(rows: pl.DataFrame, spec: RetentionSpec) -> Ints:
    """Return the rows of the cohort entries: the first start of each person, or of each person and period."""
    start = np.flatnonzero(rows["start"].to_numpy())
    first = mark_changes(rows["person"].to_numpy()[start])
    if spec.cohorts == "each":
        first |= mark_changes(rows["cohort"].to_numpy()[start])
    entry = start[first]
    if spec.first_starts is None or spec.cohorts == "each":
        return entry
    chosen = rows.select("person", "time")[entry].with_columns(row=pl.Series(entry))
    return chosen.join(spec.first_starts, on=["person", "time"], how="semi", maintain_order="left")["row"].to_numpy()


def _count_in_periods(number: Ints, period: Ints, value: pl.Series | None) -> pl.DataFrame:
    """Count the events of each entry and period, and list the measured values.

    The rows are in the order of entries and of time, so that the events of a period stand next to each other:

        entry   0 0 0 1
        period  0 2 2 1   → entry 0: 1 event in period 0, 2 in period 2; entry 1: 1 in period 1
    """
    is_back = (number[1:] == number[:-1]) & (period[1:] < period[:-1])
    if is_back.any():  # a clock that is set back over midnight repeats the end of a day
        order = np.lexsort((period, number))
        number, period = number[order], period[order]
        value = None if value is None else value[order]
    changes = mark_changes(number) | mark_changes(period)
    first = np.flatnonzero(changes)
    found = pl.DataFrame(
        {
            "entry": pl.Series(number[first], dtype=pl.UInt32),
            "period": pl.Series(period[first], dtype=pl.Int64),
            "events": pl.Series(np.diff(first, append=len(number)), dtype=pl.Int64),
        }
    )
    if value is None:
        return found.with_columns(pl.lit([], dtype=pl.List(pl.Float64)).alias("values"))
    runs = pl.DataFrame({"run": pl.Series(number_runs(changes)), "values": value})
    listed = runs.group_by("run", maintain_order=True).agg(pl.col("values").drop_nulls())
    return found.hstack(listed.select("values"))


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
    """Return the rows that start or come back: `person`, `time` (µs), `cohort` (calendar period), `start`.

    Where they are needed, also `back` (not where every row comes back), `group` and `value`.
    """
    view, group = group_of_events(view.with_people_columns(columns_used([spec.start, spec.back])), spec.by)
    start, back = (step.condition.fill_null(value=False) for step in (spec.start, spec.back))
    columns: dict[str, pl.Expr] = {"start": start}
    rows = view.events
    if spec.by:
        # groups by a first campaign depend on the rows before: they are read before rows are left out
        rows, columns["group"] = rows.with_columns(group.alias("__group")), pl.col("__group")
    if spec.measure:
        columns["value"] = pl.col(spec.measure).cast(pl.Float64)
    if not spec.is_any_back:
        rows, columns["back"] = rows.filter(start | back), back
    return rows.select(
        "person",
        pl.col("timestamp").to_physical().cast(pl.Int64).alias("time"),
        spec.calendar.index(pl.col("timestamp")).alias("cohort"),
        **columns,
    ).collect()
