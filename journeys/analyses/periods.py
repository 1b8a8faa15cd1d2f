"""A period of time, and the one that it is compared with: the one before, a year before, or some days or weeks before.

Periods are shifted on the calendar of a time zone, never by a fixed number of hours, because local days have 23, 24 or
25 hours. For instance, in "Europe/Berlin", where clocks go forward on 29 March 2026:

    23 March to 30 March  → "previous": 16 March to 23 March, which is an hour longer
    1 May to 1 June       → "previous": April, which is a day shorter
    1 May to 1 June       → "31d": 31 March to 1 May
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from journeys.analyses.calendar import first_instant
from journeys.errors import ArgumentError
from journeys.steps import duration_us, moment_us

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000
_MIDNIGHT = time()


def find_earlier_period(
    period: tuple[int | None, int | None],
    back: str | timedelta,
    *,
    calendar: bool = False,
    time_zone: str = "UTC",
    argument: str = "entered",
) -> tuple[int, int]:
    """Find the period that a period (µs, the end exclusive) is compared with.

    Raise ArgumentError when the period has no start or no end, or `back` is invalid.

    Parameters
    ----------
    period : tuple of int
        Its start and its end.
    back : str or timedelta
        "previous": as long, and ends where this one begins; whole months become as many whole months. "year": 364 days
        earlier, so that weekdays match. A duration such as "4w": so much earlier.
    calendar : bool
        With "year": the same dates of the year before.
    time_zone : str
        Whose days and months count.
    argument : str
        The argument that gave the period, for the error text.

    Examples
    --------
    >>> may = moment_us(datetime(2026, 5, 1, tzinfo=UTC)), moment_us(datetime(2026, 6, 1, tzinfo=UTC))
    >>> describe_period(find_earlier_period(may, "previous"))
    '2026-04-01 to 2026-05-01'
    >>> describe_period(find_earlier_period(may, "year"))
    '2025-05-02 to 2025-06-02'
    """
    low, high = period
    if low is None or high is None:
        raise ArgumentError(
            f"{argument}: there is no period to go back from; give both ends, e.g. {argument}=('2026-05-01', "
            "'2026-06-01')."
        )
    if calendar and back != "year":
        raise ArgumentError(f"calendar: the same dates are those of 'year'; leave out calendar=True with {back!r}.")
    zone = ZoneInfo(time_zone)
    start, end = (_local_time(moment, zone) for moment in (low, high))
    if back == "year":
        shifted = (
            (_same_date(start), _same_date(end)) if calendar else (_days_before(start, 364), _days_before(end, 364))
        )
    elif back == "previous":
        months = _whole_months(start, end)
        if months:
            shifted = (_months_earlier(start, months), start)
        elif start.time() == end.time() == _MIDNIGHT:
            shifted = (start - (end - start), start)
        else:
            return low - (high - low), low
    else:
        instead = "write 'previous', 'year', or how much earlier, such as '4w'"
        length = duration_us(back, argument="back", instead=instead)
        if length % _DAY:
            return low - length, high - length
        shifted = (_days_before(start, length // _DAY), _days_before(end, length // _DAY))
    return _local_instant(shifted[0], zone), _local_instant(shifted[1], zone)


def describe_period(period: tuple[int | None, int | None], *, time_zone: str = "UTC") -> str:
    """Return a period as text, such as "2026-05-01 to 2026-06-01" (exclusive); open ends are left out.

    Examples
    --------
    >>> describe_period((0, None))
    '1970-01-01 to'
    """
    zone = ZoneInfo(time_zone)
    ends = []
    for moment in period:
        local = None if moment is None else _local_time(moment, zone)
        at_midnight = local is not None and local.time() == _MIDNIGHT
        ends.append("" if local is None else str(local.date() if at_midnight else local.isoformat(" ", "seconds")))
    if period == (None, None):
        return "at any time"
    return f"{ends[0]} to {ends[1]}".strip()


def show_period(described: str) -> str:
    """Write a period as `describe_period` returns it for readers: with its last day, where it has whole days.

    Examples
    --------
    >>> show_period("2026-05-01 to 2026-06-01"), show_period("2026-05-01 to")
    ('1 to 31 May 2026', '2026-05-01 to')
    """
    from journeys.display import format_period

    try:
        start, end = (date.fromisoformat(one) for one in described.split(" to "))
    except ValueError:
        return described
    return format_period(start, end - timedelta(days=1))


def relative_change(value: pl.Expr, before: pl.Expr) -> pl.Expr:
    """Return by which share a value has changed; null from 0.

    Examples
    --------
    >>> table = pl.DataFrame({"now": [2, 2, 0, 1], "before": [1, 2, 5, 0]})
    >>> table.select(relative_change(pl.col("now"), pl.col("before")))["now"].to_list()
    [1.0, 0.0, -1.0, None]
    """
    return pl.when(before != 0).then(value / before - 1)


def _local_time(moment: int, zone: ZoneInfo) -> datetime:
    """Return the local time, without its zone; the first moment of a date is its midnight, even if that was skipped."""
    local = (_EPOCH + timedelta(microseconds=moment)).astimezone(zone).replace(tzinfo=None)
    if moment_us(first_instant(local.date(), time_zone=zone.key)) == moment:
        return datetime.combine(local.date(), _MIDNIGHT)
    return local


def _local_instant(local: datetime, zone: ZoneInfo) -> int:
    """Return the moment (µs) of a local time; for midnight, the first moment of that date or a later one."""
    if local.time() == _MIDNIGHT:
        return moment_us(first_instant(local.date(), time_zone=zone.key))
    return moment_us(local.replace(tzinfo=zone).astimezone(UTC))


def _days_before(local: datetime, days: int) -> datetime:
    try:
        return local - timedelta(days=days)
    except OverflowError as error:
        raise ArgumentError(f"back: {days:,} days before {local.date()} is not in the years 1 to 9999.") from error


def _same_date(local: datetime) -> datetime:
    """Return the same date of the year before; 28 February for 29 February."""
    return _months_earlier(local, 12)


def _whole_months(start: datetime, end: datetime) -> int:
    """Return how many whole months a period has; 0 where it does not begin and end with a month."""
    if start.day != 1 or end.day != 1 or start.time() != _MIDNIGHT or end.time() != _MIDNIGHT:
        return 0
    return (end.year - start.year) * 12 + end.month - start.month


def _months_earlier(local: datetime, months: int) -> datetime:
    """Return the same day of an earlier month, or the last day of it."""
    number = local.year * 12 + local.month - 1 - months
    year, month = number // 12, number % 12 + 1
    if year < 1:
        raise ArgumentError(f"back: {months} months before {local.date()} is not in the years 1 to 9999.")
    return datetime.combine(date(year, month, min(local.day, monthrange(year, month)[1])), local.time())
