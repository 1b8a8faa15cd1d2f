"""Durations and moments as an analyst gives them: text, `timedelta`, `date`, `datetime`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from journeys.errors import ArgumentError

_UNITS = {"us": 1, "µs": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_UNITS |= {"w": 7 * _UNITS["d"]}
_LONGEST = 1 << 61  # microseconds, some 73,000 years: a time and a duration add up within 64 bits
_DURATION = re.compile(r"(\d+)(us|µs|ms|s|m|h|d|w)")
_ADVICE = (
    "write a number and a unit (us, ms, s, m, h, d, w) such as '30m', '14d' or '1h30m', or pass a timedelta. "
    "Months and years have no fixed length"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def duration_us(value: str | timedelta, *, argument: str, instead: str | None = None) -> int:
    """Read a duration as microseconds.

    Parameters
    ----------
    value : str or timedelta
        A Polars duration string of fixed length ("30m", "14d", "1h30m"; a day is 24 hours), or a timedelta.
    argument : str
        The name of the argument, for the error text.
    instead : str, optional
        What the error text recommends where other values than durations are valid, too.

    Returns
    -------
    int

    Raises
    ------
    ArgumentError
        When it cannot be read, is not above zero, is longer than 70,000 years, or has no fixed length (months, years).

    Examples
    --------
    >>> duration_us("1h30m", argument="within")
    5400000000
    >>> duration_us("1mo", argument="within")
    Traceback (most recent call last):
        ...
    journeys.errors.ArgumentError: within: '1mo' is not a valid duration; write a number and a unit (us, ms, s, m, h, \
d, w) such as '30m', '14d' or '1h30m', or pass a timedelta. Months and years have no fixed length.
    """
    if isinstance(value, timedelta):
        total = value // timedelta(microseconds=1)
    elif isinstance(value, str) and value and _DURATION.sub("", value) == "":
        total = sum(int(number) * _UNITS[unit] for number, unit in _DURATION.findall(value))
    else:
        raise ArgumentError(f"{argument}: {value!r} is not a valid duration; {instead or _ADVICE}.")
    if total <= 0:
        raise ArgumentError(f"{argument}: {value!r} must be longer than zero.")
    if total > _LONGEST:
        raise ArgumentError(f"{argument}: {value!r} is too long; give at most 70,000 years.")
    return total


def moment_us(moment: datetime) -> int:
    """Return a moment, which has a time zone, as microseconds since 1970.

    Examples
    --------
    >>> moment_us(datetime(1970, 1, 2, tzinfo=UTC))
    86400000000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1)


def parse_moment(value: date | datetime | str, *, argument: str, time_zone: str = "UTC") -> datetime:
    """Read a date, a datetime or ISO text as a moment in UTC; a time that names no zone is one of `time_zone`.

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
    start: date | datetime | str | None,
    end: date | datetime | str | None,
    *,
    arguments: tuple[str, str],
    time_zone: str = "UTC",
) -> tuple[datetime | None, datetime | None]:
    """Read a period from `start` on and before `end`; either may be None. Times without a zone are of `time_zone`.

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
