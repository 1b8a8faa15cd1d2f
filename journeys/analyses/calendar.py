"""Calendar periods: days, weeks, months, quarters and years of a time zone, keyed by their first local date.

Periods are keyed by local dates, never by instants, because local clocks jump: there are days without a midnight
(Cairo, 26 April 2024: clocks went from 00:00 to 01:00), days of 23 and 25 hours, and days that a country skipped (Apia,
30 December 2011). For instance, in "Africa/Cairo" with every="1d":

    2024-04-25 21:59Z  → local 2024-04-25 23:59 → period 2024-04-25
    2024-04-25 22:00Z  → local 2024-04-26 01:00 → period 2024-04-26, which starts at 22:00Z
    2024-04-26 21:00Z  → local 2024-04-27 00:00 → period 2024-04-27
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

import polars as pl

from journeys.errors import ArgumentError, check_zone, raise_all

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

_UNITS = {"d": "day", "w": "week", "mo": "month", "q": "quarter", "y": "year"}
_MONTHS = {"mo": 1, "q": 3, "y": 12}
_FIRST, _LAST = date(1, 1, 3), date(9999, 12, 29)  # days from the ends, whatever the time zone
_MOST_PERIODS = 100_000


@dataclass(frozen=True, slots=True)
class Calendar:
    """Periods of equal calendar length in one time zone.

    Attributes
    ----------
    number : int
        How many units a period has.
    unit : {"d", "w", "mo", "q", "y"}
        Days, weeks, months, quarters or years.
    time_zone : str
        Whose local dates count.
    week_start : str
        The first day of a week.
    """

    number: int
    unit: str
    time_zone: str = "UTC"
    week_start: Weekday = "monday"

    @property
    def name(self) -> str:
        """What one period is called: "day", "2 weeks"."""
        return _UNITS[self.unit] if self.number == 1 else f"{self.number} {_UNITS[self.unit]}s"

    @property
    def length_us(self) -> int:
        """How long a period is on a person's own clock, in microseconds: a month has 30 days there, a year 365."""
        days = {"d": 1, "w": 7, "mo": 30, "q": 90, "y": 365}
        return self.number * days[self.unit] * 86_400_000_000

    def local_date(self, timestamp: pl.Expr) -> pl.Expr:
        """Return the local date (Date) of timestamps with a time zone."""
        return timestamp.dt.convert_time_zone(self.time_zone).dt.date()

    def index(self, timestamp: pl.Expr) -> pl.Expr:
        """Return the number (Int64) of the period that holds each timestamp; consecutive periods differ by one.

        Examples
        --------
        >>> from datetime import datetime, UTC
        >>> times = pl.DataFrame({"t": [datetime(2026, 3, 1, 23, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)]})
        >>> weeks = make_calendar("1w", time_zone="UTC")
        >>> index = times.select(weeks.index(pl.col("t")))["t"]
        >>> [str(weeks.start_of(number)) for number in index]
        ['2026-02-23', '2026-03-02']
        """
        return self.index_of_date(self.local_date(timestamp))

    def index_of_date(self, day: pl.Expr) -> pl.Expr:
        """Return the number (Int64) of the period that holds each date."""
        if self.unit in _MONTHS:
            months = (day.dt.year().cast(pl.Int64) - 1970) * 12 + day.dt.month().cast(pl.Int64) - 1
            return months.floordiv(self.number * _MONTHS[self.unit])
        days = day.cast(pl.Int32).cast(pl.Int64)
        return (days + self._shift).floordiv(self._days)

    def number_of(self, day: date) -> int:
        """Return the number of the period that holds a date."""
        if self.unit in _MONTHS:
            return ((day.year - 1970) * 12 + day.month - 1) // (self.number * _MONTHS[self.unit])
        return ((day - date(1970, 1, 1)).days + self._shift) // self._days

    def start_of(self, index: int) -> date:
        """Return the first local date of the period with a number; beyond the years 1 to 9999, one at their ends."""
        if self.unit in _MONTHS:
            months = index * self.number * _MONTHS[self.unit]
            year = 1970 + months // 12
            return date(year, months % 12 + 1, 1) if 1 <= year <= 9999 else _FIRST if year < 1 else _LAST
        days = date(1970, 1, 1).toordinal() + index * self._days - self._shift
        return date.fromordinal(min(max(days, 1), _LAST.toordinal()))

    def starts(self, index: pl.Series) -> pl.Series:
        """Return the first local date (Date) of each numbered period."""
        distinct = index.drop_nulls().unique()
        starts = pl.DataFrame({"index": distinct, "start": [self.start_of(int(one)) for one in distinct]})
        starts = starts.cast({"start": pl.Date})
        return index.to_frame("index").join(starts, on="index", how="left", maintain_order="left")["start"]

    def instant(self, index: int) -> datetime:
        """Return the first instant (UTC) of a period: where midnight does not exist, the first local time after it."""
        return first_instant(self.start_of(index), time_zone=self.time_zone)

    def table(self, first: datetime, last: datetime) -> pl.DataFrame:
        """List all periods from the one that holds `first` to the one that holds `last`.

        Periods that do not exist locally, such as a day that a country skipped, are not listed.

        Return `index` (Int64), `period` (Date, the first local date), `start`, `stop` (Datetime UTC, `stop` exclusive).
        """
        zone = ZoneInfo(self.time_zone)
        low, high = (self.number_of(one.astimezone(zone).date()) for one in (first, last))
        if high - low >= _MOST_PERIODS:
            raise ArgumentError(f"every: {high - low + 1:,} periods of a {self.name} are too many; choose longer ones.")
        edges = [self.instant(index) for index in range(low, high + 2)]
        rows = [
            (index, self.start_of(index), edges[at], edges[at + 1])
            for at, index in enumerate(range(low, high + 1))
            if edges[at] < edges[at + 1]
        ]
        utc = pl.Datetime("us", "UTC")
        return pl.DataFrame(
            rows, schema={"index": pl.Int64, "period": pl.Date, "start": utc, "stop": utc}, orient="row"
        )

    @property
    def _days(self) -> int:
        """The length of a period that is made of days."""
        return self.number * (7 if self.unit == "w" else 1)

    @property
    def _shift(self) -> int:
        """Days from the start of a week to 1 January 1970, a Thursday."""
        return (3 - get_args(Weekday).index(self.week_start)) % 7 if self.unit == "w" else 0


def list_periods(calendar: Calendar, observed: tuple[datetime | None, datetime | None]) -> pl.DataFrame:
    """List the periods of the observed time, as `Calendar.table` does; `complete` says whether all of it was observed.

    A log that begins within the first day of a period holds all of it. No period where nothing was observed.
    """
    first, last = observed
    if first is None or last is None:
        begin = calendar.instant(0)
        return calendar.table(begin, begin).clear().with_columns(complete=pl.lit(value=True))
    begins = pl.col("start") + timedelta(days=1) > first
    return calendar.table(first, last).with_columns(complete=begins & (pl.col("stop") <= last))


def make_calendar(
    every: str, *, time_zone: str = "UTC", week_start: Weekday = "monday", argument: str = "every"
) -> Calendar:
    """Check the arguments of a calendar; `argument` is what the caller calls `every`.

    Raise ArgumentError when `every` is not a number of days, weeks, months, quarters or years, or the zone or weekday
    is unknown.

    Examples
    --------
    >>> make_calendar("2w").name
    '2 weeks'
    """
    problems = []
    match = re.fullmatch(r"\s*(\d{1,4})\s*(d|w|mo|q|y)\s*", every) if isinstance(every, str) else None
    if match is None or not int(match[1]):
        problems.append(f"{argument}: {every!r} is not a calendar period; write e.g. '1d', '1w', '1mo', '1q' or '1y'.")
    try:
        check_zone(time_zone)
    except ArgumentError as error:
        problems.append(str(error))
    weekdays = get_args(Weekday)
    day = week_start.lower() if isinstance(week_start, str) else week_start
    if day not in weekdays:
        problems.append(f"week_start: {week_start!r} is not a weekday; available are {', '.join(map(repr, weekdays))}.")
    raise_all(problems)
    assert match is not None  # noqa: S101  # otherwise raised above
    return Calendar(int(match[1]), match[2], time_zone, day)  # type: ignore[arg-type]


def first_instant(day: date, *, time_zone: str) -> datetime:
    """Return the first instant (UTC) whose local date is `day` or later.

    Examples
    --------
    >>> str(first_instant(date(2024, 4, 26), time_zone="Africa/Cairo"))
    '2024-04-25 22:00:00+00:00'
    """
    zone = ZoneInfo(time_zone)
    midnight = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
    if midnight.astimezone(zone).replace(tzinfo=None) == datetime.combine(day, time()):
        return midnight
    # midnight does not exist: the clocks jumped over it at some second within a day of it
    low, high = midnight - timedelta(days=1), midnight + timedelta(days=1)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).date() >= day:
            high = middle
        else:
            low = middle
    return high
