"""Periods that are looked up for many times at once equal those that are computed for each."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.analyses.calendar import make_calendar
from journeys.analyses.period_lookup import find_periods, mark_periods, order_periods
from journeys.steps import moment_us
from tests.analyses.test_calendar import EVERY, NEAR, ZONES

# set back at one minute past midnight; offsets of seconds; set back over midnight
MORE_ZONES = ["America/St_Johns", "Africa/Monrovia", "America/Sao_Paulo", "America/Havana"]
TURNS = [*NEAR, datetime(2008, 11, 2), datetime(1972, 1, 7), datetime(1969, 12, 31), datetime(2018, 2, 18)]


@pytest.mark.parametrize("zone", [*ZONES, *MORE_ZONES])
@given(data=st.data())
def test_looked_up_periods_are_those_of_the_calendar(zone, data):
    near = data.draw(st.sampled_from(TURNS)).replace(tzinfo=UTC)
    calendar = make_calendar(data.draw(st.sampled_from(EVERY)), time_zone=zone)
    # every third minute of two days, so that a table is shorter than what is looked up, to some microsecond
    shift = data.draw(st.integers(0, 180_000_000))
    low = moment_us(near - timedelta(days=1)) + shift
    times = pl.Series(np.arange(low, low + 2 * 86_400_000_000, 180_000_000))
    times = pl.concat([times, pl.Series(data.draw(st.permutations(times.to_list()[:5])))])
    moments = times.cast(pl.Datetime("us", "UTC")).to_frame("t")
    assert find_periods(times, calendar).tolist() == moments.select(calendar.index(pl.col("t")))["t"].to_list()


def test_a_table_is_shorter_than_what_is_looked_up(monkeypatch):
    calendar = make_calendar("1d", time_zone="Africa/Cairo")
    monkeypatch.setattr("journeys.analyses.period_lookup._make_table", lambda *_: pytest.fail("made a table"))
    apart = pl.Series([-62_135_596_800_000_000, 0, 253_370_764_800_000_000], dtype=pl.Int64)
    assert find_periods(apart, calendar).tolist() == [-719_162, 0, 2_932_532]
    assert find_periods(apart.clear(), calendar).tolist() == []


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=12))
def test_the_first_row_of_each_person_and_period_is_marked(rows):
    rows = sorted(rows, key=lambda row: row[0])
    person, period = (np.array([row[at] for row in rows], dtype=np.int32) for at in (0, 1))
    assert mark_periods(person, period).tolist() == [row not in rows[:at] for at, row in enumerate(rows)]
    order = order_periods(person, period)
    assert (rows if order is None else [rows[at] for at in order]) == sorted(rows)
    assert (order is None) == (rows == sorted(rows))
