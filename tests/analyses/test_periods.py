"""Periods of entries compared: which period comes before, who is followed, who is pending, who is in both."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.analyses.periods import find_earlier_period, relative_change
from journeys.steps import moment_us

START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 24), st.sampled_from("AABX")), max_size=30)
EDGES = [("zz", 0, "X"), ("zz", 24, "X"), ("zz", 24, "B"), ("yy", 3, "A")]


def make_journeys(found):
    rows = [(person, START + timedelta(days=day), event) for person, day, event in [*EDGES, *found]]
    schema = {"person": pl.String, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String}
    return jn.Journeys.from_table(pl.DataFrame(rows, schema=schema, orient="row"))


def at(day):
    return START + timedelta(days=day)


def entries_of(found, low, high, within):
    """Return, for each person who does A from day `low` and before `high`, whether B follows within `within` days."""
    people = {}
    for person in {row[0] for row in found}:
        events = sorted((row for row in found if row[0] == person), key=lambda row: row[1])
        starts = [place for place, (_, day, event) in enumerate(events) if event == "A" and low <= day < high]
        if starts:
            people[person] = any(
                event == "B" and day - events[place][1] <= within
                for place in starts
                for _, day, event in events[place + 1 :]
            )
    return people


@given(found=DAYS, within=st.sampled_from([None, 2, 6]))
def test_sides_equal_plain_loops(found, within):
    found = [*EDGES, *found]
    j = make_journeys(found[len(EDGES) :])
    window = {} if within is None else {"within": f"{within}d"}
    f = j.funnel(["A", "B"], entered=(at(13), at(20)), **window)
    c = f.compare(f.previous())
    follow_up = 4 if within is None else within  # the log ends 4 days after the period
    sides = []
    for low, high in ((13, 20), (6, 13)):
        whole = entries_of(found, low, high, follow_up)
        followed = entries_of(found, low, min(high, 24 - follow_up + 1), follow_up)
        sides.append((followed, len(whole) - len(followed)))
    (mine, pending), (theirs, pending_against) = sides
    table = c.table
    assert table["people"].to_list() == [len(mine), sum(mine.values())]
    assert table["people_against"].to_list() == [len(theirs), sum(theirs.values())]
    assert table["pending"].to_list() == [pending] * 2
    assert table["pending_against"].to_list() == [pending_against] * 2
    both = mine.keys() & theirs.keys()
    assert table["in_both"].to_list() == [len(both), sum(mine[one] and theirs[one] for one in both)]
    assert c.people_on_both_sides == len(both)
    for row in table.iter_rows(named=True):
        before = row["people_against"]
        assert row["change"] == (pytest.approx(row["people"] / before - 1) if before else None)


def test_posthog_visitors_views_and_sessions_of_two_weeks():
    """PostHog, test_web_overview.py, test_increase_in_users (MIT): visitors +100%, views 0%, sessions +100%."""
    seen = [("p1", 2, "s1a"), ("p1", 3, "s1a"), ("p1", 12, "s1b"), ("p2", 11, "s2")]
    rows = [(person, datetime(2023, 12, day, tzinfo=UTC), "$pageview") for person, day, _ in seen]
    j = jn.Journeys.from_table(pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row"))
    changes = {}
    for count in ("people", "entries", "sessions"):
        f = j.funnel(["$pageview"], count=count, gap="25h", entered=("2023-12-08", "2023-12-15"))
        row = f.compare(f.previous()).table.row(0, named=True)
        changes[count] = (row[count], row[f"{count}_against"], row["change"], row["in_both"])
    assert changes == {"people": (2, 1, 1.0, 1), "entries": (2, 2, 0.0, 1), "sessions": (2, 1, 1.0, 1)}
    # the same weeks as a trend: they begin on Fridays
    for count, (now, before, change, _) in {**changes, "events": changes["entries"]}.items():
        if count != "entries":
            table = j.trend("$pageview", count=count, gap="25h", week_start="friday", compare="previous").table
            row = table.filter(pl.col("period") == date(2023, 12, 8)).row(0, named=True)
            assert (row["value"], row["previous"], row["change"]) == (now, before, change)
    sessions = j.sessions(gap="25h").table
    weeks = [sessions.filter(pl.col("start").dt.day().is_between(*days)) for days in ((8, 14), (1, 7))]
    means = pl.DataFrame(
        {
            "duration": [week["duration"].dt.total_seconds().mean() for week in weeks],
            "bounced": [week["bounced"].mean() for week in weeks],
        }
    )
    assert means.rows() == [(0.0, 1.0), (86_400.0, 0.0)]
    changed = means.select(relative_change(pl.col(name), pl.col(name).shift(-1)).first() for name in means.columns)
    assert changed.row(0) == (-1.0, None)


def period_of(zone, *ends):
    return tuple(moment_us(datetime(*end, tzinfo=ZoneInfo(zone)).astimezone(UTC)) for end in ends)


@pytest.mark.parametrize(
    ("zone", "period", "back", "expected"),
    [
        ("UTC", ((2026, 5, 1), (2026, 6, 1)), "previous", ((2026, 4, 1), (2026, 5, 1))),
        ("UTC", ((2024, 3, 1), (2024, 4, 1)), "previous", ((2024, 2, 1), (2024, 3, 1))),
        ("UTC", ((2026, 1, 1), (2026, 4, 1)), "previous", ((2025, 10, 1), (2026, 1, 1))),
        ("UTC", ((2026, 5, 4), (2026, 5, 11)), "previous", ((2026, 4, 27), (2026, 5, 4))),
        ("UTC", ((2026, 5, 1), (2026, 6, 1)), "31d", ((2026, 3, 31), (2026, 5, 1))),
        ("UTC", ((2026, 5, 1), (2026, 6, 1)), "4w", ((2026, 4, 3), (2026, 5, 4))),
        ("UTC", ((2026, 1, 5), (2026, 1, 12)), "year", ((2025, 1, 6), (2025, 1, 13))),
        # the day before Cairo's clocks jump over midnight, and that day itself: 24 and 23 hours
        ("Africa/Cairo", ((2024, 4, 26, 1), (2024, 4, 27)), "previous", ((2024, 4, 25), (2024, 4, 26, 1))),
        ("Africa/Cairo", ((2024, 4, 27), (2024, 4, 28)), "previous", ((2024, 4, 26, 1), (2024, 4, 27))),
        ("Europe/Berlin", ((2026, 3, 30), (2026, 4, 6)), "previous", ((2026, 3, 23), (2026, 3, 30))),
        ("America/Santiago", ((2025, 9, 8), (2025, 9, 9)), "previous", ((2025, 9, 7, 1), (2025, 9, 8))),
        # Apia had no 30 December 2011
        ("Pacific/Apia", ((2012, 1, 1), (2012, 1, 4)), "previous", ((2011, 12, 29), (2012, 1, 1))),
        ("Pacific/Apia", ((2012, 1, 1), (2012, 2, 1)), "previous", ((2011, 12, 1), (2012, 1, 1))),
    ],
)
def test_the_earlier_period_follows_the_calendar(zone, period, back, expected):
    found = find_earlier_period(period_of(zone, *period), back, time_zone=zone)
    assert found == period_of(zone, *expected)


def test_the_same_dates_of_the_year_before():
    leap = period_of("UTC", (2024, 2, 29), (2024, 3, 1))
    assert find_earlier_period(leap, "year", calendar=True) == period_of("UTC", (2023, 2, 28), (2023, 3, 1))
    hour = period_of("UTC", (2026, 5, 1, 10), (2026, 5, 1, 11))
    assert find_earlier_period(hour, "previous") == period_of("UTC", (2026, 5, 1, 9), (2026, 5, 1, 10))
    assert find_earlier_period(hour, "2h") == period_of("UTC", (2026, 5, 1, 8), (2026, 5, 1, 9))


def test_a_period_is_one_of_the_time_zone():
    rows = [("a", "2026-04-30T22:30Z", "A"), ("b", "2026-05-31T22:30Z", "A"), ("c", "2026-06-02T22:30Z", "A")]
    j = jn.Journeys.from_table(pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row"))
    may = ("2026-05-01", "2026-06-01")
    assert j.funnel(["A"], entered=may, time_zone="Europe/Berlin").converted().people["person"].to_list() == ["a"]
    assert j.funnel(["A"], entered=may).converted().people["person"].to_list() == ["b"]


def test_everyone_in_a_calendar_window_is_followed_to_its_end():
    j = make_journeys([("a", 16, "A"), ("a", 17, "B"), ("b", 22, "A"), ("c", 8, "A")])
    f = j.funnel(["A", "B"], within="same week", entered=(at(14), at(28)))  # the last week is not over
    row = f.compare(f.previous()).table.row(1, named=True)
    assert (row["people"], row["pending"], row["people_against"], row["pending_against"]) == (1, 1, 0, 0)


def test_what_a_comparison_of_periods_says():
    rows = [(f"p{n}", 10 + n % 2, "A") for n in range(300)] + [(f"p{n}", 12, "B") for n in range(0, 300, 2)]
    rows += [(f"q{n}", 4 + n % 2, "A") for n in range(300)] + [(f"q{n}", 6, "B") for n in range(0, 300, 5)]
    j = make_journeys([*rows, *((f"q{n}", 10, "A") for n in range(20))])
    f = j.funnel(["A", "B"], within="3d", entered=(at(9), at(14)))
    c = f.compare(f.previous())
    assert c.finding.startswith('"B": 47% against 20%, +26.9 points (')
    assert c.finding.endswith("20 people entered both funnels; the test allows for that.")
    assert c.settings["entered"] == "2026-03-11 to 2026-03-16"
    assert c.settings["against"] == "2026-03-06 to 2026-03-11"
    for look in ({}, {"dark": True}, {"narrow": True}):
        drawn = c.plot(**look)
        assert [len(trace.x) for trace in drawn.data] == [2, 2, 1]
        assert drawn.data[1].marker.color != drawn.data[0].marker.color
        assert drawn.layout.xaxis2.range[0] < 0 < drawn.layout.xaxis2.range[1]
        assert "11 to 15 March 2026, hollow 6 to 10 March 2026" in drawn.layout.meta["subtitle"]
    early = f.compare(f.previous("2w"))
    assert "The log begins on 2026-03-02" in early.finding
    assert "holds nothing of 2026-02-25 to 2026-03-02." in early.finding
    assert "holds only part of 2026-03-01 to 2026-03-06." in f.compare(f.previous("10d")).finding
    assert f.compare(f).finding.startswith("No rate differs beyond chance. 320 people entered both funnels")
    late = j.funnel(["A", "B"], within="90d", entered=(at(9), at(14)))
    assert late.compare(late.previous()).finding.startswith(
        "There is nothing to compare: ask both funnels for a shorter within. 620 entered too late"
    )
    assert early.table["people_against"].to_list() == [0, 0]
    one = j.funnel(["A"], entered=(at(9), at(14)))
    assert one.compare(one.previous()).finding.startswith('"A": 320 people against 300 (+')


@given(found=DAYS, cut=st.booleans())
def test_with_first_cohorts_people_are_only_in_the_period_of_their_first_entry(found, cut):
    found = [*EDGES, *found]
    j = make_journeys(found[len(EDGES) :])
    asked = j.between(at(5)) if cut else j
    f = asked.funnel(["A", "B"], within="2d", entered=(at(13), at(20)))
    c = f.compare(f.previous(), cohorts="first")
    first = {}
    for person, day, event in found:
        if event == "A":
            first[person] = min(day, first.get(person, day))
    for name, low, high in (("people", 13, 20), ("people_against", 6, 13)):
        sides = entries_of([row for row in found if not cut or row[1] >= 5], low, high, 2)
        mine = {person: done for person, done in sides.items() if low <= first[person] < high}
        assert c.table[name].to_list() == [len(mine), sum(mine.values())]
    assert c.table["in_both"].to_list() == [0, 0]
    assert c.people_on_both_sides == 0


def test_errors_of_periods():
    j = make_journeys([])
    with pytest.raises(jn.ArgumentError, match="entered: there is no period to go back from; give both ends"):
        j.funnel(["A", "B"]).previous()
    with pytest.raises(jn.ArgumentError, match="cohorts: 'first' leaves out who entered before a period; give both"):
        j.funnel(["A", "B"]).compare(j, cohorts="first")
    with pytest.raises(jn.ArgumentError, match="cohorts: 'new' is neither 'each' nor 'first'"):
        j.funnel(["A", "B"]).compare(j, cohorts="new")
    f = j.funnel(["A", "B"], entered=(at(20), at(27)))
    with pytest.raises(jn.ArgumentError, match="within: the log ends at 2026-03-26 00:00 UTC.*within='7d'"):
        f.compare(f.previous())
    with pytest.raises(jn.ArgumentError, match="back: 'last' is not a valid duration; write 'previous', 'year'"):
        f.previous("last")
    with pytest.raises(jn.ArgumentError, match="calendar: the same dates are those of 'year'"):
        f.previous(calendar=True)
    with pytest.raises(jn.ArgumentError, match=r"not in the years 1 to 9999\."):
        f.previous("365000w")


CONVERSIONS = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 24), st.sampled_from("stXXg")), max_size=30)


def make_touches(found):
    names = {"s": "spring", "t": "ads"}
    rows = [
        (person, at(day), "goal" if kind == "g" else "seen", names.get(kind)) for person, day, kind in [*EDGES, *found]
    ]
    schema = {"person": pl.String, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String, "campaign": pl.String}
    return jn.Journeys.from_table(pl.DataFrame([*rows, ("zz", at(24), "goal", None)], schema=schema, orient="row"))


def last_touches(found, low, high, lookback):
    """Return the last touchpoint of each person whose first goal is in the days from `low` and before `high`."""
    credited = {}
    for person in {row[0] for row in found} | {"zz"}:
        own = [row for row in found if row[0] == person] + [("zz", 24, "g")] * (person == "zz")
        events = sorted(own, key=lambda row: row[1])
        goals = [place for place, (_, _, kind) in enumerate(events) if kind == "g"]
        if goals and low <= events[goals[0]][1] < high:
            end = events[goals[0]][1]
            touches = [kind for _, day, kind in events[: goals[0]] if kind in "st" and end - day <= lookback]
            credited[person] = {"s": "spring", "t": "ads"}[touches[-1]] if touches else "(none)"
    return credited


@given(found=CONVERSIONS, lookback=st.sampled_from([3, 30]))
def test_credit_of_a_period_equals_plain_loops(found, lookback):
    j = make_touches(found)
    ask = {"lookback": f"{lookback}d", "model": "last"}
    a = j.attribution("goal", converted=(at(13), at(20)), **ask)
    table = a.compare().table
    sides = [last_touches(found, low, high, lookback) for low, high in ((13, 20), (6, 13))]
    for row in table.iter_rows(named=True):
        counts = [sum(touch == row["campaign"] for touch in side.values()) for side in sides]
        assert [row["credit"], row["credit_against"]] == counts
        shares = [count / len(side) if side else None for count, side in zip(counts, sides, strict=True)]
        assert [row["share"], row["share_against"]] == shares
        people = [
            set(one.people(row["campaign"]).people["person"]) if row["campaign"] in one.table["campaign"] else set()
            for one in (a, a.previous())
        ]
        assert [row["touched"], row["touched_against"]] == [len(one) for one in people]
        assert row["in_both"] == len(people[0] & people[1])
    # what is credited in the parts adds up to the whole
    parts = [j.attribution("goal", converted=ends, **ask).table for ends in ((None, at(9)), (at(9), None))]
    added = pl.concat(parts).group_by("campaign").agg(pl.col("credit").sum()).filter(pl.col("credit") > 0)
    whole = j.attribution("goal", **ask).table.filter(pl.col("credit") > 0)
    assert dict(added.iter_rows()) == dict(whole.select("campaign", "credit").iter_rows())


def test_what_a_comparison_of_attributions_says():
    found = [(f"p{n}", 14, "s" if n < 90 else "t") for n in range(100)] + [(f"p{n}", 15, "g") for n in range(100)]
    found += [(f"q{n}", 7, "s" if n < 50 else "t") for n in range(100)] + [(f"q{n}", 8, "g") for n in range(100)]
    j = make_touches(found)
    a = j.attribution("goal", converted=(at(13), at(20)))
    c = a.compare("previous")
    assert c.finding.startswith('"ads": 10% of 100 conversions against 50% of 100, −40.0 points (')
    assert c.table.row(0, named=True)["change"] == pytest.approx(0.8)
    assert [len(trace.x) for trace in c.plot(dark=True, narrow=True).data] == [2, 2, 2]
    markov = j.attribution("goal", model="markov", converted=(at(13), at(20)))
    untested = markov.compare()
    assert untested.table["ci_low"].null_count() == 2
    assert untested.finding == "Shares by the model 'markov' cannot be tested, since they are not sums over people."
    both = make_touches([*found, *((f"p{n}", 6, "s") for n in range(40)), *((f"p{n}", 8, "g") for n in range(40))])
    refused = both.attribution("goal", conversions="every", converted=(at(13), at(20))).compare()
    why = "more than 5% of the smaller side, so that nothing is tested"
    assert refused.finding == f"40 people are in both groups; {why}."
    for one in (untested, refused):
        drawn = one.plot()
        assert list(drawn.data[2].x) == one.table["difference"].to_list()
        assert set(drawn.data[2].error_x.array) == set(drawn.data[2].error_x.arrayminus) == {0}
        assert "points, not tested" in drawn.layout.meta["subtitle"]
    assert "too few for a finding" in a.compare("2w").finding
    with pytest.raises(jn.ArgumentError, match="other: model, by, conversions, leave_out differ"):
        a.compare(markov)
    with pytest.raises(jn.ArgumentError, match="converted: there is no period to go back from"):
        j.attribution("goal").compare()
    with pytest.raises(jn.ArgumentError, match="converted: .* is not a pair"):
        j.attribution("goal", converted="2026-03-01")
