"""What holds for all questions over time: breakdowns, clocks that jump, hostile arguments."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

import journeys as jn

SCHEMA = {"person": pl.String, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String, "campaign": pl.String}


def make_journeys(rows):
    return jn.Journeys.from_table(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def march(day, hour=0):
    return datetime(2026, 3, day, hour, tzinfo=UTC)


BREAKDOWNS = {
    "retention": lambda j, by: j.retention("Signed Up", every="1d", periods=1, cohorts="each", by=by),
    "sessions": lambda j, by: j.sessions(by=by),
    "trend": lambda j, by: j.trend("Signed Up", every="1d", by=by),
}


@pytest.mark.parametrize("question", BREAKDOWNS)
def test_a_first_campaign_counts_from_the_first_touch_on(question):
    j = make_journeys(
        [
            ("ann", march(1), "Signed Up", None),
            ("ann", march(2), "Visited", "spring"),
            ("ann", march(3), "Signed Up", None),
            ("bob", march(3), "Signed Up", None),
        ]
    )
    result = BREAKDOWNS[question](j, "first_campaign")
    if question == "retention":
        sizes = result.table.filter((pl.col("period") == 0) & (pl.col("size") > 0))
        found = {(row["cohort"].day, row["first_campaign"]): row["size"] for row in sizes.to_dicts()}
        assert found == {(1, "(none)"): 1, (3, "spring"): 1, (3, "(none)"): 1}
    elif question == "sessions":
        assert dict(result.summary.select("first_campaign", "sessions").iter_rows()) == {"spring": 2, "(none)": 2}
    else:
        rows = result.table.filter(pl.col("value") > 0).to_dicts()
        found = {(row["period"].day, row["first_campaign"]): row["value"] for row in rows}
        assert found == {(1, "(none)"): 1, (3, "spring"): 1, (3, "(none)"): 1}
    assert set(result.people(group="spring").people["person"]) == {"ann"}
    assert set(result.people(group="(none)").people["person"]) == {"ann", "bob"}


@pytest.mark.parametrize("question", BREAKDOWNS)
def test_breakdowns_are_checked_alike(question):
    j = make_journeys([("ann", march(1), "Signed Up", None), ("ann", march(9), "Signed Up", "spring")])
    with pytest.raises(jn.UnknownNameError, match=r"by: no column 'first_campain'; did you mean 'first_campaign'"):
        BREAKDOWNS[question](j, "first_campain")
    with pytest.raises(
        jn.UnknownNameError, match=r"group: no (campaign|first_campaign) 'sprin'; did you mean 'spring'"
    ):
        BREAKDOWNS[question](j, "campaign").people(group="sprin")


GROUPED = BREAKDOWNS | {
    "lifecycle": lambda j, by: j.lifecycle("Signed Up", by=by),
    "stickiness": lambda j, by: j.stickiness("Signed Up", by=by),
    "trend with a formula": lambda j, by: j.trend({"A": "Signed Up", "B": "Visited"}, formula="A / B", by=by),
    "trend compared": lambda j, by: j.trend("Signed Up", by=by, compare="previous"),
}


@pytest.mark.parametrize("question", GROUPED)
@pytest.mark.parametrize("column", ["period", "people", "value", "events", "index", "share", "new", "size", "plan"])
def test_a_column_named_like_one_of_the_table_makes_groups(question, column):
    rows = [
        ("ann", march(1), "Signed Up", "a"),
        ("bob", march(9), "Visited", None),
        ("cem", march(20), "Signed Up", "b"),
    ]
    j = jn.Journeys.from_table(pl.DataFrame(rows, schema=SCHEMA, orient="row").rename({"campaign": column}))
    result = GROUPED[question](j, column)
    table = result.summary if question == "sessions" else result.table
    shown = column if column == "plan" else f"by_{column}"
    assert {"a", "b"} <= set(table[shown].to_list()) <= {"a", "b", "(none)"}
    assert result.plot() is not None
    assert result.finding.endswith(".")


@pytest.mark.parametrize("every", ["9999y", "9999q", "900mo", "9999w"])
def test_periods_may_be_longer_than_the_calendar(every):
    j = make_journeys([("ann", march(1), "Signed Up", None), ("bob", march(9), "Signed Up", "spring")])
    assert j.trend("Signed Up", every=every).table["value"].to_list() == [2]
    assert j.lifecycle("Signed Up", every=every).table["new"].to_list() == [2]
    assert j.stickiness("Signed Up", of=every).table["people"].to_list() == [2]
    assert j.retention("Signed Up", every=every, periods=1000).table["size"][0] == 2


JUMPS = {
    "a day without midnight in Cairo": ("Africa/Cairo", datetime(2024, 4, 24, 9, tzinfo=UTC), 7, 24),
    "a day of 25 hours in Cairo": ("Africa/Cairo", datetime(2024, 10, 30, 9, tzinfo=UTC), 7, 24),
    "a day without midnight in Santiago": ("America/Santiago", datetime(2025, 9, 5, 9, tzinfo=UTC), 5, 24),
    "the day that Apia skipped": ("Pacific/Apia", datetime(2011, 12, 28, 9, tzinfo=UTC), 7, 24),
    "a leap day": ("Europe/Berlin", datetime(2024, 2, 27, 9, tzinfo=UTC), 11, 24),
    "a week over the year's end": ("UTC", datetime(2024, 12, 23, 9, tzinfo=UTC), 19, 24),
    "months of 28 to 31 days": ("America/New_York", datetime(2023, 1, 29, 9, tzinfo=UTC), 97, 40),
}


def number_of(day, every):
    """Number the period of a date: consecutive days, weeks from Monday, months."""
    return {"1d": day.toordinal(), "1w": (day.toordinal() - 1) // 7, "1mo": day.year * 12 + day.month}[every]


@pytest.mark.parametrize("every", ["1d", "1w", "1mo"])
@pytest.mark.parametrize("jump", JUMPS)
def test_periods_are_those_of_local_dates(jump, every):
    zone, start, hours, count = JUMPS[jump]
    moments = [start + timedelta(hours=hours * n) for n in range(count)]
    rows = [("abc"[n * n % 3], moment, "X", None) for n, moment in enumerate(moments)]
    j = make_journeys(rows)
    days = [(person, moment.astimezone(ZoneInfo(zone)).date()) for person, moment, *_ in rows]
    active = {}
    for person, day in days:
        active.setdefault(number_of(day, every), []).append(person)

    trend = j.trend("X", every=every, time_zone=zone).table
    assert trend["period"].is_unique().all()
    found = {number_of(row["period"], every): (row["people"], row["events"]) for row in trend.to_dicts()}
    assert {key: row for key, row in found.items() if row[1]} == {k: (len(set(v)), len(v)) for k, v in active.items()}

    states = j.lifecycle("X", every=every, time_zone=zone).table.to_dicts()
    assert {number_of(row["period"], every): row["active"] for row in states if row["active"]} == {
        key: len(set(people)) for key, people in active.items()
    }
    assert sum(row["new"] for row in states) == len({person for person, _ in days})

    cells = j.retention("X", every=every, periods=2, cohorts="each", time_zone=zone).table
    for row in cells.filter(pl.col("size") > 0).to_dicts():
        cohort = number_of(row["cohort"], every)
        members = active[cohort]
        later = active.get(cohort + row["period"], [])
        if row["period"] == 0:
            assert row["back"] == sum(members.count(one) > 1 for one in set(members))
        elif row["back"] is not None:
            assert row["back"] == len(set(members) & set(later))

    if every != "1d":
        table = j.stickiness("X", every="1d", of=every, time_zone=zone).table
        people = {}
        for person, day in days:
            people.setdefault((number_of(day, every), person), set()).add(day)
        expected = Counter((number, len(dates)) for (number, _), dates in people.items())
        shown = table.filter(pl.col("people") > 0).to_dicts()
        assert {(number_of(row["period"], every), row["days"]): row["people"] for row in shown} == expected
    assert j.sessions().table["duration"].sum() == timedelta(0)  # each gap is hours long, whatever the clock shows


SMALL = {
    "one person": [("a", march(1), "X", "c"), ("a", march(2), "Y", None)],
    "one moment": [("a", march(1), "X", None), ("b", march(1), "X", None)],
    "the future": [("a", march(1), "X", None), ("a", datetime(2093, 1, 1, tzinfo=UTC), "Y", None)],
    "a thousand groups": [(f"p{n}", march(1 + n % 9), "XY"[n % 2], f"c{n}") for n in range(1000)],
}
QUESTIONS = {
    "retention": lambda j: j.retention("X", back="Y", every="1mo", periods=3),
    "retention by": lambda j: j.retention("X", back="Y", every="1mo", periods=3, by="campaign", top=3),
    "retention on a long period": lambda j: j.retention("X", every="9y", periods=2),
    "trend": lambda j: j.trend("X", every="1mo", compare="previous"),
    "trend by": lambda j: j.trend("X", every="1mo", by="campaign", top=None),
    "trend of a long period": lambda j: j.trend("X", every="9y"),
    "trailing": lambda j: j.trend("X", every="1d", trailing="400d"),
    "formula": lambda j: j.trend({"A": "X", "B": "Y"}, every="1mo", formula="A / B"),
    "lifecycle": lambda j: j.lifecycle("X", every="1mo"),
    "stickiness": lambda j: j.stickiness("X", every="1w", of="1q"),
    "sessions": lambda j: j.sessions(by="campaign", gap="4000w", goal="Y"),
    "impact": lambda j: j.impact("X", on="Y", every="1w", periods=3),
    "previous": lambda j: (f := j.funnel(["X"], entered=("2026-03-01", "2026-03-08"))).compare(f.previous()),
    "funnel trend": lambda j: j.funnel(["X", "Y"], by="campaign").trend(every="1mo"),
    "experiment": lambda j: j.experiment("campaign", goal="Y"),
    "attribution": lambda j: j.attribution("Y", converted=("2026-03-02", "2026-03-04")).compare("year"),
}


@pytest.mark.parametrize("log", SMALL)
@pytest.mark.parametrize("question", QUESTIONS)
def test_hostile_logs_have_an_answer_or_an_error_that_helps(question, log):
    j = make_journeys([*SMALL[log], *(("z", march(1), name, None) for name in "XY")])
    try:
        result = QUESTIONS[question](j)
    except jn.JourneysError as error:
        refusal = str(error)
    else:
        refusal = None
    if refusal is not None:
        assert refusal.endswith(".")
        assert ": " in refusal
        return
    assert result.finding.endswith(".")
    assert "nan" not in result.finding.casefold().split()
    assert result.plot() is not None
    assert result._repr_html_()


WRONG = {
    "a start nobody did": lambda j: j.retention("W", every="1d"),
    "a formula with an unknown letter": lambda j: j.trend({"A": "X", "B": "Y"}, formula="A / D"),
    "brackets out of order": lambda j: j.retention("X", brackets=["7d", "1d"]),
    "one bracket": lambda j: j.retention("X", brackets=["7d"]),
    "no period": lambda j: j.retention("X", periods=0),
    "a period that ends before it starts": lambda j: j.funnel(["X"], entered=("2026-03-09", "2026-03-01")),
    "an unknown zone": lambda j: j.trend("X", time_zone="Mars/Olympus"),
    "an hourly trend": lambda j: j.trend("X", every="1h"),
    "a variant that is no column": lambda j: j.experiment("variants", goal="X"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_arguments_are_named(wrong):
    j = make_journeys(SMALL["one person"])
    with pytest.raises(jn.JourneysError) as raised:
        WRONG[wrong](j)
    assert str(raised.value).endswith(".")
    assert str(raised.value).split(":")[0] in (
        "start", "formula", "brackets", "periods", "entered", "time_zone", "every", "variant"
    )  # fmt: skip
