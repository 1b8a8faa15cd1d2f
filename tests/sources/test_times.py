"""Times in data: one parser reads every form the same way; what is ambiguous is set apart with a reason."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.events.times import TimeParser


def parse(*texts, **options):
    column = pl.Series("at", texts, dtype=pl.String)
    parser = TimeParser(**options)
    frame = column.to_frame().with_columns(read=parser.parse(pl.col("at"), pl.String(), column="at"))
    return frame.with_columns(why=parser.explain(pl.col("at"), pl.col("read"), pl.String(), column="at"))


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-01 10:00:00+00", datetime(2026, 1, 1, 10, tzinfo=UTC)),
        ("2026-01-01T10:00", datetime(2026, 1, 1, 10, tzinfo=UTC)),
        ("2026-01-01T10:00Z", datetime(2026, 1, 1, 10, tzinfo=UTC)),
        ("2026-01-01 10:00:00", datetime(2026, 1, 1, 10, tzinfo=UTC)),
        ("2026-01-01T10:00:00.5+02:00", datetime(2026, 1, 1, 8, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-01 10:00:00,250", datetime(2026, 1, 1, 10, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-01-01 10:00:00 UTC", datetime(2026, 1, 1, 10, tzinfo=UTC)),
        ("2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        (" 2026-01-01 ", datetime(2026, 1, 1, tzinfo=UTC)),
        ("17/04/2026", datetime(2026, 4, 17, tzinfo=UTC)),
        ("17.4.2026 8:05", datetime(2026, 4, 17, 8, 5, tzinfo=UTC)),
        ("04/13/2026 23:58", datetime(2026, 4, 13, 23, 58, tzinfo=UTC)),
        ("4/13/2026 11:58:07 PM", datetime(2026, 4, 13, 23, 58, 7, tzinfo=UTC)),
        ("4/13/2026 12:05 am", datetime(2026, 4, 13, 0, 5, tzinfo=UTC)),
        ("05/05/2026", datetime(2026, 5, 5, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_form_is_read(text, time):
    assert parse(text)["read"].item() == time
    # among other forms, and in a log of its own
    assert parse("2026-02-01T00:00:00Z", text, "soon")["read"].to_list() == [
        datetime(2026, 2, 1, tzinfo=UTC),
        time,
        None,
    ]


@pytest.mark.parametrize("text", ["03/04/2026", "3.4.2026 10:00"])
def test_day_and_month_are_never_guessed(text):
    row = parse(text)
    assert row["read"].item() is None
    assert "give day_first=True or day_first=False" in row["why"].item()
    assert parse(text, day_first=True)["read"].item().date().isoformat() == "2026-04-03"
    assert parse(text, day_first=False)["read"].item().date().isoformat() == "2026-03-04"


def test_a_stated_order_of_day_and_month_holds_for_every_row():
    assert parse("17/04/2026", "04/13/2026", day_first=True)["read"].null_count() == 1
    assert parse("17/04/2026", "04/13/2026", day_first=False)["read"].null_count() == 1


@pytest.mark.parametrize(
    "text", ["31/02/2026", "13/13/2026", "4/13/2026 25:00", "4/13/2026 13:00 PM", "17/04/26", "soon"]
)
def test_what_is_not_a_time_is_not_read(text):
    assert parse(text).row(0)[1:] == (None, "a time that cannot be read")


@pytest.mark.parametrize("text", ["1772530000", "1772530000000", "20260301", "1772530000,5", "-5"])
def test_a_number_without_a_unit_is_not_read(text):
    assert parse(text).row(0)[1:] == (
        None,
        "a number that does not say what it counts: give unit='s', 'ms', 'us' or 'ns'",
    )


def test_numbers_with_a_decimal_comma_are_read():
    moments = parse("1772530000,5", "1772530000.5", "1772530000", "x", unit="s")
    assert moments["read"].dt.epoch("ms").to_list() == [1772530000500, 1772530000500, 1772530000000, None]


def test_a_format_decides():
    moments = parse("17.04.26 08:05", "2026-04-17", format="%d.%m.%y %H:%M", time_zone="Europe/Berlin")
    assert moments["read"].to_list() == [datetime(2026, 4, 17, 6, 5, tzinfo=UTC), None]
    assert moments["why"].to_list() == [None, "a time that cannot be read: it does not match format='%d.%m.%y %H:%M'"]
    assert parse("17.04.26 08:05 +0200", format="%d.%m.%y %H:%M %z")["read"].item() == datetime(
        2026, 4, 17, 6, 5, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "m"}, "unit: 'm' is not one of 's', 'ms', 'us', 'ns'"),
        ({"format": "%d/%m"}, "format: '%d/%m' is not a format of a date with year, month and day"),
        ({"format": "%d/%m/%Y", "unit": "s"}, "format: .* leave out unit="),
        ({"format": "%d/%m/%Y", "day_first": True}, "format: .* leave out day_first="),
        ({"format": "%"}, "format: '%' is not"),
        ({"day_first": "yes"}, "day_first: expected True, False or None, got 'yes'"),
    ],
)  # fmt: skip
def test_invalid_options_are_refused(options, message):
    with pytest.raises(jn.ArgumentError, match=message):
        TimeParser(**options)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
    st.sampled_from(["%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%d %H:%M:%S.%f+00:00", "%Y-%m-%dT%H:%M:%S"]),
)  # fmt: skip
def test_what_python_writes_is_read_back(moment, form):
    expected = moment if "%f" in form else moment.replace(microsecond=0)
    assert parse(moment.strftime(form))["read"].item() == expected.replace(tzinfo=UTC)


@given(st.dates(datetime(2000, 1, 1).date(), datetime(2100, 1, 1).date()), st.booleans())
def test_a_date_of_a_spreadsheet_has_one_meaning_or_none(day, day_first):
    text = day.strftime("%d/%m/%Y" if day_first else "%m/%d/%Y")
    guessed = parse(text)["read"].item()
    assert guessed is None or guessed.date() == day
    assert parse(text, day_first=day_first)["read"].item().date() == day


def test_dates_of_a_spreadsheet_are_read_by_read_table():
    rows = pl.DataFrame({
        "when": ["17/04/2026", "18/04/2026 23:58", "03/04/2026"], "stage": ["Became MQL"] * 3,
        "email": ["a@x.example", "b@x.example", "c@x.example"],
    })  # fmt: skip
    ask = {"timestamp": "when", "event": "stage", "ids": ["email"]}
    assert jn.read_table(rows, **ask).issues.kept == 2
    assert jn.read_table(rows, **ask, day_first=True).issues.kept == 3
    assert jn.read_table(rows.head(1), **ask, format="%d/%m/%Y").issues.kept == 1
