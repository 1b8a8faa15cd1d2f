"""How long attempts are followed: when their window closes, and two periods whose people are followed equally long.

A period is one of entries, and people convert after it; those who entered too late to be followed as long as the others
are pending. For instance, with a log that ends on 20 June and
``entered=("2026-05-01", "2026-06-01")``:

    within="14d"   → people who enter until 6 June have their 14 days: nobody is pending
    within="30d"   → those who enter after 21 May have not had 30 days yet: they are pending
    no window      → both periods are followed for 19 days, which is what the last of May have had
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from journeys.analyses.calendar import make_calendar
from journeys.analyses.funnel.spec import CALENDAR_PERIODS, FunnelSpec
from journeys.arrays import Ints
from journeys.errors import ArgumentError
from journeys.steps import moment_us

NEVER_CLOSES = np.iinfo(np.int64).max
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def follow_equally(specs: tuple[FunnelSpec, FunnelSpec], *, until: tuple[int, int]) -> tuple[FunnelSpec, FunnelSpec]:
    """Leave out of two funnels the entries that cannot be followed as long as the others.

    Without a window, both get the longest one that everyone who entered could be observed for.

    Raise ArgumentError when there is no window, and a period is not over when the log ends.

    Parameters
    ----------
    specs : tuple of FunnelSpec
        The two funnels, at least one of which has `entered`.
    until : tuple of int
        The moments (µs) up to which the people of each were observed.
    """
    if any(spec.step_count == 1 or spec.count == "sessions" or spec.calendar == "session" for spec in specs):
        return specs
    first, second = specs
    if not all(_has_window(spec) for spec in specs):
        ends = [last if spec.entered[1] is None else spec.entered[1] for spec, last in zip(specs, until, strict=True)]
        follow_up = min(last - end for end, last in zip(ends, until, strict=True))
        if follow_up <= 0:
            last = _EPOCH + timedelta(microseconds=min(until))
            raise ArgumentError(
                f"within: the log ends at {last:%Y-%m-%d %H:%M} UTC, so that the last people of a period are not "
                "followed at all; give the funnel a window such as within='7d', and they are counted as pending."
            )
        first, second = (spec if _has_window(spec) else replace(spec, within=follow_up) for spec in specs)
    return _leave_out_pending(first, until[0]), _leave_out_pending(second, until[1])


def find_closing_times(
    spec: FunnelSpec, *, entered: Ints, last: Ints, last_step: Ints, goal: int | None = None
) -> Ints:
    """Return the moment (µs) up to which each attempt could go on; `NEVER_CLOSES` for those without a window.

    For instance, of A → B within 1 day → C within 1 day, all of it within 10 days: who took A on day 1 and B on day 2
    could go on until day 3, who took only A until day 2.

    Parameters
    ----------
    spec : FunnelSpec
        The funnel.
    entered, last : array of int
        The times (µs) of each attempt's first step and of the last it took: a session ends when nothing has happened
        for the gap.
    last_step : array of int
        The table row of the last step taken; the next one may have a window of its own.
    goal : int, optional
        The table row that attempts are to reach; by default the last.
    """
    closes = np.full(len(entered), NEVER_CLOSES)
    if spec.within is not None:
        closes = entered + spec.within
    elif spec.calendar in CALENDAR_PERIODS:
        times = pl.Series(entered, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))
        closes = _find_calendar_ends(times, spec=spec).to_physical().to_numpy()
    if spec.count == "sessions" or spec.calendar == "session":
        closes = np.minimum(closes, last + spec.gap)
    goal = spec.step_count - 1 if goal is None else goal
    for row in range(goal):
        window = spec.find_window_after(row, goal=goal)
        if window is not None:
            closes = np.where(last_step == row, np.minimum(closes, last + window), closes)
    return closes


def find_last_conversions(stop: pl.Series, *, spec: FunnelSpec) -> pl.Series:
    """Return the moment up to which those who enter before each of some moments may convert (Datetime)."""
    if spec.calendar in CALENDAR_PERIODS:
        return _find_calendar_ends(stop - timedelta(microseconds=1), spec=spec)
    return stop + timedelta(microseconds=_find_longest_attempt(spec) or 0)


def _find_calendar_ends(time: pl.Series, *, spec: FunnelSpec) -> pl.Series:
    """Return the moment at which the calendar window ("same day" and so on) of each entry is over (Datetime)."""
    calendar = make_calendar(CALENDAR_PERIODS[spec.calendar or "day"], time_zone=spec.time_zone)
    index = pl.DataFrame({"time": time}).select(calendar.index(pl.col("time")).alias("index"))["index"]
    ends = {number: calendar.instant(number + 1) for number in index.unique().to_list()}
    return index.replace_strict(ends, return_dtype=pl.Datetime("us", "UTC"))


def _find_longest_attempt(spec: FunnelSpec) -> int | None:
    """Return how long (µs) an attempt may last; None where there is no limit."""
    steps = spec.step_windows[1:]
    limits = [spec.within] if spec.within is not None else []
    if all(window is not None for window in steps):
        limits.append(sum(window or 0 for window in steps))
    return min(limits, default=None)


def _has_window(spec: FunnelSpec) -> bool:
    return spec.calendar is not None or _find_longest_attempt(spec) is not None


def _leave_out_pending(spec: FunnelSpec, until: int) -> FunnelSpec:
    """Keep the entries whose window was over when the log ended."""
    if spec.calendar in CALENDAR_PERIODS:
        calendar = make_calendar(CALENDAR_PERIODS[spec.calendar], time_zone=spec.time_zone)
        last = (_EPOCH + timedelta(microseconds=until)).astimezone(ZoneInfo(spec.time_zone))
        limit = moment_us(calendar.instant(calendar.number_of(last.date())))
    else:
        limit = until - (_find_longest_attempt(spec) or 0) + 1
    low, high = spec.entered
    return replace(spec, entered=(low, limit if high is None else min(high, limit)))
