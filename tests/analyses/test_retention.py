"""Retention against plain loops, published figures, and what a triangle may claim."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.analyses.calendar import make_calendar
from tests.logs import SCHEMA, in_order
from tests.twins import retention as twin

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = 60


def hourly(found):
    """Make a log of (person, hours after the start, event, campaign) rows."""
    timed = [(person, START + timedelta(hours=hour), event, campaign) for person, hour, event, campaign in found]
    return pl.DataFrame(timed, schema=SCHEMA, orient="row")


ROWS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.integers(0, 200),
        st.sampled_from("AABX"),
        st.sampled_from(["spring", "(none)", None]),
    ),
    max_size=18,
)
EVERY_NAME = [("z", 0, name, None) for name in "ABX"]


def cells_of(result):
    """Return who the table says is in each cohort and back in each period."""
    found = {}
    for row in result.table.iter_rows(named=True):
        if row["period"] == 0:
            found[row["cohort"], -1] = row["size"]
        if row["back"]:
            found[row["cohort"], row["period"]] = row["back"]
    return {key: count for key, count in found.items() if count}


@given(
    found=ROWS,
    options=st.fixed_dictionaries(
        {
            "every": st.sampled_from(["1d", "2d", "1w"]),
            "clock": st.sampled_from(["calendar", "own"]),
            "when": st.sampled_from(["on", "on or after", "on or before", "streak"]),
            "cohorts": st.sampled_from(["first", "each"]),
            "at_least": st.integers(1, 2),
        }
    ),
    zone=st.sampled_from(["UTC", "Asia/Kolkata"]),
)
def test_retention_equals_plain_loops(found, options, zone):
    found = [*EVERY_NAME, *found]
    j = jn.Journeys.from_table(hourly(found))
    every, clock, when, cohorts, at_least = (
        options[name] for name in ("every", "clock", "when", "cohorts", "at_least")
    )
    result = j.retention("A", back=["B", "A"], periods=4, time_zone=zone, **options)
    calendar = make_calendar(every, time_zone=zone)
    people = {}
    for person, hour, event, _ in in_order(found):
        moment = pl.DataFrame({"t": [START + timedelta(hours=hour)]})
        period = moment.select(calendar.index(pl.col("t")))["t"][0]
        people.setdefault(person, []).append(twin.Event(hour * HOUR, period, event == "A", event in "AB"))
    length = {"1d": 24, "2d": 48, "1w": 168}[every] * HOUR
    own = (lambda elapsed: min(elapsed // length, 5)) if clock == "own" else None
    expected = twin.retained(people, periods=4, when=when, cohorts=cohorts, at_least=at_least, own_period=own)
    until = START + timedelta(hours=max(hour for _, hour, _, _ in found))

    def begun(cohort, period):
        if period <= 0:
            return True
        if clock == "calendar":
            return calendar.instant(cohort + period) <= until
        starts = {who: [e.minute for e in people[who] if e.is_start and e.period == cohort] for who in people}
        newest = max(min(starts[who]) for who in expected[cohort, -1])
        return START + timedelta(minutes=newest + period * length) <= until

    counts = {
        (calendar.start_of(cohort), period): len(who)
        for (cohort, period), who in expected.items()
        if begun(cohort, period)
    }
    assert cells_of(result) == counts
    for (cohort, period), who in expected.items():
        if period >= 0 and begun(cohort, period):
            came = result.people(cohort=calendar.start_of(cohort), period=period, came=True)
            assert set(came.people["person"]) == who
            stayed_away = result.people(cohort=calendar.start_of(cohort), period=period, came=False)
            assert set(stayed_away.people["person"]) == expected[cohort, -1] - who


@given(found=ROWS)
def test_groups_add_up_to_the_undivided_numbers(found):
    found = [*EVERY_NAME, *found]
    j = jn.Journeys.from_table(hourly(found))
    whole = j.retention("A", back="B", every="1d", periods=3)
    for top in (1, None):
        grouped = j.retention("A", back="B", every="1d", periods=3, by="campaign", top=top)
        added = grouped.table.group_by("cohort", "period").agg(pl.col("size", "back").sum(), pl.col("complete").all())
        added = added.sort("cohort", "period")
        assert added.select("size").equals(whole.table.select("size"))
        assert added["back"].to_list() == whole.table["back"].fill_null(0).to_list()
        assert added["complete"].to_list() == whole.table["complete"].to_list()
        for group in grouped.table["campaign"].unique().to_list():
            size = grouped.table.filter((pl.col("campaign") == group) & (pl.col("period") == 0))["size"].sum()
            assert grouped.people(group=group).people.height == size


@given(found=ROWS)
def test_shards_change_no_retention(found, tmp_path_factory):
    j = jn.Journeys.from_table(hourly([*EVERY_NAME, *found])).save(tmp_path_factory.mktemp("s"), shards=3)
    one = jn.Journeys.from_table(hourly([*EVERY_NAME, *found]))
    ask = {"back": "B", "every": "1d", "periods": 3, "cohorts": "each", "by": "campaign"}
    assert j.retention("A", **ask).table.equals(one.retention("A", **ask).table)


@given(found=ROWS, back=st.sampled_from(["B", "any"]))
def test_parts_of_a_shard_make_the_whole(found, back):
    j = jn.Journeys.from_table(hourly([*EVERY_NAME, *found]))
    ask = {"back": back, "every": "1d", "periods": 3, "by": "campaign"}
    whole = j.retention("A", **ask)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("journeys.arrays._PERSON_ROWS", 2)
        parts = j.retention("A", **ask)
        assert parts.table.equals(whole.table)
        assert parts.people(came=True, period=0).people.equals(whole.people(came=True, period=0).people)


def test_only_observed_cells_have_a_rate():
    log = hourly([("a", 0, "A", None), ("a", 30, "B", None), ("b", 24, "A", None), ("b", 71, "B", None)])
    result = jn.Journeys.from_table(log).retention("A", back="B", every="1d", periods=3)
    assert result.table.select("size", "period", "back", "rate", "complete").rows() == [
        (1, 0, 0, 0.0, True),
        (1, 1, 1, 1.0, True),
        (1, 2, 0, None, False),
        (1, 3, None, None, False),
        (1, 0, 0, 0.0, True),
        (1, 1, 1, None, False),
        (1, 2, None, None, False),
        (1, 3, None, None, False),
    ]
    assert result.overall.select("period", "size", "back").rows() == [(0, 2, 0), (1, 1, 1)]
    assert result.matrix().select("0", "1", "2").rows() == [(0.0, 1.0, None), (0.0, None, None)]


def test_a_measure_is_summed_per_period():
    log = hourly([("a", 0, "A", None), ("a", 1, "B", None), ("a", 25, "B", None), ("b", 2, "A", None)])
    log = log.with_columns(amount=pl.Series([None, 2.5, 4.0, None]))
    table = jn.Journeys.from_table(log).retention("A", back="B", every="1d", periods=1, measure=("sum", "amount")).table
    assert table.select("value", "per_person").rows() == [(2.5, 1.25), (4.0, 2.0)]


def test_brackets_run_on_each_persons_own_clock():
    log = hourly(
        [("a", 0, "A", None), ("a", 23, "B", None), ("a", 24, "B", None), ("a", 72, "B", None), ("z", 999, "X", None)]
    )
    table = jn.Journeys.from_table(log).retention("A", back="B", brackets=["1d", "3d", "7d"]).table
    assert table.select("period", "back", "complete").rows() == [(0, 1, True), (1, 1, True), (2, 1, True)]


# -- published figures ------------------------------------------------------------------------


def published(events, *, start=None, last="2020-12-31"):
    """Make a log of (person, ISO time) rows that starts and returns with one event, watched until `last`."""
    rows = [(person, time, "visit") for person, time in events]
    rows += [(person, time, "start") for person, time in start or []]
    rows.append(("nobody", f"{last}T00:00:00", "end"))
    return jn.Journeys.from_table(pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row"))


def triangle(result, *, first, intervals):
    """Lay counts out as PostHog does: row i is cohort i; column 0 its size, column n who came back n periods later."""
    table = result.table
    rows = []
    calendar = result._spec.calendar
    for number in range(intervals):
        cohort = calendar.start_of(calendar.number_of(first) + number)
        mine = table.filter(pl.col("cohort") == cohort)
        size = mine["size"][0] if mine.height else 0
        back = [
            mine.filter(pl.col("period") == n)["back"][0] if mine.height else 0 for n in range(1, intervals - number)
        ]
        rows.append([size, *back])
    return rows


def days(person, month, *numbers, hour=5):
    return [(person, f"2020-{month:02d}-{number:02d}T{hour:02d}:00:00") for number in numbers]


def test_posthog_recurring_days():
    """PostHog, test_retention_query_runner.py, test_day_interval (MIT)."""
    events = [*days("person1", 6, 10, 11, 12, 15, 15, 16), *days("person2", 6, 11, 12, 13, 16)]
    result = published(events).retention("visit", back="visit", every="1d", periods=10, semantics="posthog")
    assert triangle(result, first=date(2020, 6, 10), intervals=11) == [
        [1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0], [2, 2, 1, 0, 1, 2, 0, 0, 0, 0], [2, 1, 0, 1, 2, 0, 0, 0, 0],
        [1, 0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [2, 0, 0, 0, 0], [0, 0, 0, 0],
        [0, 0, 0], [0, 0], [0],
    ]  # fmt: skip


def test_posthog_recurring_months_and_people_linked_later():
    """PostHog, test_retention_query_runner.py, test_month_interval and test_month_interval_with_person_on_events_v2."""
    both = [(1, 10), (2, 10), (3, 10), (6, 10)]
    events = [(f"person{n}", f"2020-{month:02d}-{day:02d}T05:00:00") for month, day in both for n in (1, 2)]
    events += [("person1", "2020-05-10T05:00:00"), ("person2", "2020-07-10T05:00:00")]
    events += [("person1", "2020-09-10T05:00:00"), ("person2", "2020-11-10T05:00:00")]
    result = published(events).retention("visit", back="visit", every="1mo", periods=10, semantics="posthog")
    assert triangle(result, first=date(2020, 1, 1), intervals=11) == [
        [2, 2, 2, 0, 1, 2, 1, 0, 1, 0, 1], [2, 2, 0, 1, 2, 1, 0, 1, 0, 1], [2, 0, 1, 2, 1, 0, 1, 0, 1],
        [0, 0, 0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 1, 0, 0], [2, 1, 0, 1, 0, 1], [1, 0, 0, 0, 1], [0, 0, 0, 0],
        [1, 0, 0], [0, 0], [1],
    ]  # fmt: skip
    table = pl.DataFrame(
        {
            "at": [f"2020-{month:02d}-10" for month in range(1, 12)] + ["2020-12-01"],
            "user_id": [f"person{1 + (month + 1) % 2}" for month in range(1, 12)] + ["person1"],
            "other": [None] * 11 + ["person2"],
            "event": ["visit"] * 11 + ["linked"],
        }
    )
    read = jn.read_table(table, timestamp="at", event="event", ids={"user_id": "user_id", "second_id": "other"})
    assert read.table.collect().height == 12
    merged = published([("one", f"2020-{month:02d}-10T00:00:00") for month in range(1, 12)])
    result = merged.retention("visit", back="visit", every="1mo", periods=10, semantics="posthog")
    assert triangle(result, first=date(2020, 1, 1), intervals=11) == [[1] * (11 - n) for n in range(11)]


def test_posthog_on_or_after():
    """PostHog, test_retention_query_runner.py, test_rolling_retention_doesnt_double_count_same_user (MIT)."""
    events = [*days("person1", 6, 10, 13, 14), *days("person2", 6, 10, 11), *days("person3", 6, 11, 12, 13)]
    events += [*days("person4", 6, 13, 14), *days("person5", 6, 14)]
    ask = {"every": "1d", "periods": 5, "when": "on or after", "cohorts": "each"}
    result = published(events).retention("visit", back="visit", **ask)
    assert triangle(result, first=date(2020, 6, 10), intervals=6) == [
        [2, 2, 1, 1, 1, 0], [2, 1, 1, 0, 0], [1, 1, 0, 0], [3, 2, 0], [3, 0], [0],
    ]  # fmt: skip


def test_posthog_first_time_counts_nobody_who_started_before():
    """PostHog, test_retention_query_runner.py, test_first_time_retention (MIT)."""
    start = [*days("x", 6, 5, 9), *days("person1", 6, 9, 11, 12, 13, 14), *days("person2", 6, 9)]
    start += [*days("person3", 6, 10), *days("person4", 6, 12)]
    back = [*days("person1", 6, 10, 11, 12, 15, 15, 16), *days("person2", 6, 11, 12, 13, 16)]
    back += [*days("person3", 6, 11, 13, 14, 15), *days("person4", 6, 13, 15)]
    expected = [[2, 1, 2, 2, 1, 0, 1], [1, 1, 0, 1, 1, 1], [0, 0, 0, 0, 0], [1, 1, 0, 1], [0, 0, 0], [0, 0], [0]]
    j = published(back, start=start)
    result = j.between("2020-06-09").retention("start", back="visit", every="1d", periods=6)
    assert triangle(result, first=date(2020, 6, 9), intervals=7) == expected


def test_amplitude_truncates_hours():
    """Amplitude, retention-analysis-time.md (CC BY-SA 4.0, facts restated)."""

    def back_in(first, second, *, period, **options):
        j = published([("u", first), ("u", second)], last="2022-12-31")
        table = j.retention("visit", back="visit", periods=period, cohorts="first", **options).table
        return table.filter(pl.col("period") == period)["back"][0]

    user1 = ("2021-12-01T17:59:00", "2021-12-02T17:00:00")
    assert back_in(*user1, every="1d", period=1, semantics="amplitude") == 1
    assert back_in(*user1, every="1d", period=1, clock="own") == 0
    assert back_in(*user1, every="1d", period=1) == 1
    user2 = ("2021-12-01T00:00:00", "2021-12-06T00:00:00")
    assert back_in(*user2, every="1w", period=1, clock="own") == 0
    assert back_in(*user2, every="1w", period=1) == 1
    user3 = ("2021-12-06T00:00:00", "2021-12-12T00:00:00")
    assert back_in(*user3, every="1mo", period=1, clock="own") == 0
    # weeks and months round down to the day: seven days later at an earlier hour is the next week
    user4 = ("2021-12-01T17:59:00", "2021-12-08T01:00:00")
    assert back_in(*user4, every="1w", period=1, semantics="amplitude") == 1
    assert back_in(*user4, every="1w", period=1, clock="own") == 0
    tokyo = {"semantics": "amplitude", "time_zone": "Asia/Tokyo", "every": "1w", "period": 1}
    assert back_in("2021-12-01T14:59:00", "2021-12-07T15:00:00", **tokyo) == 1
    assert back_in("2021-12-01T15:01:00", "2021-12-08T14:00:00", **tokyo) == 0


# -- arguments and pictures -------------------------------------------------------------------


def test_all_invalid_options_are_reported_together():
    j = jn.Journeys.from_table(hourly(EVERY_NAME))
    with pytest.raises(jn.ArgumentError) as raised:
        j.retention("A", every="5 weeks", periods=0, clock="sun", when="after", at_least=0, measure="amount", top=0)
    for part in ("every: '5 weeks'", "periods: 0", "clock: 'sun'", "when: 'after'", "at_least: 0", "measure: 'amount'"):
        assert part in str(raised.value)
    with pytest.raises(jn.ArgumentError, match="periods: 1000000000000 must be a whole number from 1 to 1000"):
        j.retention("A", periods=10**12)
    with pytest.raises(jn.ArgumentError, match="brackets: .* each longer than the last"):
        j.retention("A", brackets=["3d", "1d"])
    with pytest.raises(jn.UnknownNameError, match="start: no event 'AA'"):
        j.retention("AA")
    with pytest.raises(jn.UnknownNameError, match="by: no column 'campain'; did you mean 'campaign'"):
        j.retention("A", by="campain")
    with pytest.raises(jn.ArgumentError, match="brackets: '1d' must be a list of durations"):
        j.retention("A", brackets="1d")
    result = j.retention("A")
    with pytest.raises(jn.ArgumentError, match="came: 'yes' must be True, False or None"):
        result.people(came="yes")
    with pytest.raises(jn.UnknownNameError, match="cohort: no cohort '2020-01-01'"):
        result.people(cohort="2020-01-01")
    with pytest.raises(jn.ArgumentError, match="period: 99"):
        result.people(period=99)


@pytest.mark.parametrize("dark", [False, True])
def test_pictures_show_sizes_and_rates(dark):
    found = [(f"p{n}", 5 * n, "A", "ads") for n in range(60)]
    found += [(f"p{n}", 5 * n + 24, "B", None) for n in range(0, 60, 2)]
    result = jn.Journeys.from_table(hourly(found)).retention("A", back="B", every="1d", periods=5)
    heatmap = result.plot(dark=dark).data[0]
    assert len(heatmap.z) == result.table["cohort"].n_unique()
    assert result.plot_curve(dark=dark).data
    assert "of people were back 1 day after" in result.finding
    assert jn.Journeys.from_table(hourly(found)).retention("A", by="campaign").plot(dark=dark) is not None
    nobody = jn.Journeys.from_table(hourly(EVERY_NAME)).where(pl.col("event") != "A").retention("A")
    assert nobody.finding == 'No one did "A": there are no returns to show.'
    assert nobody.plot(dark=dark) is not None


WORDS = {
    "on": 'were back 1 day after "A", and 0% after 2 days.',
    "on or after": 'were back 1 day or more after "A", and 0% after 2 days or more.',
    "on or before": 'were back by 1 day after "A", and 50% by 2 days.',
    "streak": 'were back in every period up to 1 day after "A", and 0% up to 2 days.',
}


@pytest.mark.parametrize("when", WORDS)
def test_the_finding_says_what_counts_as_back(when):
    found = [(f"p{n}", 1, "A", "ads") for n in range(60)] + [(f"p{n}", 25, "B", None) for n in range(0, 60, 2)]
    found += [(f"p{n}", 2, "B", None) for n in range(60)] if when == "streak" else []
    j = jn.Journeys.from_table(hourly([*found, ("z", 200, "B", None)]))
    result = j.retention("A", back="B", every="1d", periods=2, when=when, at_least=1)
    assert result.finding == f"50% of people {WORDS[when]}"
    assert ("younger cohorts had less time" in result._definition) == (when == "on or after")


@pytest.mark.parametrize(
    ("brackets", "names"),
    [(["1d", "3d"], ["0–1 day", "1–3 days"]), (["1h", "12h"], ["0 seconds to 1 hour", "1 hour to 12 hours"])],
)
def test_brackets_are_named_by_their_ends(brackets, names):
    found = [(f"p{n}", 1, "A", "ads") for n in range(60)] + [(f"p{n}", 26, "B", None) for n in range(0, 60, 2)]
    result = jn.Journeys.from_table(hourly([*found, ("z", 200, "B", None)])).retention("A", brackets=brackets)
    assert f" of people were back {names[1]} after " in result.finding
    assert list(result.plot().layout.xaxis.ticktext[1:]) == names[1:]
    assert list(result.plot_curve().layout.xaxis.ticktext) == names[1:]


def test_cohorts_of_few_people_are_grey_and_many_groups_are_eight_lines():
    found = [(f"p{n}", 1, "A", f"c{n % 20:02}") for n in range(60)]
    found += [(f"p{n}", 25, "A", "(other)") for n in range(60, 70)]
    found += [(f"p{n}", 49, "B", None) for n in range(0, 70, 3)]
    j = jn.Journeys.from_table(hourly([*found, ("z", 200, "B", None)]))
    result = j.retention("A", back="B", every="1d", periods=2)
    many, few = result.plot().data[:2]
    assert [[rate is None for rate in line] for line in many.z] == [[True, True, True], [True, False, False]]
    assert [[rate is None for rate in line] for line in few.z] == [[True, False, False], [True, True, True]]
    assert "grey: fewer than 30 people" in result.plot().layout.meta["subtitle"]
    curves = j.retention("A", back="B", every="1d", periods=2, by="campaign", top=None).plot()
    assert len(curves.layout.annotations) == len({trace.line.color for trace in curves.data}) == 8
    assert "the 8 largest of 21" in curves.layout.meta["subtitle"]


def test_a_difference_to_another_tool_is_explained_choice_by_choice():
    rows = [(f"p{n}", f"2026-03-{1 + day:02d}T{n % 24:02d}:00", "A" if day in (0, 9) else "B") for n in range(60)
            for day in (0, 2 + n % 3, 9)]  # fmt: skip
    j = jn.Journeys.from_table(pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row"))
    ours, theirs = (
        j.retention("A", back="B", every="1d", periods=4, **more) for more in ({}, {"semantics": "mixpanel"})
    )
    table = ours.explain_difference(theirs).table
    assert set(table["choice"]) == {"clock", "when", "cohorts"}
    alone = j.retention("A", back="B", every="1d", periods=4, when="on or after")
    returns = int(alone.overall.filter(pl.col("period") > 0)["back"].sum())
    assert table.filter(pl.col("choice") == "when")["people"].to_list() == [returns]
    assert ours.explain_difference(ours).finding == "Both ask the same; they differ in the people asked."


def test_intervals_of_rates_cover_95_percent():
    random = np.random.default_rng(11)
    people, rate, covered, cells = 120, 0.3, 0, 0
    for _ in range(12):
        start = np.repeat(np.arange(4), people)
        came = random.random((start.size, 3)) < rate
        rows = [(n, day, "A") for n, day in enumerate(start)]
        rows += [(n, start[n] + k + 1, "B") for n, k in zip(*np.nonzero(came), strict=True)] + [(-1, 20, "X")]
        table = pl.DataFrame(rows, schema=["person", "day", "event"], orient="row")
        time = pl.datetime(2026, 3, 1) + pl.duration(days=pl.col("day"))
        found = jn.Journeys.from_table(table.select("person", "event", timestamp=time))
        shown = found.retention("A", back="B", every="1d", periods=3).table.filter(pl.col("period") > 0)
        covered += shown.filter(pl.col("ci_low") <= rate, pl.col("ci_high") >= rate).height
        cells += shown.height
    assert cells == 144
    assert 0.9 <= covered / cells <= 0.99


def test_what_the_system_does_is_no_return():
    rows = [("a", "2026-03-01", "A", "person"), ("a", "2026-03-02", "Received Email", "system"),
            ("b", "2026-03-01", "A", "person"), ("b", "2026-03-02", "Opened", "person")]  # fmt: skip
    j = jn.Journeys.from_table(pl.DataFrame(rows, schema=["person", "timestamp", "event", "by"], orient="row"))
    assert j.retention("A", every="1d", periods=1).table["back"].to_list() == [0, 1]
    assert j.retention("A", back="Received Email", every="1d", periods=1).table["back"].to_list() == [0, 1]


def test_a_clock_set_back_over_midnight_makes_no_second_cohort():
    # in St. John's, 2 November 2008 began at 02:30 UTC; at 02:31 UTC clocks went back to 23:01 on 1 November
    times = ["2008-11-02T01:00:00Z", "2008-11-02T02:30:30Z", "2008-11-02T02:40:00Z"]
    log = pl.DataFrame({"person": ["a"] * 3, "timestamp": times, "event": ["start"] * 3})
    asked = {"every": "1d", "periods": 1, "time_zone": "America/St_Johns"}
    each = jn.Journeys.from_table(log).retention("start", back="start", cohorts="each", **asked).table
    assert each.filter(pl.col("period") == 0).select("size", "back").rows() == [(1, 1), (1, 1)]
    first = jn.Journeys.from_table(log[1:]).retention("start", back="start", **asked).table
    assert first.filter(pl.col("period") == 0).select("size", "back").rows() == [(1, 1)]


def test_coming_back_may_be_an_expression() -> None:
    j = jn.Journeys.from_table(hourly([("a", 0, "A", None), ("a", 25, "B", None), ("b", 0, "A", None)]))
    named = j.retention("A", back="B", every="1d", periods=2)
    result = j.retention("A", back=pl.col("event") == "B", every="1d", periods=2)
    assert result.table.equals(named.table)
    assert result.settings["back"] == str(pl.col("event") == "B")
