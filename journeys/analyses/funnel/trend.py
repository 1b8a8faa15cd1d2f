"""Conversion over time: how many of those who enter in a day, a week or a month convert.

A period is that of the first step, and a person counts once in each period in which they take it: the row of a period
is the funnel of the attempts that start in it. Where the counted attempt does not depend on the period, all periods
are counted in one pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from journeys.analyses.calendar import Calendar, make_calendar
from journeys.analyses.funnel.count import fold_small_groups, key_groups, label_groups, sort_groups
from journeys.analyses.funnel.matching import any_order, ordered
from journeys.analyses.funnel.matching.attempts import mark_entry_conditions
from journeys.analyses.funnel.matching.ordered import TieWindow, is_in_entry_range, propagate_steps
from journeys.analyses.funnel.rows import CALENDAR_PERIODS, Rows, end_of_calendar_window, read_rows
from journeys.analyses.funnel.select_attempts import (
    NEVER,
    ShardAttempts,
    concat_attempts,
    look_up_attempts,
    select_attempts,
    select_shard_attempts,
)
from journeys.analyses.funnel.spec import Exclusion, FunnelSpec, Slot
from journeys.analyses.protocol import J
from journeys.analyses.result import Result
from journeys.analyses.sample_size import MIN_PEOPLE, say_too_few
from journeys.log import View
from journeys.log.arrays import Bools, Ints
from journeys.steps import moment_us

if TYPE_CHECKING:
    import plotly.graph_objects as go


_DAY = timedelta(days=1)


@dataclass(frozen=True, eq=False, slots=True)
class TrendSpec:
    """Entries by calendar period, and how many of them reach a table row."""

    spec: FunnelSpec
    calendar: Calendar
    row: int


def count_periods(view: View, asked: TrendSpec) -> pl.DataFrame:
    """Count, by period of the first step, who entered and who converted.

    Returns
    -------
    pl.DataFrame
        The keys of `by`, `index` (the number of the period), `entered`, `converted` (Int64).
    """
    spec = asked.spec
    found, converted = _find_entries(view, asked)
    # an attempt is a unit of its own, a person with several starts in a period is one
    unit = found.person if spec.count == "people" and spec.by_at != "all" else np.arange(len(found.person))
    index = _index_of(found.start_time, asked.calendar)
    entries = pl.DataFrame(
        [
            *(key_groups(view, found, spec=spec) if spec.by else ()),
            index.alias("index"),
            pl.Series("_unit", unit, dtype=pl.Int64),
            pl.Series("converted", converted, dtype=pl.Boolean),
        ]
    )
    once = entries.group_by(*spec.by, "index", "_unit").agg(pl.col("converted").any())
    return once.group_by(*spec.by, "index").agg(
        pl.len().cast(pl.Int64).alias("entered"), pl.col("converted").sum().cast(pl.Int64)
    )


def _find_entries(view: View, asked: TrendSpec) -> tuple[ShardAttempts, Bools]:
    """Find the attempts that enter in each period, and which of them convert."""
    spec = asked.spec
    if spec.count != "people" or spec.reentry == "first":
        found = select_shard_attempts(view, spec)
    else:
        rows = read_rows(view, spec)
        schema = view.events.collect_schema()
        depends_on_attempt = rows.known_by_row or any(name in schema for name in spec.by_columns)
        if not depends_on_attempt and not (spec.exclude and spec.on_exclusion == "removed"):
            return _find_starts(rows, spec=spec, row=asked.row)
        found = concat_attempts([*_find_by_period(rows, asked)])
    return found, found.has_taken(asked.row)


def _index_of(time: Ints, calendar: Calendar) -> pl.Series:
    """Return the number of the period that holds each time (µs)."""
    times = pl.DataFrame({"time": pl.Series(time, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))})
    return times.select(calendar.index(pl.col("time")).alias("index"))["index"]


def _find_by_period(rows: Rows, asked: TrendSpec) -> Iterator[ShardAttempts]:
    """Find the counted attempts of each period among those that start in it, period by period.

    What an exclusion removes, and which value a breakdown takes, depends on the attempt that counts in the period.
    """
    spec = asked.spec
    start = np.flatnonzero(mark_entry_conditions(rows, spec=spec))
    start = start[is_in_entry_range(rows.time[start], spec)]
    index = _index_of(rows.time[start], asked.calendar).to_numpy()
    yield look_up_attempts(rows, select_attempts(rows, spec=replace(spec, entered=(0, 0))), spec=spec)  # nobody
    for number in np.unique(index).tolist():
        bounds = [moment_us(asked.calendar.instant(at)) for at in (number, number + 1)]
        low, high = spec.entered
        limits = (
            bounds[0] if low is None else max(low, bounds[0]),
            bounds[1] if high is None else min(high, bounds[1]),
        )
        # only people who enter in the period: the exclusions of their other units count, too
        mine = np.zeros(int(rows.person.max(initial=0)) + 1, dtype=np.bool_)
        mine[rows.person[rows.unit[start[index == number]]]] = True
        part = rows.select_units(mine[rows.person])
        within_period = replace(spec, entered=limits)
        yield look_up_attempts(part, select_attempts(part, spec=within_period), spec=within_period)


def _find_starts(rows: Rows, *, spec: FunnelSpec, row: int) -> tuple[ShardAttempts, Bools]:
    """Find every first step, and whether an attempt from there gets to a table row.

    Read backwards, with the steps backwards, "the latest start that reaches the last step" becomes "the earliest
    conversion that a first step can reach", so that one pass answers for all first steps. For instance, for A → B
    within 2 days, the first of the events A (day 1), A (day 3), B (day 4) does not convert, the second does.
    """
    start = np.flatnonzero(mark_entry_conditions(rows, spec=spec))
    start = start[is_in_entry_range(rows.time[start], spec)]
    if spec.order == "any":
        has_converted = any_order.attempts_from(rows, start, spec=spec)[:, row] >= 0
    else:
        goes_on = np.zeros(rows.size, dtype=np.bool_)
        for sequence in spec.step_sequences():
            upto = tuple(slot for slot in sequence if slot.row <= row)
            if upto and upto[-1].row == row:
                goes_on[_rows_reaching(rows, upto, spec=spec)] = True
        ambiguous = ordered.mark_ambiguous_units(rows, spec=spec, ties=TieWindow(rows, spec))
        if ambiguous.any():
            units = np.flatnonzero(ambiguous)
            goes_on &= ~ambiguous[rows.unit]
            goes_on[ordered.find_converting_starts(rows, units=units, row=row, spec=spec)] = True
        has_converted = goes_on[start]
    time = np.full((spec.width, len(start)), NEVER)
    time[0] = rows.time[start]
    return ShardAttempts(
        rows.person[rows.unit[start]], time, {}, np.zeros(len(start), dtype=np.bool_), {}
    ), has_converted


def _rows_reaching(rows: Rows, sequence: tuple[Slot, ...], *, spec: FunnelSpec) -> Ints:
    """Return the rows from which an attempt can take all of a sequence: those that its reverse reaches, backwards."""
    last, width = len(rows.steps) - 1, spec.width - 1
    flipped = rows.take(np.arange(rows.size)[::-1])
    reversed_rows = replace(
        flipped,
        unit=(len(rows.person) - 1 - flipped.unit),
        person=rows.person[::-1],
        time=-flipped.time,
        position=-flipped.position,
        steps=flipped.steps[::-1],
        _cache={},
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


def trend_table(
    counts: pl.DataFrame,
    *,
    spec: FunnelSpec,
    listed: pl.DataFrame | None,
    calendar: Calendar,
    observed: tuple[datetime | None, datetime | None],
) -> pl.DataFrame:
    """Add up, list the empty periods too, and mark the periods that are complete.

    `listed` has the keys of the groups that the funnel's table shows; all others are one.
    """
    from journeys.stats import wilson

    keys = [*spec.by, "_is_other"] if spec.by else []
    table = counts if listed is None else fold_small_groups(counts, listed)
    summed = table.group_by(*keys, "index").agg(pl.col("entered", "converted").sum())
    groups = summed.group_by(keys).agg(pl.col("entered").sum()) if keys else pl.DataFrame({"entered": [0]})
    ranked = sort_groups(groups.with_columns(step=0), spec=spec).select(*keys, pl.int_range(pl.len()).alias("_rank"))
    periods = calendar.table(*_first_and_last(summed["index"], calendar)) if summed.height else _no_periods(calendar)
    full = ranked.join(periods, how="cross")
    full = full.join(summed, on=[*keys, "index"], how="left", nulls_equal=True).sort("_rank", "index")
    full = full.with_columns(pl.col("entered", "converted").fill_null(0))
    low, high = wilson(full["converted"].to_numpy(), full["entered"].to_numpy())
    first, last = observed
    # a log that begins within the first day of a period has all of it
    is_begun = pl.col("start") + _DAY > pl.lit(first, dtype=pl.Datetime("us", "UTC"))
    is_over = pl.Series(_last_conversion(full["stop"], spec=spec)) <= pl.lit(last, dtype=pl.Datetime("us", "UTC"))
    return label_groups(full, spec=spec).select(
        *spec.by,
        "period",
        "entered",
        "converted",
        pl.when(pl.col("entered") > 0).then(pl.col("converted") / pl.col("entered")).alias("rate"),
        pl.Series("ci_low", low).fill_nan(None),
        pl.Series("ci_high", high).fill_nan(None),
        (is_begun & is_over).fill_null(value=False).alias("complete"),
    )


def _first_and_last(index: pl.Series, calendar: Calendar) -> tuple[datetime, datetime]:
    low, high = (int(one) for one in index.sort().gather([0, len(index) - 1]))
    return calendar.instant(low), calendar.instant(high)


def _no_periods(calendar: Calendar) -> pl.DataFrame:
    now = calendar.instant(0)
    return calendar.table(now, now).clear()


def _last_conversion(stop: pl.Series, *, spec: FunnelSpec) -> pl.Series:
    """Return the moment up to which those who enter before `stop` may convert."""
    if spec.calendar in CALENDAR_PERIODS:
        return end_of_calendar_window(stop - timedelta(microseconds=1), spec=spec)
    return stop + timedelta(microseconds=spec.within or 0)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class FunnelTrend(Result[J]):
    """How conversion changes with the day, week or month of entry.

    Attributes
    ----------
    table : pl.DataFrame
        The columns of `by`, `period` (Date: its first day), `entered`, `converted` (Int64), `rate`, `ci_low`, `ci_high`
        (Wilson 95%), `complete`: whether the period, and the window of everyone who entered in it, lie within the log.
    """

    @property
    def finding(self) -> str:
        """The latest complete period and the first, as one sentence; with groups, the extremes of the latest."""
        from journeys.display import format_day, format_percent

        groups = self.settings["by"]
        complete = self.table.filter(pl.col("complete") & (pl.col("entered") > 0))
        if not complete.height:
            return "No period is complete: the log holds a part of each, or people may still convert."
        most = min(int(complete["entered"].max()), self.settings["people"])  # type: ignore[arg-type]
        complete = complete.filter(pl.col("entered") >= MIN_PEOPLE)
        if most < MIN_PEOPLE:
            return say_too_few(most, "entered in the complete period with most", unit=self._journeys._log.unit)
        unit = make_calendar(self.settings["every"]).name
        when = "on" if unit == "day" else f"in the {unit} from"
        if groups:
            latest = complete.filter(pl.col("period") == pl.col("period").max()).sort("rate", *groups)
            if latest.height == 1:
                rate = (
                    f"{format_percent(latest['rate'][0])} of {' · '.join(map(str, latest.select(groups).row(0)))} "
                    "converted"
                )
                return f"Of those who entered {when} {format_day(latest['period'][0])}, {rate}."
            low, high = (" · ".join(map(str, latest.select(groups).row(at))) for at in (0, -1))
            rates = (
                f"of {high} {format_percent(latest['rate'][-1])} converted, of {low} "
                f"{format_percent(latest['rate'][0])}"
            )
            return f"Of those who entered {when} {format_day(latest['period'][0])}, {rates}."
        now = (
            f"{format_percent(complete['rate'][-1])} of those who entered {when} "
            f"{format_day(complete['period'][-1])} converted"
        )
        if complete.height == 1:
            return f"{now}."
        return f"{now}; {when} {format_day(complete['period'][0])} it was {format_percent(complete['rate'][0])}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the line with its interval; incomplete periods are dashed."""
        from journeys.charts.trend import MOST_BANDS, draw_trend

        groups = self.settings["by"]
        has_bands = not groups or self.table.select(groups).n_unique() <= MOST_BANDS
        interval = "with 95% interval" if has_bands else "its 95% intervals are in the table"
        subtitle = f"conversion by period of entering, {interval}; dashed where a period is not complete"
        return draw_trend(self.table, by=groups, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)
