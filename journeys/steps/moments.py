"""Dates and times as an analyst writes them: parsed as moments in UTC, single or as the two ends of a period."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from journeys.errors import ArgumentError
from journeys.steps.steps import moment_us

Moment = date | datetime | str | None


def parse_moment(value: date | datetime | str, *, argument: str, time_zone: str = "UTC") -> datetime:
    """Parse a date, a datetime or ISO text as a moment in UTC; a time without a zone is in `time_zone`.

    Raises
    ------
    ArgumentError
        When it cannot be read.

    Examples
    --------
    >>> parse_moment("2026-03-01T12:00+02:00", argument="start").isoformat()
    '2026-03-01T10:00:00+00:00'
    """
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    if not isinstance(moment, datetime):
        raise ArgumentError(f"{argument}: {value!r} is not a valid date or time; write e.g. '2026-03-01'.")
    try:
        zoned = moment.replace(tzinfo=ZoneInfo(time_zone)) if moment.tzinfo is None else moment
        return zoned.astimezone(UTC)
    except OverflowError as error:
        raise ArgumentError(f"{argument}: {value!r} is not in the years 1 to 9999 in UTC.") from error


def parse_period(
    start: Moment, end: Moment, *, arguments: tuple[str, str], time_zone: str = "UTC"
) -> tuple[datetime | None, datetime | None]:
    """Parse a period from `start` on and before `end`; either may be None. Times without a zone are in `time_zone`.

    Raises
    ------
    ArgumentError
        When a time cannot be read, or `end` is not after `start`.

    Examples
    --------
    >>> parse_period("2026-03-01", None, arguments=("start", "end"))[1] is None
    True
    """
    low, high = (
        None if value is None else parse_moment(value, argument=argument, time_zone=time_zone)
        for value, argument in zip((start, end), arguments, strict=True)
    )
    if low is not None and high is not None and high <= low:
        raise ArgumentError(f"{arguments[1]}: {end!r} must be after the start, {start!r}.")
    return low, high


def parse_range(
    value: tuple[Moment, Moment], *, argument: str, time_zone: str = "UTC"
) -> tuple[int | None, int | None]:
    """Parse a pair (start, end) as the microseconds from which on, and before which, something counts.

    None leaves a side open.

    Examples
    --------
    >>> parse_range(("1970-01-02", None), argument="entered")
    (86400000000, None)
    """
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ArgumentError(f"{argument}: {value!r} is not a pair (start, end); either may be None.")
    low, high = parse_period(*value, arguments=(argument, argument), time_zone=time_zone)
    return None if low is None else moment_us(low), None if high is None else moment_us(high)
