"""Periods of a calendar against plain loops over local dates, where clocks jump."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.analyses.calendar import first_instant, make_calendar

ZONES = [
    "UTC",
    "Africa/Cairo",
    "America/Santiago",
    "Pacific/Apia",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Asia/Beirut",
]
EVERY = ["1d", "3d", "1w", "2w", "1mo", "1q", "1y"]
# around days without a midnight, the day that Apia skipped, leap days and the turn of the year
NEAR = [
    datetime(2024, 4, 26),
    datetime(2023, 9, 3),
    datetime(2011, 12, 30),
    datetime(2024, 2, 29),
    datetime(2026, 1, 1),
]


def plain_start(local: date, every: str, *, week_start: int) -> date:
    """Return the first day of the period that holds a date, by walking back day by day."""
    number, unit = int(every[0]), every[1:]
    if unit in ("mo", "q", "y"):
        months = (local.year - 1970) * 12 + local.month - 1
        months -= months % (number * {"mo": 1, "q": 3, "y": 12}[unit])
        return date(1970 + months // 12, months % 12 + 1, 1)
    if unit == "w":
        while local.weekday() != week_start:
            local -= timedelta(days=1)
        anchor = date(1969, 12, 29) + timedelta(days=week_start)
        anchor -= timedelta(days=7) if anchor > date(1970, 1, 1) else timedelta()
        return local - timedelta(days=7 * ((local - anchor).days // 7 % number))
    return local - timedelta(days=(local - date(1970, 1, 1)).days % number)


@pytest.mark.parametrize("zone", ZONES)
@given(data=st.data())
def test_periods_equal_a_walk_over_local_dates(zone, data):
    near = data.draw(st.sampled_from(NEAR)).replace(tzinfo=UTC)
    hours = data.draw(st.lists(st.integers(-200, 200), min_size=1, max_size=8))
    times = sorted(near + timedelta(minutes=30 * one) for one in hours)
    every = data.draw(st.sampled_from(EVERY))
    week_start = data.draw(st.sampled_from(["monday", "sunday", "saturday"]))
    calendar = make_calendar(every, time_zone=zone, week_start=week_start)
    index = pl.DataFrame({"t": times}).select(calendar.index(pl.col("t")))["t"]
    local = [one.astimezone(ZoneInfo(zone)).date() for one in times]
    weekday = {"monday": 0, "saturday": 5, "sunday": 6}[week_start]
    assert calendar.starts(index).to_list() == [plain_start(one, every, week_start=weekday) for one in local]
    assert index.to_list() == [calendar.number_of(one) for one in local]

    table = calendar.table(times[0], times[-1])
    assert set(index) <= set(table["index"])
    assert (table["start"] < table["stop"]).all()
    assert table["stop"][:-1].to_list() == table["start"][1:].to_list()
    for moment, number in zip(times, index, strict=True):
        row = table.row(by_predicate=pl.col("index") == number, named=True)
        assert row["start"] <= moment < row["stop"]


def test_days_without_a_midnight_start_later_and_skipped_days_are_not_listed():
    assert first_instant(date(2024, 4, 26), time_zone="Africa/Cairo") == datetime(2024, 4, 25, 22, tzinfo=UTC)
    apia = make_calendar("1d", time_zone="Pacific/Apia")
    days = apia.table(datetime(2011, 12, 29, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC))["period"].to_list()
    assert days == [date(2011, 12, 28), date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1)]


def test_invalid_calendars_are_refused_together():
    with pytest.raises(jn.ArgumentError) as raised:
        make_calendar("0d", time_zone="Mars", week_start="someday")
    for part in ("every: '0d' is not a calendar period", "time_zone: 'Mars'", "week_start: 'someday'"):
        assert part in str(raised.value)
    with pytest.raises(jn.ArgumentError, match="are too many; choose longer ones"):
        make_calendar("1d").table(datetime(1700, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
