"""Time zones: the names that there are, and what is assumed of times that name none."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

import polars as pl

from journeys.errors import ArgumentError, closest

__all__ = ["bare_times", "check_zone", "repeated_hour", "zone_notes"]

NAMES_ZONE = r"(?:[zZ]|[+-]\d\d:?\d\d|:\d\d(?:\.\d+)? ?[+-]\d\d|UTC|GMT)$"


def check_zone(zone: str) -> None:
    """Refuse what is no time zone.

    Raises
    ------
    ArgumentError
        With the names that are closest.

    Examples
    --------
    >>> check_zone("UTC+2")
    Traceback (most recent call last):
    ...
    journeys.errors.ArgumentError: time_zone: 'UTC+2' is no time zone; did you mean 'Etc/GMT-2'? Give a name such as
    'Europe/Berlin'
    """
    try:
        pl.Series([datetime(2026, 1, 1)]).dt.replace_time_zone(zone)
    except (pl.exceptions.PolarsError, TypeError):
        # In these names east of Greenwich is minus.
        fixed = re.fullmatch(r"(?:UTC|GMT)?([+-])0?(\d{1,2})(?::?00)?", str(zone).strip().upper())
        near = closest(str(zone), sorted(available_timezones()))
        if fixed:
            near = [f"Etc/GMT{'-' if fixed[1] == '+' else '+'}{fixed[2]}"]
        hint = f"; did you mean {' or '.join(map(repr, near))}? Give" if near else "; give"
        raise ArgumentError(f"time_zone: {zone!r} is no time zone{hint} a name such as 'Europe/Berlin'") from None


def zone_notes(sample: pl.Series, *, time_zone: str | None) -> list[str]:
    """Say what is assumed of times that name no zone, if there are such in the sample."""
    if isinstance(sample.dtype, pl.Datetime):
        bare = sample.dtype.time_zone is None
    elif sample.dtype == pl.String:
        bare = bool((~sample.str.strip_chars().str.contains(NAMES_ZONE)).any())
    else:
        bare = not sample.dtype.is_numeric() and sample.dtype != pl.Null
    if not bare:
        return []
    zone = time_zone or "UTC"
    return [f"times without a zone were read as {zone}", *repeated_hour(zone)]


def repeated_hour(zone: str) -> list[str]:
    """Say which of the two moments was taken that a zone's clocks show twice, if there are such.

    Examples
    --------
    >>> repeated_hour("Europe/Berlin"), repeated_hour("UTC")
    (['of an hour that Europe/Berlin repeats when its clocks go back the first was taken'], [])
    """
    winter, summer = (datetime(2026, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() for month in (1, 7))
    return [f"of an hour that {zone} repeats when its clocks go back the first was taken"] if winter != summer else []


def bare_times(rows: pl.LazyFrame, *times: pl.Expr, time_zone: str | None = None) -> list[str]:
    """Say what is assumed of the times of the first rows that name no zone; digits are counted and need none."""
    sample = rows.select(time.alias(f"{place}") for place, time in enumerate(times)).head(1000).collect()
    for column in sample:
        words = column.filter(column.str.contains(r"\D")) if column.dtype == pl.String else column
        if notes := zone_notes(words, time_zone=time_zone):
            return notes
    return []
