"""Conversion over time: of those who enter in a day, a week or a month, how many convert?

A period is that of the first step; a person counts once in each period in which they take it. Whether an attempt from
a given first step converts is asked of the reversed log: read backwards, with the steps backwards, "the latest start
that reaches the last step" becomes "the earliest conversion that a first step can reach".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from journeys.analyses.funnel import anyorder, patient
from journeys.analyses.funnel.attempts import find, first_entries
from journeys.analyses.funnel.climb import Near, climb, in_range
from journeys.analyses.funnel.found import find_attempts
from journeys.analyses.funnel.rows import Bools, Ints, Rows, read_rows
from journeys.analyses.funnel.spec import Exclusion, FunnelSpec, Slot
from journeys.analyses.result import Result
from journeys.log import View
from journeys.steps import moment_us

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["FunnelTrend", "Periods", "count_periods", "trend_table"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHEN = {
    "1d": "on",
    "1w": "in the week from",
    "1mo": "in the month from",
    "1q": "in the quarter from",
    "1y": "in the year from",
}


@dataclass(frozen=True, eq=False)
class Periods:
    """Entries by period (a Polars duration), and how many of them reach a table row."""

    spec: FunnelSpec
    every: str
    row: int


def count_periods(view: View, asked: Periods) -> pl.DataFrame:
    """Count, by period of the first step, who entered and who converted."""
    spec = asked.spec
    if spec.count == "people":
        unit, time, converted = _starts(read_rows(view, spec), spec=spec, row=asked.row)
    else:
        found = find_attempts(view, spec)
        time, converted = found.begin, found.took(asked.row)
        unit = np.arange(len(time))
    local = pl.col("time").cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(spec.time_zone)
    entries = pl.DataFrame(
        {
            "unit": pl.Series(unit, dtype=pl.Int64),
            "time": pl.Series(time, dtype=pl.Int64),
            "converted": pl.Series(converted, dtype=pl.Boolean),
        }
    ).select("unit", "converted", local.dt.truncate(asked.every).alias("period"))
    once = entries.group_by("unit", "period").agg(pl.col("converted").any())
    return once.group_by("period").agg(
        pl.len().cast(pl.Int64).alias("entered"), pl.col("converted").sum().cast(pl.Int64)
    )


def _starts(rows: Rows, *, spec: FunnelSpec, row: int) -> tuple[Ints, Ints, Bools]:
    """Return every first step: the person, the time, and whether an attempt from there gets to the table row."""
    if spec.order == "any":
        start = np.flatnonzero(np.logical_or.reduce(rows.steps)) if rows.size else np.zeros(0, dtype=np.int64)
        start = start[in_range(rows.time[start], spec)]
        taken = anyorder.from_starts(rows, start, spec=spec)
        reached = taken[:, row] >= 0
    else:
        start, reached = _ordered_starts(rows, spec=spec, row=row)
    if spec.reentry == "first":
        first = first_entries(rows, spec=spec)[start]
        start, reached = start[first], reached[first]
    if spec.exclude and spec.excluded == "removed":
        stay = reached | ~_spoiled(rows, start, spec=spec)
        start, reached = start[stay], reached[stay]
    return rows.person[rows.unit[start]], rows.time[start], reached


def _ordered_starts(rows: Rows, *, spec: FunnelSpec, row: int) -> tuple[Ints, Bools]:
    entries = np.zeros(rows.size, dtype=np.bool_)
    goes_on = np.zeros(rows.size, dtype=np.bool_)
    for shape in spec.shapes():
        entries |= rows.steps[shape[0].condition]
        upto = tuple(slot for slot in shape if slot.row <= row)
        if upto and upto[-1].row == row:
            goes_on[_that_reach(rows, upto, spec=spec)] = True
    start = np.flatnonzero(entries)
    start = start[in_range(rows.time[start], spec)]
    hard = patient.hard_units(rows, spec=spec, near=Near(rows, spec))
    for one in start[hard[rows.unit[start]]].tolist():
        only = np.zeros(rows.size, dtype=np.bool_)
        only[one] = True
        _, found = patient.find(rows, units=rows.unit[[one]], spec=replace(spec, reentry="best"), starts=only)
        goes_on[one] = bool((found[:, row] >= 0).any())
    return start, goes_on[start]


def _that_reach(rows: Rows, shape: tuple[Slot, ...], *, spec: FunnelSpec) -> Ints:
    """Return the rows from which an attempt can take all of a shape: the last step's reach in the reversed log."""
    last = len(rows.steps) - 1
    back, backwards = _reversed(rows), _mirror(spec)
    mirrored = [Slot(last - slot.condition, spec.width - 1 - slot.row) for slot in shape[::-1]]
    levels = climb(back, mirrored, spec=backwards, near=Near(back, backwards))
    return rows.size - 1 - levels[-1].row if len(levels) == len(mirrored) else levels[-1].row[:0]


def _spoiled(rows: Rows, start: Ints, *, spec: FunnelSpec) -> Bools:
    """Say which starts have an excluded event before their attempt has gone on: it is asked for like a step."""
    hit = np.zeros(rows.size, dtype=np.bool_)
    if spec.order == "any":
        from journeys.analyses.funnel.removed import removed_units

        return removed_units(rows, find(rows, spec=spec), spec=spec)[rows.unit[start]]
    for shape in spec.shapes():
        for stop, one in zip(rows.stops, spec.exclude, strict=True):
            for depth, (slot, later) in enumerate(pairwise(shape), start=1):
                if one.low <= slot.row < one.high:
                    going_on = rows.steps[later.condition]
                    with_stop = replace(
                        rows, found={}, steps=[*rows.steps, stop & ~going_on], stops=[*rows.stops, going_on]
                    )
                    asked = replace(
                        spec,
                        gaps=(*spec.gaps, spec.gaps[later.condition]),
                        exclude=(*spec.exclude, Exclusion(one.step, slot.row, later.row)),
                    )
                    ends = (*shape[:depth], Slot(len(rows.steps), later.row))
                    hit[_that_reach(with_stop, ends, spec=asked)] = True
    return hit[start]


def _reversed(rows: Rows) -> Rows:
    flipped = rows.take(np.arange(rows.size)[::-1])
    last = len(rows.person) - 1
    return replace(
        flipped,
        unit=(last - flipped.unit),
        person=rows.person[::-1],
        time=-flipped.time,
        place=-flipped.place,
        steps=flipped.steps[::-1],
        found={},
    )


def _mirror(spec: FunnelSpec) -> FunnelSpec:
    """Return the funnel that is asked when the log is read backwards."""
    last = spec.width - 1
    return replace(
        spec,
        gaps=spec.gaps[::-1],
        backwards=True,
        exclude=tuple(Exclusion(one.step, last - one.high, last - one.low) for one in spec.exclude),
        entered=(None, None),
        reentry="best",
    )


def trend_table(
    counts: pl.DataFrame,
    *,
    every: str,
    time_zone: str,
    watched: tuple[datetime | None, datetime | None],
    within: int | None,
) -> pl.DataFrame:
    """Add up, put the empty periods in, and mark those that are whole, with everybody's time over."""
    from journeys.stats import wilson

    summed = counts.group_by("period").agg(pl.col("entered", "converted").sum()).sort("period")
    schema: dict[str, Any] = {"period": pl.Datetime("us", time_zone), "entered": pl.Int64, "converted": pl.Int64}
    if summed.height:
        first, last = summed["period"][0], summed["period"][-1]
        every_one = pl.datetime_range(first, last, every, time_unit="us", eager=True).alias("period").to_frame()
        summed = every_one.join(summed, on="period", how="left", maintain_order="left").fill_null(0)
    else:
        summed = pl.DataFrame(schema=schema)
    low, high = wilson(summed["converted"].to_numpy(), summed["entered"].to_numpy())
    # a log that begins within the first day of a period has all of it
    begun = _moment("1d") > moment_us(watched[0] or _EPOCH)
    over = _moment(every) + (within or 0) <= moment_us(watched[1] or _EPOCH)
    return summed.sort("period").select(
        "period",
        "entered",
        "converted",
        pl.when(pl.col("entered") > 0).then(pl.col("converted") / pl.col("entered")).alias("rate"),
        pl.Series("ci_low", low).fill_nan(None),
        pl.Series("ci_high", high).fill_nan(None),
        (begun & over).alias("complete"),
    )


def _moment(later: str) -> pl.Expr:
    """Return the moment (µs) that is so much later than a period's start."""
    return pl.col("period").dt.offset_by(later).dt.convert_time_zone("UTC").to_physical()


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class FunnelTrend(Result[Any]):
    """Does conversion rise or fall with the day, week or month of entering?

    Attributes
    ----------
    table : pl.DataFrame
        `period` (its start), `entered`, `converted` (Int64), `rate`, `ci_low`, `ci_high` (Wilson 95%), `complete`:
        whether the period, and the window of everybody who entered in it, lie within the log.
    """

    @property
    def finding(self) -> str:
        """The answer as one sentence."""
        from journeys.display import day, percent

        whole = self.table.filter(pl.col("complete") & (pl.col("entered") > 0))
        if not whole.height:
            return "No period is complete: the log holds a part of each, or people may still convert."
        when = _WHEN[self.settings["every"]]
        now = f"{percent(whole['rate'][-1])} of those who entered {when} {day(whole['period'][-1])} converted"
        if whole.height == 1:
            return f"{now}."
        return f"{now}; {when} {day(whole['period'][0])} it was {percent(whole['rate'][0])}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the line with its band; incomplete periods are dashed."""
        from journeys.charts.trend import draw

        subtitle = "conversion by period of entering, with 95% interval; dashed where a period is not complete"
        return draw(self.table, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)
