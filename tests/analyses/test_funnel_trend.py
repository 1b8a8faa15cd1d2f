"""The trend of a funnel is a trend: the same class, people behind each point, totals, an earlier period."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import journeys as jn
from journeys.analyses.trend import Trend

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
ROWS = st.lists(
    st.tuples(
        st.sampled_from("abcd"), st.integers(0, 9), st.sampled_from("AAB"), st.sampled_from(["ads", "(none)", None])
    ),
    max_size=18,
)


def make_journeys(found):
    rows = [(person, START + timedelta(days=day, hours=3), event, plan) for person, day, event, plan in found]
    rows += [("zz", START, "A", None), ("zz", START + timedelta(days=10), "B", "ads")]
    schema = {"person": pl.String, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String, "plan": pl.String}
    return jn.Journeys.from_table(pl.DataFrame(rows, schema=schema, orient="row"))


@settings(max_examples=8)
@given(found=ROWS, by=st.sampled_from([None, "plan"]), reentry=st.sampled_from(["best", "first"]))
def test_the_people_behind_a_point_are_as_many_as_it_says(found, by, reentry):
    funnel = make_journeys(found).funnel(["A", "B"], within="2d", by=by, top=1, reentry=reentry)
    trend = funnel.trend(every="4d", compare="previous")
    assert isinstance(trend, Trend)
    for table, when in ((trend.table.filter(pl.col("entered") > 0), True), (trend.total, False)):
        for row in table.iter_rows(named=True):
            point = {"period": row["period"]} if when else {}
            point |= {} if by is None else {"group": row["plan"]}
            assert trend.people(**point).people.height == row["entered"]
            assert trend.people(**point, series="converted").people.height == row["converted"]
    steps = funnel.table.partition_by("step", maintain_order=True)
    assert trend.total["entered"].to_list() == steps[0]["people"].to_list()
    assert trend.total["converted"].to_list() == steps[1]["people"].to_list()
    assert trend.total["rate"].equals(steps[1]["rate_from_start"], check_names=False)
    groups = [by] if by else []
    for part in trend.table.partition_by(groups) if by else [trend.table]:
        rates = part["rate"].to_list()
        assert part["previous"].to_list() == [None, *rates[:-1]]
        changes = [now / then - 1 if then and now is not None else None for then, now in pairwise(rates)]
        assert part["change"].to_list() == pytest.approx([None, *changes])


@pytest.mark.parametrize("by", [None, "plan"])
def test_all_periods_of_the_observed_time_are_listed(by):
    rows = [("a", 0, "B", None), ("a", 3, "A", "ads"), ("a", 4, "B", None), ("b", 6, "A", "ads"), ("b", 12, "B", None)]
    timed = [(person, START + timedelta(days=day), event, plan) for person, day, event, plan in rows]
    j = jn.Journeys.from_table(pl.DataFrame(timed, schema=["person", "timestamp", "event", "plan"], orient="row"))
    table = j.funnel(["A", "B"], within="2d", by=by).trend(every="1d").table
    assert table["period"].to_list() == j.trend("A", every="1d").table["period"].to_list()
    assert [row["period"].day for row in table.to_dicts() if row["entered"]] == [5, 8]
    assert table["rate"].null_count() == 11
    some = j.funnel(["A", "B"], within="2d", by=by, entered=("2026-03-04", "2026-03-07")).trend(every="1d").table
    assert some["period"].dt.day().to_list() == [4, 5, 6]
    nobody = j.funnel(["A", "B"], by=by, entered=("2026-04-01", "2026-04-09")).trend(every="1d")
    assert not nobody.table.height
    assert nobody.plot() is not None


def test_a_headline_names_no_group_of_leftovers():
    rows = [(f"p{n}", 0, "A", [None, "x", "y", "z"][n % 4]) for n in range(200)] + [("q", 9, "A", None)]
    timed = [(person, START + timedelta(days=day), event, plan) for person, day, event, plan in rows]
    rows_of_b = [("p1", START, "B", None)]
    log = pl.DataFrame([*timed, *rows_of_b], schema=["person", "timestamp", "event", "plan"], orient="row")
    funnel = jn.Journeys.from_table(log).funnel(["A", "B"], within="1d", by="plan", top=1)
    assert funnel.trend(every="1w").finding == (
        'Of those who entered in the week from 2 March 2026, 2.0% converted in "x".'
    )
    only = jn.Journeys.from_table(log.with_columns(plan=None)).funnel(["A", "B"], within="1d", by="plan")
    assert only.trend(every="1w").finding == "No plan has a complete period in which 30 people or more entered."


def test_a_trend_of_several_columns_names_the_column_of_a_group():
    found = [("a", 0, "A", "ads"), ("b", 1, "A", None), ("b", 2, "B", None)]
    trend = make_journeys(found).funnel(["A", "B"], by=["plan", "event_count"]).trend(every="1d")
    assert trend.people(group={"plan": "ads", "event_count": "1"}).people["person"].to_list() == ["a"]
    with pytest.raises(jn.ArgumentError, match="group: 'ads' is one value of several columns"):
        trend.people(group="ads")
    with pytest.raises(jn.UnknownNameError, match="group: no column 'plam'; did you mean 'plan'"):
        trend.people(group={"plam": "ads"})


def test_errors_name_the_argument():
    trend = make_journeys([]).funnel(["A", "B"]).trend(every="1d")
    with pytest.raises(jn.UnknownNameError, match="period: no period '2020-01-01'"):
        trend.people(period=date(2020, 1, 1))
    with pytest.raises(jn.UnknownNameError, match="series: no series 'left'"):
        trend.people(series="left")
    with pytest.raises(jn.ArgumentError, match=r"group: 'ads' requires a breakdown"):
        trend.people(group="ads")
    with pytest.raises(jn.ArgumentError, match="compare: 'before'"):
        make_journeys([]).funnel(["A", "B"]).trend(compare="before")


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"narrow": True}])
def test_lines_are_named_at_their_ends_and_an_earlier_period_is_grey(look):
    found = [(f"p{n}", n % 8, event, ["ads", "search"][n % 2]) for n in range(600) for event in "AB"[: 1 + n % 3]]
    j = make_journeys(found)
    parts = j.funnel(["A", "B"], within="1d", by="plan").trend(every="1d").plot(**look)
    named = {note.text for note in parts.layout.annotations}
    assert named == (set() if "narrow" in look else {"ads", "search", "(none)"})
    assert bool(parts.layout.showlegend) is ("narrow" in look)
    one = j.funnel(["A", "B"], within="1d").trend(every="1d", compare="previous").plot(**look)
    assert [trace.name for trace in one.data if trace.name == "before"] == ["before"]
    months = j.trend("A", every="1mo", compare="previous").plot(**look)
    assert [trace.type for trace in months.data] == ["bar"]
    weeks = j.trend({"A": "A", "B": "B"}, every="1d", by="plan").plot(**look)
    assert len({trace.legendgroup for trace in weeks.data}) == 6


def test_eight_lines_have_eight_colours():
    found = [(f"p{n}", n % 8, "A", f"plan {n % 12}") for n in range(600)]
    drawn = make_journeys(found).trend("A", every="1d", by="plan", top=7).plot()
    assert len({trace.line.color for trace in drawn.data}) == len({trace.name for trace in drawn.data}) == 8


def test_a_period_is_complete_when_the_windows_of_its_steps_have_passed():
    table = make_journeys([]).funnel(["A", jn.step("B", within="4d")]).trend(every="1w").table
    assert table["complete"].to_list() == [False, False]  # the log ends 10 days after it begins; 4 days after the week
    shorter = make_journeys([]).funnel(["A", jn.step("B", within="3d")]).trend(every="1w").table
    assert shorter["complete"].to_list() == [True, False]
