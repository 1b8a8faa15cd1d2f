"""Two periods of entries compared: everyone is followed equally long, those who entered too late for that are pending.

A period is one of entries, and people convert after it. For instance, with a log that ends on 20 June and
``entered=("2026-05-01", "2026-06-01")``:

    within="14d"   → people who enter until 6 June have their 14 days: nobody is pending
    within="30d"   → those who enter after 21 May have not had 30 days yet: they are pending
    no window      → both periods are followed for 19 days, which is what the last of May have had
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from journeys.analyses.calendar import make_calendar
from journeys.analyses.funnel.spec import CALENDAR_PERIODS, FunnelSpec
from journeys.analyses.periods import describe_period
from journeys.errors import ArgumentError
from journeys.steps import moment_us

_DAY = 86_400_000_000
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


def end_of_calendar_window(time: pl.Series, *, spec: FunnelSpec) -> pl.Series:
    """Return the moment at which the calendar window ("same day" and so on) of each entry is over (Datetime)."""
    calendar = make_calendar(CALENDAR_PERIODS[spec.calendar or "day"], time_zone=spec.time_zone)
    index = pl.DataFrame({"time": time}).select(calendar.index(pl.col("time")).alias("index"))["index"]
    ends = {number: calendar.instant(number + 1) for number in index.unique().to_list()}
    return index.replace_strict(ends, return_dtype=pl.Datetime("us", "UTC"))


def describe_periods(here: FunnelSpec, there: FunnelSpec) -> tuple[str, str] | None:
    """Describe the periods of entries of two funnels; None where they have the same, or none."""
    if here.entered == there.entered:
        return None
    return (
        describe_period(here.entered, time_zone=here.time_zone),
        describe_period(there.entered, time_zone=there.time_zone),
    )


def describe_late_start(sides: Sequence[tuple[FunnelSpec, datetime | None]]) -> str:
    """Return a sentence where the log begins within a period, or after it.

    Each side is a funnel, and the first moment of its log. A log that begins within the first day of a period is taken
    to hold all of it.
    """
    late = [
        (spec, first)
        for spec, first in sides
        if first is not None and spec.entered[0] is not None and moment_us(first) >= spec.entered[0] + _DAY
    ]
    if not late:
        return ""
    spec, first = late[-1]
    period = describe_period(spec.entered, time_zone=spec.time_zone)
    end = spec.entered[1]
    held = "nothing" if end is not None and moment_us(first) >= end else "only part"
    return f"The log begins on {first:%Y-%m-%d} and holds {held} of {period}."


def describe_window(spec: FunnelSpec) -> str | None:
    """Describe the window of a funnel, such as "14 days" or "the same week"; None where there is none."""
    from journeys.display import format_duration

    if spec.calendar:
        return f"the same {spec.calendar}"
    return None if spec.within is None else format_duration(spec.within)


def describe_question(spec: FunnelSpec, first: datetime | None, last: datetime | None) -> str:
    """Describe what was asked of which days, for the subtitle of a chart."""
    from journeys.display import format_period

    window = describe_window(spec)
    within = "no window" if window is None else f"within {window}"
    days = format_period(first, last) if first and last else "no events"
    asked = f"{spec.order} order, {within}; {days}"
    if not spec.by:
        return asked
    by = " and ".join(name.replace("_", " ") for name in spec.by)
    share = f"Of those who began, the share who got there, by {by}; in brackets how many began"
    return f"{share}. {asked[0].upper()}{asked[1:]}"


def _has_window(spec: FunnelSpec) -> bool:
    return spec.calendar is not None or _longest_attempt(spec) is not None


def _longest_attempt(spec: FunnelSpec) -> int | None:
    """Return how long (µs) an attempt may last; None where there is no limit."""
    steps = spec.step_windows[1:]
    limits = [spec.within] if spec.within is not None else []
    if all(window is not None for window in steps):
        limits.append(sum(window or 0 for window in steps))
    return min(limits, default=None)


def _leave_out_pending(spec: FunnelSpec, until: int) -> FunnelSpec:
    """Keep the entries whose window was over when the log ended."""
    if spec.calendar in CALENDAR_PERIODS:
        calendar = make_calendar(CALENDAR_PERIODS[spec.calendar], time_zone=spec.time_zone)
        last = (_EPOCH + timedelta(microseconds=until)).astimezone(ZoneInfo(spec.time_zone))
        limit = moment_us(calendar.instant(calendar.number_of(last.date())))
    else:
        limit = until - (_longest_attempt(spec) or 0) + 1
    low, high = spec.entered
    return replace(spec, entered=(low, limit if high is None else min(high, limit)))
