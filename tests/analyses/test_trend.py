"""Trends against plain loops; totals agree with funnels and with the people behind a point."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import journeys as jn
from journeys.analyses.trend.formula import explain_nulls, parse_formula
from tests.twins import trend as twin

START = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.integers(0, 15),
        st.sampled_from(["ads", "(none)", "(other)", "spring"]),
        st.sampled_from([None, 1.0, 2.5, 4.0]),
    ),
    min_size=1,
    max_size=20,
)


def make_log(found, *, event="X"):
    """Make a log of (person, day, group, amount) rows, between two events of another name on days 0 and 15."""
    rows = [
        (person, START + timedelta(days=day, hours=5), event, group, amount) for person, day, group, amount in found
    ]
    edges = [("zz", START, "edge", None, None), ("zz", START + timedelta(days=16), "edge", None, None)]
    schema = {"person": pl.String, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String, "campaign": pl.String}
    return pl.DataFrame([*edges[:1], *rows, *edges[1:]], schema=schema | {"amount": pl.Float64}, orient="row")


@given(found=ROWS, count=st.sampled_from(["events", "people", "per person", "sum", "mean", "median"]))
def test_values_equal_plain_loops(found, count):
    j = jn.Journeys.from_table(make_log(found))
    asked = (count, "amount") if count in ("sum", "mean", "median") else count
    result = j.trend("X", count=asked, every="1d")
    assert result.table["value"].to_list() == pytest.approx(twin.trend(found, days=range(17), count=count), nan_ok=True)
    assert result.table["events"].to_list() == twin.trend(found, days=range(17), count="events")
    assert result.total["value"][0] == pytest.approx(twin.value_of(found, count))
    assert result.table["complete"].to_list() == [*[True] * 16, False]
    grouped = j.trend("X", count=asked, every="1d", by="campaign", top=None)
    for label in grouped.table["campaign"].unique().to_list():
        value = label.strip('"') if label != "(none)" else None
        if value is None:
            continue
        mine = grouped.table.filter(pl.col("campaign") == label)["value"].to_list()
        assert mine == pytest.approx(twin.trend(found, days=range(17), count=count, group=value))


@given(found=ROWS, window=st.integers(1, 9))
def test_trailing_actives_equal_plain_loops(found, window):
    result = jn.Journeys.from_table(make_log(found)).trend("X", every="1d", trailing=f"{window}d")
    assert result.table["value"].to_list() == twin.trailing(found, days=range(17), window=window)
    day = max(day for _, day, *_ in found)
    period = date(2026, 3, 1) + timedelta(days=day)
    active = {person for person, at, *_ in found if day - window < at <= day}
    assert set(result.people(period=period).people["person"]) == active


@given(found=ROWS, every=st.sampled_from(["1d", "3d", "1w", "1mo"]), top=st.sampled_from([1, 2, None]))
@example(found=[("a", 0, "ads", None), ("a", 0, "(none)", None), ("a", 0, "(other)", None)], every="1d", top=1)
def test_totals_agree_with_people_groups_and_funnels(found, every, top):
    j = jn.Journeys.from_table(make_log(found))
    whole = j.trend("X", every=every)
    assert whole.total["people"][0] == j.funnel(["X"]).table["people"][0] == whole.people().people.height
    assert whole.table["events"].sum() == len(found) == j.trend("X", count="events").total["value"][0]
    grouped = j.trend("X", count="events", every=every, by="campaign", top=top)
    added = grouped.table.group_by("period").agg(pl.col("value").sum()).sort("period")
    assert added["value"].to_list() == j.trend("X", count="events", every=every).table["value"].to_list()
    for row in grouped.table.filter(pl.col("events") > 0).iter_rows(named=True):
        assert grouped.people(period=row["period"], group=row["campaign"]).people.height == row["people"]
    for row in grouped.total.iter_rows(named=True):
        assert grouped.people(group=row["campaign"]).people.height == row["people"]


@given(found=ROWS)
def test_shards_change_no_trend(found, tmp_path_factory):
    log = make_log(found)
    one, stored = jn.Journeys.from_table(log), jn.Journeys.from_table(log).save(tmp_path_factory.mktemp("s"), shards=3)
    for ask in (
        {"count": ("sum", "amount")},
        {"by": "campaign"},
        {"trailing": "7d", "every": "1d"},
        {"count": "sessions"},
    ):
        assert one.trend("X", **ask).table.equals(stored.trend("X", **ask).table)
        assert one.trend("X", **ask).total.equals(stored.trend("X", **ask).total)


def test_local_days_without_a_midnight_keep_everybody():
    start = datetime(2024, 4, 26, tzinfo=UTC) - timedelta(hours=30)
    times = [start + timedelta(hours=hour) for hour in range(80)]
    log = pl.DataFrame({"person": range(80), "timestamp": times, "event": "A"})
    table = jn.Journeys.from_table(log).trend("A", every="1d", time_zone="Africa/Cairo").table
    assert table["value"].sum() == 80


def test_formulas_and_comparisons():
    found = [("a", 0, "ads", 2.0), ("b", 0, "ads", 4.0), ("a", 1, "ads", 1.0), ("c", 3, "ads", 1.0)]
    j = jn.Journeys.from_table(make_log(found))
    result = j.trend({"A": "X", "B": "edge"}, every="1d", formula="A / B")
    shown = result.table.filter(pl.col("series") == "A / B")
    assert shown["value"].to_list() == [2.0, *[None] * 15, 0.0]
    assert shown["null_reason"].to_list() == [None, *["B is 0"] * 15, None]
    assert result.table.filter(pl.col("series") != "A / B")["null_reason"].null_count() == 34
    assert "no value where B is 0" in result._chart_subtitle
    days = j.trend("X", every="1d", compare="3d").table
    assert days["previous"].to_list() == [None, None, None, *days["value"].to_list()[:-3]]
    assert j.trend("X", every="1w", compare="2w").table["previous"].to_list()[:2] == [None, None]
    compared = j.trend("X", every="1d", compare="previous").table
    assert compared["previous"].to_list()[:5] == [None, 2.0, 1.0, 0.0, 1.0]
    assert compared["change"].to_list()[:5] == [None, -0.5, -1.0, None, -1.0]
    for formula, error in (("A / D", jn.UnknownNameError), ("A ** 2", jn.ArgumentError), ("A(B)", jn.ArgumentError)):
        with pytest.raises(error, match="formula: "):
            j.trend({"A": "X", "B": "edge"}, formula=formula)
    with pytest.raises(jn.ArgumentError, match="formula: 'A /' cannot be parsed"):
        parse_formula("A /", names=["A"])


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("A / (B − 1)", "B - 1 is 0"),
        ("A / 0", "it divides by 0"),
        ("1 / (1 / C)", "C is 0"),
        ("M + A", "M has no value"),
        ("A / M", "M has no value"),
        ("2 * A", None),
    ],
)
def test_a_formula_without_a_value_says_why(formula, reason):
    series = pl.DataFrame({"A": [3.0], "B": [1.0], "C": [0.0], "M": [None]}, schema_overrides={"M": pl.Float64})
    value, why = series.select(parse_formula(formula, names=series.columns), explain_nulls(formula)).row(0)
    assert (why, value is None) == (reason, reason is not None)


def test_means_of_nothing_leave_a_formula_without_a_value():
    j = jn.Journeys.from_table(make_log([("a", 0, "ads", 2.0)]))
    table = j.trend({"A": "X", "B": "edge"}, every="1d", count=("mean", "amount"), formula="A - B").table
    assert table.filter(series="A - B")["null_reason"].to_list() == ["B has no value", *["A has no value"] * 16]


@pytest.mark.parametrize("names", [("index", "period"), ("campaign", "complete"), ("series", "group"), ("value", "x")])
def test_series_may_be_named_like_columns_of_the_table(names):
    j = jn.Journeys.from_table(make_log([("a", 0, "ads", 2.0)]))
    first, second = names
    for by in (None, "campaign"):
        result = j.trend(dict(zip(names, ("X", "edge"), strict=True)), every="1w", formula=f"{first} - {second}", by=by)
        assert result.table.filter(series=f"{first} - {second}")["null_reason"].null_count() == result.table.height // 3


def test_formulas_that_make_no_sense_are_refused():
    j = jn.Journeys.from_table(make_log([]))
    for formula, words in ((5, "must be text"), ("1e400 * A", "too large"), ("A", "is the name of a series")):
        with pytest.raises(jn.ArgumentError, match=f"formula: .*{words}"):
            j.trend({"A": "edge", "B": "edge"}, formula=formula)
    with pytest.raises(jn.ArgumentError, match="cannot be parsed") as raised:
        j.trend({"A": "edge", "B": "edge"}, formula="(" * 900 + "A")
    assert len(str(raised.value)) < 200
    for formula in ("-" * 800 + "A", "A" + " + A" * 800, "(" * 100 + "A" + ") + B" * 100):
        with pytest.raises(jn.ArgumentError, match="formula: .* (more than 100 operations|cannot be parsed)"):
            j.trend({"A": "edge", "B": "edge"}, formula=formula)


def test_divisions_in_divisions_stay_quick():
    deep = parse_formula("A / (" * 60 + "A" + ")" * 60, names=["A"])
    assert pl.DataFrame({"A": [2.0, 0.0, -0.0]}).select(deep).to_series().to_list() == [2.0, None, None]


@pytest.mark.parametrize("window", [1, 3])
def test_a_trailing_window_that_begins_before_the_log_is_not_complete(window):
    complete = jn.Journeys.from_table(make_log([])).trend("edge", every="1d", trailing=f"{window}d").table["complete"]
    assert complete.to_list() == [*[False] * (window - 1), *[True] * (17 - window), False]


def test_posthog_active_people():
    """PostHog, test_lifecycle_query_runner.py, test_lifecycle_trend (MIT): active people per day."""
    days = {"p1": [11, 12, 13, 15, 17, 19], "p2": [9, 12], "p3": [12], "p4": [15]}
    rows = [(person, f"2020-01-{day:02d}T12:00:00Z", "x") for person, all_days in days.items() for day in all_days]
    j = jn.Journeys.from_table(pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row"))
    table = j.trend("x", every="1d").table.filter(pl.col("period") >= date(2020, 1, 12))
    assert table["value"].to_list() == [3, 1, 0, 2, 0, 1, 0, 1]


def test_all_invalid_options_are_reported_together():
    j = jn.Journeys.from_table(make_log([("a", 0, "ads", 1.0)]))
    with pytest.raises(jn.ArgumentError) as raised:
        j.trend("X", count="person", every="1x", trailing="36h", compare="before", top=0)
    for part in ("count: 'person'", "every: '1x'", "trailing: '36h'", "compare: 'before'", "top: 0"):
        assert part in str(raised.value)
    with pytest.raises(jn.ArgumentError, match="count: column 'event' is"):
        j.trend("X", count=("sum", "event"))
    with pytest.raises(jn.UnknownNameError, match="events: no event 'Y'"):
        j.trend("Y")
    with pytest.raises(jn.UnknownNameError, match="period: no period '2020-01-01'"):
        j.trend("X").people(period="2020-01-01")
    weeks = j.trend("X", every="1w")
    first = weeks.table["period"][0]
    with pytest.raises(jn.UnknownNameError, match=f"give the first day of the week that holds it, '{first}'"):
        weeks.people(period=first + timedelta(days=2))


@pytest.mark.parametrize("dark", [False, True])
def test_pictures_and_findings(dark):
    found = [(f"p{n}", n % 15, "ads", 1.0) for n in range(600)]
    j = jn.Journeys.from_table(make_log(found))
    daily = j.trend("X", every="1d")
    assert daily.finding == 'No one did "X" on 16 March 2026: too few for a finding.'
    assert jn.Journeys.from_table(make_log(found)).trend("X", every="1w").finding.startswith('280 people did "X"')
    assert len(daily.plot(dark=dark).data) == 2
    assert j.trend({"A": "X", "B": "edge"}, formula="A / B").plot(dark=dark).data
    grouped = j.trend("X", by="campaign").finding
    assert grouped == 'Among those who did "X", "ads" is the most common campaign: 600 people.'
    empty = j.where(pl.col("event") == "none at all").trend("X")
    assert empty.plot(dark=dark) is not None
    assert empty.table["value"].sum() == 0
