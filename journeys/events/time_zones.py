"""Time zones: check names, and say what is assumed of times that name none."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

import polars as pl

from journeys.errors import ArgumentError, closest

NAMES_ZONE = r"(?:[zZ]|[+-]\d\d:?\d\d|:\d\d(?:\.\d+)? ?[+-]\d\d|UTC|GMT)$"


def check_zone(zone: str) -> None:
    """Refuse a name that is not a time zone.

    Raises
    ------
    ArgumentError
        Not a time zone; the message gives the closest names.

    Examples
    --------
    >>> check_zone("UTC+2")
    Traceback (most recent call last):
    ...
    journeys.errors.ArgumentError: time_zone: 'UTC+2' is not a time zone; did you mean 'Etc/GMT-2'? Give a name such
    as 'Europe/Berlin'.
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
        raise ArgumentError(f"time_zone: {zone!r} is not a time zone{hint} a name such as 'Europe/Berlin'.") from None


def note_time_zone(sample: pl.Series, *, time_zone: str | None) -> list[str]:
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
    return [f"times without a zone were read as {zone}", *note_repeated_hour(zone)]


def note_repeated_hour(zone: str) -> list[str]:
    """Say which moment was taken of an hour that the zone's clocks show twice, if there is one.

    Examples
    --------
    >>> note_repeated_hour("Europe/Berlin"), note_repeated_hour("UTC")
    (['of an hour that Europe/Berlin repeats when its clocks go back the first was taken'], [])
    """
    winter, summer = (datetime(2026, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() for month in (1, 7))
    return [f"of an hour that {zone} repeats when its clocks go back the first was taken"] if winter != summer else []


def note_assumed_zone(rows: pl.LazyFrame, *times: pl.Expr, time_zone: str | None = None) -> list[str]:
    """Say what is assumed of the first rows' times if they name no zone; numbers need none."""
    sample = rows.select(time.alias(f"{place}") for place, time in enumerate(times)).head(1000).collect()
    for column in sample:
        words = column.filter(column.str.contains(r"\D")) if column.dtype == pl.String else column
        if notes := note_time_zone(words, time_zone=time_zone):
            return notes
    return []
