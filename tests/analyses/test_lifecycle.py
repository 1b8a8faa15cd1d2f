"""Lifecycle and stickiness against plain loops and published figures."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import journeys as jn

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
ROWS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 27), st.sampled_from("XXY")), max_size=25)
STATES = ["new", "returning", "resurrecting", "dormant"]


def make_journeys(found):
    edges = [("zz", day, "edge") for day in (0, 7, 28)]
    rows = [(person, START + timedelta(days=day), event) for person, day, event in [*edges, *found, ("zz", 0, "X")]]
    schema = {"person": pl.String, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String}
    return jn.Journeys.from_table(pl.DataFrame(rows, schema=schema, orient="row"))


def plain_states(days, last):
    """Return the state of one person in each period up to `last`."""
    found = {}
    for day in range(last + 1):
        if day in days:
            found[day] = "new" if day == min(days) else "returning" if day - 1 in days else "resurrecting"
        elif day - 1 in days:
            found[day] = "dormant"
    return found


@given(found=ROWS, length=st.sampled_from([1, 7]))
def test_states_equal_plain_loops(found, length):
    result = make_journeys(found).lifecycle("X", every={1: "1d", 7: "1w"}[length])
    active = {"zz": {0}}
    for person, day, event in found:
        if event == "X":
            active.setdefault(person, set()).add(day // length)
    last = 28 // length
    states = {person: plain_states(days, last) for person, days in active.items()}
    for number, row in enumerate(result.table.iter_rows(named=True)):
        count = Counter(one[number] for one in states.values() if number in one)
        assert [row[state] for state in STATES] == [count[state] for state in STATES]
        assert row["active"] == sum(number in days for days in active.values())
        for state in STATES:
            people = result.people(state, period=row["period"]).people["person"]
            assert set(people) == {person for person, one in states.items() if one.get(number) == state}
    assert result.table["complete"].to_list()[-1] is False


@given(found=ROWS)
def test_a_selection_knows_who_was_there_before(found):
    whole = make_journeys(found).lifecycle("X", every="1w").table
    part = make_journeys(found).between(START + timedelta(days=7)).lifecycle("X", every="1w").table
    assert part["new"].to_list() == whole["new"].to_list()[1:]
    assert part["active"].to_list() == whole["active"].to_list()[1:]


@given(found=ROWS)
def test_people_of_the_period_before_a_selection_return_in_its_first_period(found):
    whole = make_journeys(found).lifecycle("X", every="1w").table
    part = make_journeys(found).between(START + timedelta(days=7)).lifecycle("X", every="1w").table
    for state in ("returning", "resurrecting"):
        assert part[state].to_list() == whole[state].to_list()[1:]


GROUPS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 27), st.sampled_from(["ads", "(other)", None])), max_size=20
)


def make_groups(found):
    rows = [("zz", 0, None), *found, ("zz", 28, "ads")]
    schema = {"person": pl.String, "day": pl.Int64, "plan": pl.String}
    log = pl.DataFrame(rows, schema=schema, orient="row")
    time = pl.lit(START) + pl.duration(days="day")
    return jn.Journeys.from_table(log.select("person", "plan", event=pl.lit("X"), timestamp=time))


@settings(max_examples=10)
@given(found=GROUPS, top=st.sampled_from([1, None]))
def test_people_of_the_period_before_a_selection_are_dormant_in_its_first_period(found, top):
    journeys = make_groups([*found, ("zz", 7, None)])
    whole, part = journeys.lifecycle("X"), journeys.between(START + timedelta(days=7)).lifecycle("X")
    assert part.table["dormant"].to_list() == whole.table["dormant"].to_list()[1:]
    first = part.table["period"][0]
    dormant = part.people("dormant", period=first).people
    assert dormant.equals(whole.people("dormant", period=first).people)
    assert dormant.height == part.table["dormant"][0]
    groups = journeys.between(START + timedelta(days=7)).lifecycle("X", by="plan", top=top)
    assert groups.table.group_by("period").agg(pl.col("dormant").sum()).sort("period").rows() == (
        part.table.select("period", "dormant").rows()
    )


@settings(max_examples=10)
@given(found=GROUPS, top=st.sampled_from([1, None]))
def test_groups_are_those_of_the_first_event_and_add_up(found, top):
    j = make_groups(found)
    group = {}
    for person, _, plan in sorted([("zz", 0, None), *found], key=lambda row: row[1]):
        group.setdefault(person, {None: "(none)", "(other)": '"(other)"'}.get(plan, plan))
    whole, parts = j.lifecycle("X"), j.lifecycle("X", by="plan", top=top)
    added = parts.table.group_by("period").agg(pl.col(*STATES, "active").sum()).sort("period")
    assert added.equals(whole.table.select("period", *STATES, "active"))
    assert parts.finding == whole.finding
    for row in parts.table.iter_rows(named=True):
        for state in STATES:
            people = parts.people(state, period=row["period"], group=row["plan"]).people["person"]
            assert len(people) == row[state]
            assert row["plan"] == "(other)" or {group[one] for one in people} <= {row["plan"]}
    whole, parts = j.stickiness("X"), j.stickiness("X", by="plan", top=top)
    added = parts.table.group_by("period", "days").agg(pl.col("people").sum()).sort("period", "days")
    assert added.equals(whole.table.select("period", "days", "people"))
    for row in parts.table.iter_rows(named=True):
        people = parts.people(period=row["period"], at_least=row["days"], group=row["plan"]).people["person"]
        mine = parts.table.filter(pl.col("period") == row["period"], pl.col("plan") == row["plan"])
        assert len(people) == mine.filter(pl.col("days") >= row["days"])["people"].sum()
        assert row["at_least"] == pytest.approx(len(people) / mine["people"].sum())


def test_posthog_lifecycle():
    """PostHog, test_lifecycle_query_runner.py, test_lifecycle_trend (MIT)."""
    days = {"p1": [11, 12, 13, 15, 17, 19], "p2": [9, 12], "p3": [12], "p4": [15]}
    rows = [(person, f"2020-01-{day:02d}T12:00:00Z", "x") for person, all_days in days.items() for day in all_days]
    j = jn.Journeys.from_table(pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row"))
    table = j.lifecycle("x", every="1d").table.filter(pl.col("period") >= date(2020, 1, 12))
    assert table["new"].to_list() == [1, 0, 0, 1, 0, 0, 0, 0]
    assert table["returning"].to_list() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert table["resurrecting"].to_list() == [1, 0, 0, 1, 0, 1, 0, 1]
    assert table["dormant"].to_list() == [0, 2, 1, 0, 2, 0, 1, 0]


@given(found=ROWS)
def test_stickiness_equals_plain_loops(found):
    result = make_journeys(found).stickiness("X")
    days = {}
    for person, day, event in [*found, ("zz", 0, "X")]:
        if event == "X":
            days.setdefault((person, day // 7), set()).add(day)
    for week in range(4):
        mine = {person: len(one) for (person, at), one in days.items() if at == week}
        rows = result.table.filter(pl.col("period") == (START + timedelta(weeks=week)).date())
        assert dict(rows.select("days", "people").iter_rows()) == Counter(mine.values())
        for row in rows.iter_rows(named=True):
            assert row["at_least"] == pytest.approx(sum(n >= row["days"] for n in mine.values()) / len(mine))
            people = result.people(period=row["period"], at_least=row["days"]).people["person"]
            assert set(people) == {person for person, n in mine.items() if n >= row["days"]}


@given(found=ROWS)
def test_shards_change_no_lifecycle(found, tmp_path_factory):
    j = make_journeys(found)
    stored = j.save(tmp_path_factory.mktemp("s"), shards=3)
    assert stored.lifecycle("X").table.equals(j.lifecycle("X").table)
    assert stored.stickiness("X").table.equals(j.stickiness("X").table)
    part, cut = (one.between(START + timedelta(days=7)).lifecycle(["X", "edge"], by="event") for one in (stored, j))
    assert part.table.equals(cut.table)
    assert stored.stickiness(["X", "edge"], by="event", top=1).table.equals(
        j.stickiness(["X", "edge"], by="event", top=1).table
    )


@pytest.mark.parametrize("dark", [False, True])
def test_pictures_findings_and_errors(dark):
    j = make_journeys([(f"p{n}", n % 20, "X") for n in range(200)] + [(f"p{n}", n % 20 + 2, "X") for n in range(90)])
    lifecycle, stickiness = j.lifecycle("X"), j.stickiness("X")
    assert lifecycle.finding.endswith("the number of active people shrinks.")
    assert stickiness.finding.startswith("Only 4 people active in the week from 23 March 2026: too few")
    assert len(lifecycle.plot(dark=dark).data) == 4
    assert stickiness.plot(dark=dark).data
    assert lifecycle.table.equals(j.lifecycle("X", top=None).table)
    groups = [ask(["X", "edge"], by="event", top=2) for ask in (j.lifecycle, j.stickiness)]
    assert [len(one.plot(dark=dark).data) for one in groups] == [4, 1]
    with pytest.raises(jn.ArgumentError, match=r"group: 'p1' requires a breakdown; ask lifecycle\(..., by=...\)"):
        lifecycle.people("new", period="2026-03-02", group="p1")
    with pytest.raises(jn.UnknownNameError, match="by: no column 'plan'"):
        j.stickiness("X", by="plan")
    nobody = j.where(pl.col("event") == "edge")
    assert nobody.lifecycle("X").plot(dark=dark) is not None
    assert nobody.lifecycle("X").finding == nobody.stickiness("X").finding == 'No one did "X".'
    for unfinished in (j.lifecycle("X", every="1y"), j.stickiness("X", of="1y")):
        assert unfinished.finding == 'No year with "X" is complete: the log holds only part of each.'
    assert nobody.stickiness("X").plot(dark=dark) is not None
    with pytest.raises(jn.ArgumentError, match=r"(?s)top: 0 must be .*of: '1d' must be longer than every, '1d'"):
        j.stickiness("X", of="1d", top=0)
    with pytest.raises(jn.UnknownNameError, match="state: no state 'asleep'"):
        lifecycle.people("asleep", period="2026-03-02")


def test_a_difference_that_may_be_chance_is_no_growth():
    """Of 40 people who become active and 40 who become dormant nothing follows; of 40 and 4 it does."""
    found = [(f"p{n}", 8 + 7 * (n % 2), "X") for n in range(80)] + [("zz", 21, "edge")]
    assert make_journeys(found).between(START, START + timedelta(days=22)).lifecycle("X").finding == (
        "40 people became active in the week from 16 March 2026 and 40 became dormant: a difference that may be chance."
    )
    grown = make_journeys([*found, *((f"p{n}", 15, "X") for n in range(0, 72, 2))])
    assert grown.between(START, START + timedelta(days=22)).lifecycle("X").finding.endswith("people grows.")


def test_charts_count_people_below_zero_and_start_at_whole_periods():
    drawn = make_journeys([(f"p{n}", n % 20, "X") for n in range(200)]).lifecycle("X").plot()
    assert "−" not in "".join(drawn.layout.yaxis.ticktext)
    assert list(drawn.layout.xaxis.tickvals) == [(START + timedelta(weeks=n)).date() for n in range(5)]
    groups = make_groups([(f"p{n}", n % 7 + 21, "ads" if n % 3 else None) for n in range(60)])
    lines = groups.stickiness("X", by="plan").plot().data
    assert [(line.name, line.line.dash) for line in lines] == [("ads (40)", None), ("(none) (20)", "dot")]
    assert [line.y[0] for line in lines] == [1.0, 1.0]
