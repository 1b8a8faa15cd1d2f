"""Conversion over time: how many of those who enter in a day, a week or a month convert.

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

from journeys.analyses.funnel.matching import any_order, exhaustive
from journeys.analyses.funnel.matching.best_attempt import find_best_attempts, mark_entry_conditions, mark_first_entries
from journeys.analyses.funnel.matching.exclusions import mark_removed_units
from journeys.analyses.funnel.matching.ordered import is_in_entry_range, propagate_steps
from journeys.analyses.funnel.matching.tie_window import TieWindow
from journeys.analyses.funnel.rows import Rows, read_rows
from journeys.analyses.funnel.select_attempts import select_shard_attempts
from journeys.analyses.funnel.spec import Exclusion, FunnelSpec, Slot
from journeys.analyses.protocol import J
from journeys.analyses.result import Result
from journeys.log import View
from journeys.log.arrays import Bools, Ints
from journeys.steps import moment_us

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["FunnelTrend", "TrendSpec", "count_periods", "trend_table"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHEN = {
    "1d": "on",
    "1w": "in the week from",
    "1mo": "in the month from",
    "1q": "in the quarter from",
    "1y": "in the year from",
}


@dataclass(frozen=True, eq=False)
class TrendSpec:
    """Entries by period (a Polars duration), and how many of them reach a table row."""

    spec: FunnelSpec
    every: str
    row: int


def count_periods(view: View, asked: TrendSpec) -> pl.DataFrame:
    """Count, by period of the first step, who entered and who converted."""
    spec = asked.spec
    if spec.count == "people":
        unit, time, converted = _starts(read_rows(view, spec), spec=spec, row=asked.row)
    else:
        found = select_shard_attempts(view, spec)
        time, converted = found.start_time, found.has_taken(asked.row)
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
        start = np.flatnonzero(mark_entry_conditions(rows, spec=spec))
        start = start[is_in_entry_range(rows.time[start], spec)]
        taken = any_order.attempts_from(rows, start, spec=spec)
        reached = taken[:, row] >= 0
    else:
        start, reached = _ordered_starts(rows, spec=spec, row=row)
    if spec.reentry == "first":
        first = mark_first_entries(rows, spec=spec)[start]
        start, reached = start[first], reached[first]
    if spec.exclude and spec.on_exclusion == "removed":
        stay = reached | ~_meet_exclusion(rows, start, spec=spec)
        start, reached = start[stay], reached[stay]
    return rows.person[rows.unit[start]], rows.time[start], reached


def _ordered_starts(rows: Rows, *, spec: FunnelSpec, row: int) -> tuple[Ints, Bools]:
    entries = np.zeros(rows.size, dtype=np.bool_)
    goes_on = np.zeros(rows.size, dtype=np.bool_)
    for sequence in spec.step_sequences():
        entries |= rows.steps[sequence[0].condition]
        upto = tuple(slot for slot in sequence if slot.row <= row)
        if upto and upto[-1].row == row:
            goes_on[_that_reach(rows, upto, spec=spec)] = True
    start = np.flatnonzero(entries)
    start = start[is_in_entry_range(rows.time[start], spec)]
    ambiguous = exhaustive.mark_ambiguous_units(rows, spec=spec, ties=TieWindow(rows, spec))
    for one in start[ambiguous[rows.unit[start]]].tolist():
        only = np.zeros(rows.size, dtype=np.bool_)
        only[one] = True
        _, found = exhaustive.find_attempts(
            rows, units=rows.unit[[one]], spec=replace(spec, reentry="best"), starts=only
        )
        goes_on[one] = bool((found[:, row] >= 0).any())
    return start, goes_on[start]


def _that_reach(rows: Rows, sequence: tuple[Slot, ...], *, spec: FunnelSpec) -> Ints:
    """Return the rows from which an attempt can take all of a sequence: the last step's reach in the reversed log."""
    last = len(rows.steps) - 1
    back, backwards = _reversed(rows), _mirror(spec)
    mirrored = [Slot(last - slot.condition, spec.width - 1 - slot.row) for slot in sequence[::-1]]
    frontiers = propagate_steps(back, mirrored, spec=backwards, ties=TieWindow(back, backwards))
    return rows.size - 1 - frontiers[-1].row if len(frontiers) == len(mirrored) else frontiers[-1].row[:0]


def _meet_exclusion(rows: Rows, start: Ints, *, spec: FunnelSpec) -> Bools:
    """Say which starts have an excluded event before their attempt has gone on: it is asked for like a step."""
    hit = np.zeros(rows.size, dtype=np.bool_)
    if spec.order == "any":
        return mark_removed_units(rows, find_best_attempts(rows, spec=spec), spec=spec)[rows.unit[start]]
    for sequence in spec.step_sequences():
        for stop, one in zip(rows.exclusions, spec.exclude, strict=True):
            for depth, (slot, later) in enumerate(pairwise(sequence), start=1):
                if one.low <= slot.row < one.high:
                    going_on = rows.steps[later.condition]
                    with_stop = replace(
                        rows, _cache={}, steps=[*rows.steps, stop & ~going_on], exclusions=[*rows.exclusions, going_on]
                    )
                    asked = replace(
                        spec,
                        step_windows=(*spec.step_windows, spec.step_windows[later.condition]),
                        exclude=(*spec.exclude, Exclusion(one.step, slot.row, later.row)),
                    )
                    ends = (*sequence[:depth], Slot(len(rows.steps), later.row))
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
        position=-flipped.position,
        steps=flipped.steps[::-1],
        _cache={},
    )


def _mirror(spec: FunnelSpec) -> FunnelSpec:
    """Return the funnel that is asked when the log is read backwards."""
    last = spec.width - 1
    return replace(
        spec,
        step_windows=spec.step_windows[::-1],
        is_reversed=True,
        exclude=tuple(Exclusion(one.step, last - one.high, last - one.low) for one in spec.exclude),
        entered=(None, None),
        reentry="best",
    )


def trend_table(
    counts: pl.DataFrame,
    *,
    every: str,
    time_zone: str,
    observed: tuple[datetime | None, datetime | None],
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
    begun = _moment("1d") > moment_us(observed[0] or _EPOCH)
    over = _moment(every) + (within or 0) <= moment_us(observed[1] or _EPOCH)
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
class FunnelTrend(Result[J]):
    """How conversion changes with the day, week or month of entry.

    Attributes
    ----------
    table : pl.DataFrame
        `period` (its start), `entered`, `converted` (Int64), `rate`, `ci_low`, `ci_high` (Wilson 95%), `complete`:
        whether the period, and the window of everybody who entered in it, lie within the log.
    """

    @property
    def finding(self) -> str:
        """The latest complete period and the first, as one sentence."""
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
